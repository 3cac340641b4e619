"""The ledger: a row before money is spent, settled when it is known what it was. Rows are never deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sidecar.store.columns import from_json, from_pico, to_json, to_pico
from sidecar.store.records import CostEvidence, LedgerEntry, Settlement, TokenUsage

_FIELDS = tuple(field.name for field in fields(LedgerEntry))
_COLUMN_OF = {
    "cost_usd": "cost_pico",
    "estimate_usd": "estimate_pico",
    "at_least_usd": "at_least_pico",
    "at_most_usd": "at_most_pico",
}
_BOOLEANS = ("incomplete", "batch_rate", "uncertain", "charged")
_JSON = ("price", "parts", "surcharges")
COLUMNS = ", ".join(_COLUMN_OF.get(name, name) for name in _FIELDS)
_INSERT_SQL = f"INSERT INTO ledger ({COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608

# Each request keeps the price of its day, and most are of few prices. By their identity, which lasts as long as it is
# kept here.
_PRICES: dict[int, tuple[Mapping[str, Any], str]] = {}
_MOST_PRICES = 256


def _price(price: Mapping[str, Any] | None) -> str | None:
    if price is None:
        return None
    known = _PRICES.get(id(price))
    if known is None:
        if len(_PRICES) >= _MOST_PRICES:
            _PRICES.clear()
        known = _PRICES[id(price)] = price, to_json(dict(price))
    return known[1]


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value)


_VALUES_OF = attrgetter(*_FIELDS)
# Most of a row is stored as it is: where what is not stands in it, and what makes a column of it.
_COLUMNS_OF: tuple[tuple[int, Callable[[Any], Any]], ...] = (
    *((_FIELDS.index(name), to_pico) for name in _COLUMN_OF),
    *((_FIELDS.index(name), _price if name == "price" else _json) for name in _JSON),
    *((_FIELDS.index(name), int) for name in _BOOLEANS),
)


def intent(conn: sqlite3.Connection, entry: LedgerEntry) -> None:
    """Writes down, before a request leaves, what is about to be spent. `entry.state` is "intent".

    Its bounds are nothing and the estimate. Raises sqlite3.IntegrityError when the id is taken.
    """
    entry = replace(entry, at_least_usd=Decimal(0), at_most_usd=entry.estimate_usd)
    values = list(_VALUES_OF(entry))
    for at, column in _COLUMNS_OF:
        values[at] = column(values[at])
    conn.execute(_INSERT_SQL, values)


def settle(
    conn: sqlite3.Connection, entry_id: str, end: Settlement, now: int, *, message_id: str | None = None
) -> bool:
    """Write what came of a request. What is None leaves what the intent said, but for the cost: None is not known.

    What it cost at most is then what the intent reserved, where that is a bound. False when there is no such row that
    is open (or unknown, which a later answer may settle).
    """
    if end.state == "failed":
        return _failed(conn, entry_id, end, now)
    made_of, cost = end.evidence or CostEvidence(), to_pico(end.cost_usd)
    least = cost if cost is not None else to_pico(end.at_least_usd)
    changed = conn.execute(
        "UPDATE ledger SET state = ?1, settled_at = ?2, cost_pico = ?3, at_least_pico = ?4,"
        " at_most_pico = coalesce(?3, CASE WHEN ?5 THEN max(estimate_pico, ?4) END),"
        " uncertain = ?3 IS NULL, incomplete = ?6,"
        " served_model = coalesce(?7, served_model), message_id = coalesce(?8, message_id),"
        " price = coalesce(?9, price), request_id = coalesce(?10, request_id), error_kind = ?11,"
        " service_tier = ?12, surcharges = ?13, requests = ?14, charged = ?15, parts = ?16, settled_by = ?17,"
        # Counts that nobody tells leave those that are known already: who says what it charged need not say of what.
        " in_uncached = coalesce(?18, in_uncached), cache_read = coalesce(?19, cache_read),"
        " cache_write_short = coalesce(?20, cache_write_short), cache_write_long = coalesce(?21, cache_write_long),"
        " out_visible = coalesce(?22, out_visible), out_reasoning = coalesce(?23, out_reasoning),"
        " searches = coalesce(?24, searches), prompt_total = coalesce(?25, prompt_total)"
        " WHERE id = ?26 AND (state = 'intent' OR state = 'unknown' AND ?1 = 'settled')",
        (
            end.state,
            now,
            cost,
            least,
            end.bounded,
            end.incomplete,
            end.served_model,
            message_id,
            _price(end.price),
            end.request_id,
            end.error_kind,
            made_of.service_tier,
            to_json(list(made_of.surcharges)) if made_of.surcharges else None,
            made_of.requests,
            made_of.charged,
            _parts(made_of),
            end.settled_by,
            *_usage_columns(end.usage),
            entry_id,
        ),
    )
    return changed.rowcount > 0


def _failed(conn: sqlite3.Connection, entry_id: str, end: Settlement, now: int) -> bool:
    """The request was refused or never left, and cost nothing."""
    changed = conn.execute(
        "UPDATE ledger SET state = 'failed', settled_at = ?, error_kind = ?, request_id = coalesce(?, request_id),"
        " at_least_pico = 0, at_most_pico = 0 WHERE id = ? AND state = 'intent'",
        (now, end.error_kind or "", end.request_id, entry_id),
    )
    return changed.rowcount > 0


def keep_begun(conn: sqlite3.Connection, entry_id: str, response_id: str) -> None:
    """Keep the vendor's id of an answer that has begun, by which it can be asked for."""
    conn.execute(
        "UPDATE ledger SET request_id = ? WHERE id = ? AND state = 'intent'", (response_id, entry_id)
    )


def keep_message_id(conn: sqlite3.Connection, entry_id: str, message_id: str) -> None:
    """Keep which message holds what arrived of a request that was never settled."""
    conn.execute("UPDATE ledger SET message_id = ? WHERE id = ? AND state = 'intent'", (message_id, entry_id))


def keep_least(conn: sqlite3.Connection, entry_id: str, usd: Decimal, made_of: CostEvidence) -> None:
    """Keep what a request that is under way has cost at least by now, and of what. It never becomes less."""
    conn.execute(
        "UPDATE ledger SET at_least_pico = ?1, parts = ?2, service_tier = ?3, requests = ?4"
        " WHERE id = ?5 AND state = 'intent' AND coalesce(at_least_pico, 0) < ?1",
        (to_pico(usd), _parts(made_of), made_of.service_tier, made_of.requests, entry_id),
    )


def keep_key(conn: sqlite3.Connection, entry_id: str, key_mark: str | None) -> None:
    """Keep the mark of the key that a request under way goes on with."""
    conn.execute("UPDATE ledger SET key_mark = ? WHERE id = ? AND state = 'intent'", (key_mark, entry_id))


def keep_place(conn: sqlite3.Connection, part_id: str, host: str, key_mark: str | None) -> None:
    """Keep where the rows of a part of a native batch go, and the mark of the key that sends them."""
    conn.execute(
        "UPDATE ledger SET host = ?, key_mark = ? WHERE id >= ? AND id < ? AND state = 'intent'",
        (host, key_mark, f"{part_id}/", f"{part_id}0"),
    )


def keep_most(conn: sqlite3.Connection, entry_id: str, usd: Decimal) -> None:
    """Keep the most that a request which is under way may cost: that is held back for it from now on."""
    conn.execute(
        "UPDATE ledger SET estimate_pico = ?1, at_most_pico = ?1 WHERE id = ?2 AND state = 'intent'",
        (to_pico(usd), entry_id),
    )


def mark_interrupted(conn: sqlite3.Connection, now: int, job_id: str | None = None) -> int:
    """Requests of a run that died become unknown, of one job or (None) of all; gives how many.

    Not those of a job that a vendor runs: it will say what came of them.
    """
    return conn.execute(
        "UPDATE ledger SET state = 'unknown', settled_at = ?1, error_kind = 'interrupted', uncertain = 1"
        " WHERE state = 'intent' AND (?2 IS NULL OR job_id = ?2)"
        " AND NOT EXISTS (SELECT 1 FROM batch_jobs j WHERE j.id = ledger.job_id AND j.mode = 'native')",
        (now, job_id),
    ).rowcount


def get(conn: sqlite3.Connection, entry_id: str) -> LedgerEntry | None:
    row = conn.execute(f"SELECT {COLUMNS} FROM ledger WHERE id = ?", (entry_id,)).fetchone()  # noqa: S608
    return None if row is None else record(row)


def any_open(conn: sqlite3.Connection) -> bool:
    """Whether a request is under way."""
    return conn.execute("SELECT 1 FROM ledger WHERE state = 'intent' LIMIT 1").fetchone() is not None


def _parts(made_of: CostEvidence) -> str | None:
    return None if made_of.parts is None else to_json([dict(part) for part in made_of.parts])


def _usage_columns(usage: TokenUsage | None) -> tuple[int | None, ...]:
    if usage is None:
        return (None,) * 8
    return (
        usage.in_uncached,
        usage.cache_read,
        usage.cache_write_short,
        usage.cache_write_long,
        usage.out_visible,
        usage.out_reasoning,
        usage.searches,
        usage.prompt_total,
    )


def record(row: tuple[Any, ...]) -> LedgerEntry:
    """Return the row that a query of `COLUMNS` gave."""
    values = dict(zip(_FIELDS, row, strict=True))
    values |= {name: from_pico(values[name]) for name in _COLUMN_OF}
    values |= {name: from_json(values[name]) for name in _JSON if values[name] is not None}
    values |= {name: bool(values[name]) for name in _BOOLEANS}
    return LedgerEntry(**values)
