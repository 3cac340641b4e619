"""Whether what a vendor counted in some minutes is one call of ours, beyond doubt (pure).

    sent            cut, here                                 ended, at the vendor
     │                 │                                              │
     ├─────────────────┼──────────────── GOES_ON_MS ──────────────────┤  it is counted in any minute of this,
     └ CLOCKS_MS before                               CLOCKS_MS after ┘  by its beginning or by its end

Another program's call in one of these minutes may be taken for ours: so there must be exactly one, by either count.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sidecar.providers.base import Usage
from sidecar.store.records import LedgerEntry

MINUTE_MS = 60_000
# A vendor need not see that nobody listens any more, and an answer of 128,000 tokens takes an hour at 40 a second.
GOES_ON_MS = 60 * MINUTE_MS
# The clock of this machine beside the vendor's.
CLOCKS_MS = 2 * MINUTE_MS
# Vendors' figures come minutes to hours late, and those of another program may be there before ours.
LATE_MS = 6 * 60 * MINUTE_MS
# No vendor gives more of its minutes at once than those of a day.
LONGEST_MS = 23 * 60 * MINUTE_MS


def counted_between(entry: LedgerEntry) -> tuple[int, int]:
    """Return from when to when a call can have been counted by its vendor, in ms since 1970.

    A call of a run that was killed is taken to have gone on until the next start: nobody knows when it was cut.
    """
    cut = entry.created_at if entry.settled_at is None else max(entry.created_at, entry.settled_at)
    return entry.created_at - CLOCKS_MS, cut + GOES_ON_MS + CLOCKS_MS


def can_be_asked_for(entry: LedgerEntry, now_ms: int) -> bool:
    """Whether minutes can say what a call cost: its vendor has begun it, and all figures of its time are in by now.

    Of a call that its vendor may never have begun the only one of that time can be anybody's.
    """
    begun = bool(entry.request_id or entry.at_least_usd or entry.prompt_total)
    first, end = counted_between(entry)
    return begun and not entry.batch_rate and end - first <= LONGEST_MS and now_ms - end >= LATE_MS


def alone(calls: Iterable[LedgerEntry]) -> set[str]:
    """Return the ids of those calls to one model, all that there are, beside which no other may be counted."""
    windows = sorted((*counted_between(entry), entry.id) for entry in calls if entry.state != "failed")
    found = set[str]()
    latest = -MINUTE_MS
    for number, (first, end, entry_id) in enumerate(windows):
        following = windows[number + 1][0] if number + 1 < len(windows) else None
        if first > latest + MINUTE_MS and (following is None or following > end + MINUTE_MS):
            found.add(entry_id)
        latest = max(latest, end)
    return found


def is_of(entry: LedgerEntry, requests: int | None, usage: Usage) -> bool:
    """Whether so many requests (None: nobody says how many) that used this together are the call alone.

    What is known of its question must be what was counted to the token, and its answer no longer than what was counted.
    Where the number is not told, the question must be known: another call beside it would have had one too.
    """
    kept = (entry.in_uncached, entry.cache_read, entry.cache_write_short, entry.cache_write_long)
    told = (usage.in_uncached, usage.cache_read, usage.cache_write_short, usage.cache_write_long)
    if requests is None and not entry.prompt_total:
        return False
    if requests not in (None, 1):
        return False
    if not any(usage.counts):
        return requests == 1
    written = (entry.out_visible or 0) + (entry.out_reasoning or 0)
    return (not entry.prompt_total or kept == told) and written <= usage.out_total


def may_have_cost(entry: LedgerEntry, usd: Decimal) -> bool:
    """Whether a call whose cost lies between bounds can have cost this; one without an upper bound can be anybody's."""
    most = entry.at_most_usd
    return most is not None and (entry.at_least_usd or Decimal(0)) <= usd <= most
