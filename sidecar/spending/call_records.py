"""Settle a request of which nobody knew what it cost, by what the vendor says of that very call."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from sidecar.money.catalogue import Catalogue
from sidecar.money.charge import charge
from sidecar.money.model import utc_day
from sidecar.providers.base import Usage
from sidecar.spending.settlement import Settlement, evidence, settle
from sidecar.store.records import LedgerEntry, SettledBy


def settle_by_record(
    conn: sqlite3.Connection,
    catalogue: Catalogue,
    entry: LedgerEntry,
    usage: Usage,
    now: int,
    by: SettledBy,
) -> bool:
    """Write what the vendor says it charged for the call. A request that was settled meanwhile stays as it is.
    False where that has no price, or where the call cannot have cost that. It is kept `by` what it was settled.

    A record that is known by the id of the answer, which the ledger row has, is of that call without doubt. What is
    known by its minutes alone may be another program's, and is believed where it lies between the bounds.
    """
    called = catalogue.resolve(entry.model or "").model
    cost = charge(catalogue, called, None, usage, utc_day(entry.created_at))
    if cost.usd is None or (by == "minutes" and not _may_have_cost(entry, cost.usd)):
        return False
    settle(
        conn,
        entry.id,
        Settlement(
            "settled",
            # A vendor that tells what it charged alone leaves the counts as they are known here.
            usage=usage if any(usage.counts) else None,
            cost_usd=cost.usd,
            served_model=entry.served_model or cost.served_id,
            request_id=entry.request_id,
            incomplete=True,
            evidence=evidence(cost, usage),
            settled_by=by,
        ),
        now,
        message_id=entry.message_id,
    )
    return True


def _may_have_cost(entry: LedgerEntry, usd: Decimal) -> bool:
    most = entry.at_most_usd
    return (entry.at_least_usd or Decimal(0)) <= usd and (most is None or usd <= most)
