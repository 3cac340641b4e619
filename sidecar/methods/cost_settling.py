"""Calls whose cost nobody here knows, settled by what their vendor says of exactly these."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.keys import ADMIN_KEY_VARIABLES, admin_key_of
from sidecar.methods.services import Request
from sidecar.providers.base import Usage
from sidecar.providers.bills import RecordsCalls, TellsMinutes
from sidecar.spending.call_records import settle_by_record
from sidecar.store.records import LedgerEntry, SettledBy

# Vendors are asked for each call by itself.
MOST_CALLS = 200
MINUTE_MS = 60_000
# Of a call that was cut off nobody knows how long it went on at the vendor.
LONGEST_CALL_MS = 10 * MINUTE_MS


async def settle_unknown(call: Request, provider: str, entries: list[LedgerEntry]) -> list[str]:
    """Settle what can be settled beyond doubt; return a sentence for each call that was, and for what was in the way.

    By the vendor's record of the call, which the id of its answer names, or by minutes in which it was the only call of
    its model, as far as an admin key may read them.
    """
    unknown = [each for each in entries if each.state == "unknown"]
    settled: list[str] = []
    ways: list[tuple[_Way, SettledBy]] = [(_by_record, "record"), (_by_minutes, "minutes")]
    for entry in unknown[:MOST_CALLS]:
        for way in list(ways):
            find, by = way
            try:
                usage = await find(call, provider, entry, entries)
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
_Way = Callable[[Request, str, LedgerEntry, Sequence[LedgerEntry]], Awaitable[Usage | None]]


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


async def _by_record(
    call: Request, provider: str, entry: LedgerEntry, entries: Sequence[LedgerEntry]
) -> Usage | None:
    app = call.services
    teller = app.providers.get(provider)
    if entry.request_id is None or not isinstance(teller, RecordsCalls):
        return None
    return await teller.call_record(await app.keys.get(provider) or "", entry.request_id)


async def _by_minutes(
    call: Request, provider: str, entry: LedgerEntry, entries: Sequence[LedgerEntry]
) -> Usage | None:
    app, name = call.services, admin_key_of(provider)
    teller = app.providers.get(provider)
    key = await app.keys.get(name) if name in ADMIN_KEY_VARIABLES else None
    if key is None or entry.batch_rate or entry.model is None or not isinstance(teller, TellsMinutes):
        return None
    first, end = _minutes(entry)
    alone = not any(_overlaps(entry, each) for each in entries)
    # What has not come in yet may come in beside it.
    if not alone or app.now_ms() - end < LONGEST_CALL_MS:
        return None
    model = app.catalogue.resolve(entry.served_model or entry.model).model
    found = await teller.minutes(key, model.id, first, end)
    if found is None or found.batch:
        return None
    alone = found.requests == 1 or (found.requests is None and _same_question(entry, found.usage))
    return found.usage if alone else None


def _same_question(entry: LedgerEntry, usage: Usage) -> bool:
    """Whether tokens that nobody tells the number of calls of are those of this one, whose vendor counted its question.

    Another call beside it would have had a question too, and one alone hardly the same to the token.
    """
    kept = (entry.in_uncached, entry.cache_read, entry.cache_write_short, entry.cache_write_long)
    told = (usage.in_uncached, usage.cache_read, usage.cache_write_short, usage.cache_write_long)
    return bool(entry.prompt_total) and kept == told


def _minutes(entry: LedgerEntry) -> tuple[int, int]:
    """From when to when a call can have been counted by its vendor, in ms."""
    latest = entry.created_at + LONGEST_CALL_MS
    return entry.created_at, min(entry.settled_at or latest, latest)


def _overlaps(entry: LedgerEntry, other: LedgerEntry) -> bool:
    """Whether another call of ours may be counted in the same minutes under the same model."""
    if other.id == entry.id or other.state == "failed":
        return False
    if (other.served_model or other.model) != (entry.served_model or entry.model):
        return False
    (first, end), (began, ended) = _minutes(entry), _minutes(other)
    return began <= end + MINUTE_MS and ended >= first - MINUTE_MS
