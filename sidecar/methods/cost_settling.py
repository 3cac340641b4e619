"""Calls whose cost nobody here knows, settled by what their vendor says of exactly these."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.key_names import ADMIN_KEY_VARIABLES, admin_key_of
from sidecar.methods.services import Request
from sidecar.providers.base import Usage
from sidecar.providers.bills import RecordsCalls, TellsMinutes
from sidecar.spending.call_records import alone_by_model, settle_by_record, who_answered
from sidecar.spending.only_call import can_be_asked_for, counted_between, is_of
from sidecar.store import kv
from sidecar.store.records import LedgerEntry, SettledBy

# Vendors are asked for each call by itself.
MOST_CALLS = 200


async def settle_unknown(call: Request, provider: str, entries: list[LedgerEntry]) -> list[str]:
    """Settle what can be settled beyond doubt; return a sentence for each call that was, and for what was in the way.

    By the vendor's record of the call, which the id of its answer names, or by minutes in which it was the only call of
    its model, as far as an admin key may read them. Of very many some are looked up, and the next ones another time.
    """
    app = call.services
    unknown = [each for each in entries if each.state == "unknown"]
    if not unknown:
        return []
    alone = await asyncio.to_thread(alone_by_model, app.catalogue, entries)
    ways = [way for way in (await _records(call, provider), await _minutes(call, provider, alone)) if way]
    known = [each for each in unknown if any(way.can_tell(each) for way in ways)]
    place = f"settling.{provider}"
    last = await app.store.read(kv.get, place)
    turn = in_turn([each.id for each in known], last, MOST_CALLS)
    by_id = {each.id: each for each in known}
    settled: list[str] = []
    for entry in (by_id[entry_id] for entry_id in turn):
        for way in [each for each in ways if each.can_tell(entry)]:
            try:
                usage = await way.find(entry)
            except Failure as failure:
                # The figures can be laid side by side all the same. The others would be refused alike.
                ways.remove(way)
                settled.append(NOT_ASKED.format(failure.message))
                continue
            if usage is not None and await _settle(call, entry, usage, way.by):
                settled.append(NOW[way.by].format(entry.request_id or entry.id))
                break
        if not ways:
            turn = turn[: turn.index(entry.id) + 1]
            break
    if len(turn) < len(known):
        settled.append(MORE.format(counted(len(known), "call"), len(turn)))
    reached = turn[-1] if len(turn) < len(known) else None
    if reached != last:
        await app.store.write(kv.put, place, reached)
    return settled


def in_turn(ids: Sequence[str], last: str | None, most: int) -> list[str]:
    """Return the ids that are looked up this time: those behind the last one of the time before, round and round.

    The last one may be gone meanwhile: then they begin anew.
    """
    begin = ids.index(last) + 1 if last in ids else 0
    return [*ids[begin:], *ids[:begin]][:most]


NOT_ASKED = "Calls that broke off could not all be looked up at the vendor: {}"
MORE = (
    "{} that broke off may be looked up at the vendor, {} of which were this time: look again for the others."
)
NOW: Mapping[SettledBy, str] = {
    "record": "Settled by the server's own record of the call: {}.",
    "minutes": "Settled by the minutes in which it was the only call of its model: {}.",
}
BEFORE: Mapping[SettledBy, str] = {
    "record": "by the server's own record of it",
    "minutes": "by the minutes in which it was the only call of its model",
}


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to learn what a call cost. `can_tell`: there is something to ask for; `find` asks, and raises Failure."""

    by: SettledBy
    can_tell: Callable[[LedgerEntry], bool]
    find: Callable[[LedgerEntry], Awaitable[Usage | None]]


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


async def _records(call: Request, provider: str) -> _Way | None:
    """The vendor's records of single calls, where it keeps any that the ordinary key may read."""
    app = call.services
    teller = app.providers.get(provider)
    if not isinstance(teller, RecordsCalls):
        return None

    async def find(entry: LedgerEntry) -> Usage | None:
        return await app.keys.ask(provider, lambda key: teller.call_record(key, entry.request_id or ""))

    return _Way("record", lambda entry: entry.request_id is not None, find)


async def _minutes(call: Request, provider: str, alone: Set[str]) -> _Way | None:
    """The minutes of a vendor, where there is a key that may read them; only of calls that were `alone` of ours."""
    app, name = call.services, admin_key_of(provider)
    teller = app.providers.get(provider)
    key = await app.keys.get(name) if name in ADMIN_KEY_VARIABLES else None
    if key is None or not isinstance(teller, TellsMinutes):
        return None

    async def find(entry: LedgerEntry) -> Usage | None:
        model = who_answered(app.catalogue, entry)
        if model is None:
            return None
        first_ms, end_ms = counted_between(entry)
        found = await app.keys.ask(name, lambda key: teller.minutes(key, model.id, first_ms, end_ms))
        if found is None or found.batch or not is_of(entry, found.requests, found.usage):
            return None
        return found.usage

    now = app.now_ms()
    return _Way("minutes", lambda entry: entry.id in alone and can_be_asked_for(entry, now), find)
