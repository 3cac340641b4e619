"""Calls as the ledger has them, with what each used: for exports and for what is laid beside a bill."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from sidecar.store.activity import RAN
from sidecar.store.columns import from_json, from_pico

_CALLS = (
    "SELECT rowid, created_at, served_model, model, cost_pico, in_uncached, cache_read, cache_write_short,"  # noqa: S608
    f" cache_write_long, out_visible, out_reasoning, searches, prompt_total, batch_rate,"
    f" service_tier, surcharges, CASE WHEN requests > 1 OR searches > 0 THEN parts END FROM ledger WHERE {RAN}"
    " AND created_at >= ? AND created_at < ? AND (created_at > ? OR rowid > ?)"
)
CALLS_SQL = f"{_CALLS} ORDER BY created_at, rowid LIMIT ?"
CALLS_IN_PROJECT_SQL = f"{_CALLS} AND project_id = ? ORDER BY created_at, rowid LIMIT ?"
_PROMPT = ("in_uncached", "cache_read", "cache_write_short", "cache_write_long")


@dataclass(frozen=True, slots=True)
class CallUsage:
    """The recorded tokens of a call; the names are those of the providers' Usage."""

    in_uncached: int
    cache_read: int
    cache_write_short: int
    cache_write_long: int
    out_visible: int
    out_reasoning: int
    searches: int
    prompt_total: int
    free_searches: int = 0


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that ran, or may have run. `usage` and `cost_usd` are None where they are not known.

    `batch_rate` says that it went by a vendor's own batch; tier and surcharges are the vendor's words.
    `requests` are those of an answer that took several, each billed for itself.
    """

    position: tuple[int, int]
    created_at: int
    served_model: str | None
    model: str | None
    cost_usd: Decimal | None
    usage: CallUsage | None
    batch_rate: bool = False
    service_tier: str | None = None
    surcharges: tuple[str, ...] = ()
    requests: tuple[CallUsage, ...] = ()


def calls_page(
    conn: sqlite3.Connection,
    since: int,
    until: int,
    project_id: str | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 500,
) -> list[RecordedCall]:
    """Calls begun at `since` or later and before `until` (ms), oldest first, after the `position` of another."""
    from_at, from_row = after or (since, -1)
    given = (max(since, from_at), until, from_at, from_row)
    if project_id is None:
        rows = conn.execute(CALLS_SQL, (*given, limit))
    else:
        rows = conn.execute(CALLS_IN_PROJECT_SQL, (*given, project_id, limit))
    return [
        RecordedCall(
            (at, number),
            at,
            served,
            model,
            from_pico(pico),
            _usage(*tokens, free_searches=_free_searches(parts)),
            bool(rate),
            tier,
            _words(words),
            _requests(parts),
        )
        for number, at, served, model, pico, *tokens, rate, tier, words, parts in rows
    ]


def _usage(
    in_uncached: int | None,
    cache_read: int | None,
    cache_write_short: int | None,
    cache_write_long: int | None,
    out_visible: int | None,
    out_reasoning: int | None,
    searches: int | None,
    prompt_total: int | None,
    *,
    free_searches: int,
) -> CallUsage | None:
    # What was imported from the old app's tables knows the prompt and the answer, and no parts.
    if in_uncached is None or out_visible is None or prompt_total is None:
        return None
    return CallUsage(
        in_uncached,
        cache_read or 0,
        cache_write_short or 0,
        cache_write_long or 0,
        out_visible,
        out_reasoning or 0,
        searches or 0,
        prompt_total,
        free_searches,
    )


def _requests(parts: str | None) -> tuple[CallUsage, ...]:
    """The requests of an answer out of the lines of its bill, which name each."""
    counts: dict[int, dict[str, int]] = {}
    for part in () if parts is None else from_json(parts):
        counts.setdefault(part.get("request", 1), {})[part["unit"]] = part["quantity"]
    found = []
    for _, units in sorted(counts.items()):
        prompt = [units.get(name, 0) for name in _PROMPT]
        free = units.get("free_searches", 0)
        searches = units.get("searches", 0) + free
        rest = (units.get("out_visible", 0), units.get("out_reasoning", 0), searches, sum(prompt), free)
        found.append(CallUsage(*(*prompt, *rest)))
    return tuple(found) if len(found) > 1 else ()


def _free_searches(parts: str | None) -> int:
    return sum(part["quantity"] for part in from_json(parts or "[]") if part["unit"] == "free_searches")


def _words(stored: str | None) -> tuple[str, ...]:
    return () if stored is None else tuple(from_json(stored))
