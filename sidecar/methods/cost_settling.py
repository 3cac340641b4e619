"""Calls whose cost nobody here knows, settled by what their vendor says of exactly these."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.keys import ADMIN_KEY_VARIABLES, admin_key_of
from sidecar.methods.services import Request
from sidecar.providers.base import Usage
from sidecar.providers.bills import RecordsCalls, TellsMinutes
from sidecar.spending.call_records import alone_by_model, settle_by_record, who_answered
from sidecar.spending.only_call import can_be_asked_for, counted_between, is_of
from sidecar.store.records import LedgerEntry, SettledBy

# Vendors are asked for each call by itself.
MOST_CALLS = 200


async def settle_unknown(call: Request, provider: str, entries: list[LedgerEntry]) -> list[str]:
    """Settle what can be settled beyond doubt; return a sentence for each call that was, and for what was in the way.

    By the vendor's record of the call, which the id of its answer names, or by minutes in which it was the only call of
    its model, as far as an admin key may read them.
    """
    unknown = [each for each in entries if each.state == "unknown"]
    settled: list[str] = []
    alone = (
        await asyncio.to_thread(alone_by_model, call.services.catalogue, entries) if unknown else set[str]()
    )
    ways: list[tuple[_Way, SettledBy]] = [(_by_record, "record"), (_by_minutes, "minutes")]
    for entry in unknown[:MOST_CALLS]:
        for way in list(ways):
            find, by = way
            try:
                usage = await find(call, provider, entry, alone)
            except Failure as failure:
                # The figures can be laid side by side all the same. The others would be refused alike.
                ways.remove(way)
                settled.append(NOT_ASKED.format(failure.message))
                continue
            if usage is not None and await _settle(call, entry, usage, by):
                settled.append(NOW[by].format(entry.request_id or entry.id))
                break
    return settled


NOT_ASKED = "Calls that broke off could not all be looked up at the vendor: {}"
NOW: Mapping[SettledBy, str] = {
    "record": "Settled by the server's own record of the call: {}.",
    "minutes": "Settled by the minutes in which it was the only call of its model: {}.",
}
BEFORE: Mapping[SettledBy, str] = {
    "record": "by the server's own record of it",
    "minutes": "by the minutes in which it was the only call of its model",
}
_Way = Callable[[Request, str, LedgerEntry, Set[str]], Awaitable[Usage | None]]


def settled_before(entries: Iterable[LedgerEntry]) -> list[str]:
    """Return the sentence that says how many calls an earlier look at the bill settled, and by what (pure)."""
    counts = Counter(entry.settled_by for entry in entries if entry.settled_by is not None)
    told = [f"{counted(counts[by], 'call')} {words}" for by, words in BEFORE.items() if counts[by]]
    return [f"Settled before: {', '.join(told)}. The cost of each is what was told then."] if told else []


async def _settle(call: Request, entry: LedgerEntry, usage: Usage, by: SettledBy) -> bool:
    app = call.services

    def write(conn: sqlite3.Connection) -> bool:
        return settle_by_record(conn, app.catalogue, entry, usage, app.now_ms(), by)

    return await app.store.write(write)


async def _by_record(call: Request, provider: str, entry: LedgerEntry, alone: Set[str]) -> Usage | None:
    app = call.services
    teller = app.providers.get(provider)
    if entry.request_id is None or not isinstance(teller, RecordsCalls):
        return None
    return await teller.call_record(await app.keys.get(provider) or "", entry.request_id)


async def _by_minutes(call: Request, provider: str, entry: LedgerEntry, alone: Set[str]) -> Usage | None:
    app, name = call.services, admin_key_of(provider)
    teller = app.providers.get(provider)
    key = await app.keys.get(name) if name in ADMIN_KEY_VARIABLES else None
    if key is None or not isinstance(teller, TellsMinutes):
        return None
    model = who_answered(app.catalogue, entry)
    if model is None or entry.id not in alone or not can_be_asked_for(entry, app.now_ms()):
        return None
    found = await teller.minutes(key, model.id, *counted_between(entry))
    if found is None or found.batch or not is_of(entry, found.requests, found.usage):
        return None
    return found.usage
