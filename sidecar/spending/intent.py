"""What is written down before a request leaves: that it is about to be spent, and how much at most."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Literal

from sidecar.errors import Failure
from sidecar.key_text import key_mark
from sidecar.money import charge as charging
from sidecar.money.catalogue import Catalogue
from sidecar.money.model import Serving, utc_day
from sidecar.providers.base import Begun
from sidecar.spending.budget import Budget, What, give_back, reserve
from sidecar.spending.settlement import SoFar, so_far
from sidecar.store import kv, ledger
from sidecar.store.records import LedgerEntry
from sidecar.store.store import Store

_SALT = "keyMarkSalt"
# In hexadecimal digits they are as long as the hash takes a salt to be.
_SALT_BYTES = 8


class KeyMarks:
    """Gives the mark of a key: the same for every call by it in this data folder, another one in every other folder.

    It is made with a salt that was drawn for the folder and stands in its database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._salt: str | None = None
        # Whoever comes first goes first, also while the salt is read: rows leave in their order.
        self._turns = asyncio.Lock()

    async def of(self, key: str) -> str | None:
        """Return the mark; None without a key, and where the salt cannot be read: a mark is in no question's way."""
        if not key:
            return None
        async with self._turns:
            if self._salt is None:
                with suppress(Failure):
                    self._salt = await self._store.read(kv.get, _SALT) or await self._store.write(_drawn)
            return None if self._salt is None else key_mark(key, self._salt)

    def forget(self) -> None:
        """Another database is in place, with a salt of its own."""
        self._salt = None


def _drawn(conn: sqlite3.Connection) -> str:
    """Return the salt, which whoever comes first draws."""
    salt = kv.get(conn, _SALT)
    if salt is None:
        salt = secrets.token_hex(_SALT_BYTES)
        kv.put(conn, _SALT, salt)
    return salt


def entry(
    catalogue: Catalogue,
    serving: Serving,
    *,
    entry_id: str,
    kind: Literal["chat", "batch"],
    now: int,
    host: str,
    key_mark: str | None,
) -> LedgerEntry:
    """Return the ledger's row of a request to that model at a host, with the price of its day (pure).

    It keeps no key, but a mark of `KeyMarks`, by which the calls of one key can be told from those of another.
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
        key_mark=key_mark,
    )


def write(
    conn: sqlite3.Connection,
    made: LedgerEntry,
    budget: Budget | None,
    what: What,
    held_usd: Decimal | None = None,
) -> None:
    """Reserve what the request may cost and write that it leaves. For a row of a job, its job holds `held_usd` no more.

    A budget of None was asked a moment ago. Raises Failure("budget_exceeded"): the transaction must not be kept then.
    """
    if made.job_id is not None:
        give_back(conn, made.job_id, held_usd)
    if budget is not None:
        reserve(conn, budget, made.estimate_usd, what)
    ledger.intent(conn, made)


async def keep_begun(store: Store, entry_id: str, event: Begun, least: Callable[[], SoFar | None]) -> None:
    """Keep the vendor's id of an answer that has begun, and what is certain of its cost by then.

    Both must outlive a process that dies before the answer ends. `least` tells that cost: some vendors count the
    question as they begin. A disk that does not take it is in no answer's way.
    """
    with suppress(Failure):
        await store.write(_keep_begun, entry_id, event.response_id, least())


def _keep_begun(conn: sqlite3.Connection, entry_id: str, response_id: str, least: SoFar | None) -> None:
    ledger.keep_begun(conn, entry_id, response_id)
    so_far(conn, entry_id, least)


def raise_to(
    conn: sqlite3.Connection, entry_id: str, at_most_usd: Decimal, budget: Budget, what: What
) -> None:
    """Hold back more for a request that is under way, before it leaves in a form that may cost more, or goes on.

    Raises Failure("budget_exceeded"): the transaction must not be kept then, and nothing more may leave.
    """
    _hold_anew(conn, {entry_id: at_most_usd}, budget, what)


def keep_key(conn: sqlite3.Connection, entry_id: str, key_mark: str | None) -> None:
    """Keep the mark of the key by which a request is asked once more, the one before it having been refused."""
    ledger.keep_key(conn, entry_id, key_mark)


def keep_place(conn: sqlite3.Connection, part_id: str, host: str, key_mark: str | None) -> None:
    """Keep where the rows of a part of a native batch are about to go, and the mark of the key that sends them."""
    ledger.keep_place(conn, part_id, host, key_mark)


def write_chunk(
    conn: sqlite3.Connection,
    job_id: str,
    entries: Sequence[LedgerEntry],
    held_usd: Decimal,
    budget: Budget,
) -> None:
    """Write that these rows of a job leave together. Its job holds `held_usd` no more, which the budget had allowed.

    Where they may cost more by now, it is asked for that. Raises Failure("budget_exceeded"): the transaction must not
    be kept then.
    """
    give_back(conn, job_id, held_usd)
    most = sum((each.estimate_usd or Decimal(0) for each in entries), Decimal(0))
    if most > held_usd:
        reserve(conn, budget, most, "part")
    for each in entries:
        ledger.intent(conn, each)


def raise_chunk(conn: sqlite3.Connection, most_usd: Mapping[str, Decimal], budget: Budget) -> None:
    """Hold back so much for rows that leave together once more, by the ids of their entries; never less than before.

    Raises Failure("budget_exceeded"): the transaction must not be kept then.
    """
    dearer = {}
    for entry_id, most in most_usd.items():
        entry = ledger.get(conn, entry_id)
        if entry is not None and most > (entry.estimate_usd or 0):
            dearer[entry_id] = most
    if dearer:
        _hold_anew(conn, dearer, budget, "part")


def _hold_anew(conn: sqlite3.Connection, most_usd: Mapping[str, Decimal], budget: Budget, what: What) -> None:
    for entry_id in most_usd:
        # What is held for it already is in the new sum.
        ledger.keep_most(conn, entry_id, Decimal(0))
    reserve(conn, budget, sum(most_usd.values(), Decimal(0)), what)
    for entry_id, most in most_usd.items():
        ledger.keep_most(conn, entry_id, most)
