"""What is written down before a request leaves: that it is about to be spent, and how much at most."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Literal

from sidecar.errors import Failure
from sidecar.keys import key_mark
from sidecar.money import charge as charging
from sidecar.money.catalogue import Catalogue
from sidecar.money.model import Serving, utc_day
from sidecar.providers.base import Begun
from sidecar.spending.budget import Budget, What, give_back, reserve
from sidecar.store import ledger
from sidecar.store.records import LedgerEntry
from sidecar.store.store import Store


def entry(
    catalogue: Catalogue,
    serving: Serving,
    *,
    entry_id: str,
    kind: Literal["chat", "batch"],
    now: int,
    host: str,
    key: str,
) -> LedgerEntry:
    """Return the ledger's row of a request to that model at a host, with the price of its day (pure).

    It keeps no key, but a mark that is the row's own, by which a key can be told to be the one.
    Whoever asks adds what it belongs to, and `estimate_usd`: the upper bound of what it may cost.
    """
    price = catalogue.price_entry(serving.model, utc_day(now))
    return LedgerEntry(
        id=entry_id,
        created_at=now,
        kind=kind,
        provider=serving.model.provider,
        model=serving.asked_id,
        price=charging.price_record(price) if price else None,
        host=host or None,
        key_mark=key_mark(key, entry_id) if key else None,
    )


def write(conn: sqlite3.Connection, made: LedgerEntry, budget: Budget | None, what: What) -> None:
    """Reserve what the request may cost and write that it leaves. For a row of a job, its job holds that no more.

    A budget of None was asked a moment ago. Raises Failure("budget_exceeded"): the transaction must not be kept then.
    """
    if made.job_id is not None:
        give_back(conn, made.job_id, made.estimate_usd)
    if budget is not None:
        reserve(conn, budget, made.estimate_usd, what)
    ledger.intent(conn, made)


async def keep_begun(
    store: Store, entry_id: str, event: Begun, least_usd: Callable[[], Decimal | None]
) -> None:
    """Keep the vendor's id of an answer that has begun, and what is certain of its cost by then.

    Both must outlive a process that dies before the answer ends. `least_usd` tells that cost: some vendors count the
    question as they begin. A disk that does not take it is in no answer's way.
    """
    with suppress(Failure):
        await store.write(ledger.keep_begun, entry_id, event.response_id, least_usd())


def keep_place(conn: sqlite3.Connection, part_id: str, host: str, key_mark: str) -> None:
    """Keep where the rows of a part of a native batch are about to go, and the mark of the key that sends them."""
    ledger.keep_place(conn, part_id, host, key_mark)


def write_chunk(conn: sqlite3.Connection, job_id: str, entries: Iterable[LedgerEntry]) -> None:
    """Write that these rows of a job leave together. The job's hold, which the budget allowed, moves to them."""
    moved = Decimal(0)
    for each in entries:
        moved += each.estimate_usd or Decimal(0)
        ledger.intent(conn, each)
    give_back(conn, job_id, moved)
