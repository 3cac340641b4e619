"""Settle a request of which nobody knew what it cost, by what the vendor says of that very call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from datetime import date

from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from sidecar.money.charge import charge
from sidecar.money.model import ModelEntry, utc_day
from sidecar.providers.base import Usage
from sidecar.spending.only_call import alone, may_have_cost
from sidecar.spending.settlement import evidence, settle
from sidecar.store import late_costs
from sidecar.store.records import LedgerEntry, SettledBy, Settlement


def settle_by_record(
    conn: sqlite3.Connection,
    catalogue: Catalogue,
    entry: LedgerEntry,
    usage: Usage,
    now: int,
    by: SettledBy,
) -> bool:
    """Write what the vendor says it charged for the call. A request that was settled meanwhile stays as it is.
    False then, and where that has no price, or where the call cannot have cost that. It is kept `by` what it was
    settled, and what a row of a batch cost is in the sums of its row and its job from then on.

    A record that is known by the id of the answer, which the ledger row has, is of that call without doubt. What is
    known by its minutes alone may be another program's, and is believed where it lies between the bounds.
    """
    called = who_answered(catalogue, entry)
    if called is None:
        return False
    cost = charge(catalogue, called, None, usage, utc_day(entry.created_at))
    if cost.usd is None or (by == "minutes" and not may_have_cost(entry, cost.usd)):
        return False
    written = settle(
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
    if written and entry.job_id is not None and entry.row_id is not None:
        late_costs.add(conn, entry.job_id, entry.row_id, cost.usd)
    return written


def who_answered(catalogue: Catalogue, entry: LedgerEntry) -> ModelEntry | None:
    """Return the model that a vendor counts a call under, a retired one's successor; None for one no longer listed."""
    for name in (entry.served_model, entry.model):
        if name is not None and catalogue.names.knows(name):
            with suppress(Failure):
                return catalogue.served(name, utc_day(entry.created_at)).model
    return None


def alone_by_model(catalogue: Catalogue, entries: Iterable[LedgerEntry]) -> set[str]:
    """Return the ids of the calls beside which no other call of ours, by the same model, may have been counted."""
    by_model: dict[str, list[LedgerEntry]] = {}
    known: dict[tuple[str | None, str | None, date], ModelEntry | None] = {}
    for entry in entries:
        asked = (entry.served_model, entry.model, utc_day(entry.created_at))
        model = known[asked] if asked in known else known.setdefault(asked, who_answered(catalogue, entry))
        if model is not None:
            by_model.setdefault(model.full_id, []).append(entry)
    return {entry_id for calls in by_model.values() for entry_id in alone(calls)}
