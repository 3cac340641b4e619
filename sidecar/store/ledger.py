"""The ledger: a row before money is spent, settled when it is known what it was. Rows are never deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from sidecar.store.columns import from_json, from_pico, to_json, to_pico
from sidecar.store.records import LedgerEntry, TokenUsage

_FIELDS = tuple(field.name for field in fields(LedgerEntry))
_COLUMN_OF = {"cost_usd": "cost_pico", "estimate_usd": "estimate_pico"}
_BOOLEANS = ("incomplete", "batch_rate")
COLUMNS = ", ".join(_COLUMN_OF.get(name, name) for name in _FIELDS)
_INSERT_SQL = f"INSERT INTO ledger ({COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608
SPENT_SQL = "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE created_at >= ?"
RESERVED_SQL = (
    "SELECT (SELECT coalesce(sum(estimate_pico), 0) FROM ledger WHERE state = 'intent')"
    " + (SELECT coalesce(sum(reserved_pico), 0) FROM batch_jobs WHERE reserved_pico > 0)"
)
RESERVED_FOR_CHATS_SQL = (
    "SELECT coalesce(sum(estimate_pico), 0) FROM ledger WHERE state = 'intent' AND kind = 'chat'"
)
SPENT_IN_PROJECT_SQL = (
    "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE project_id = ? AND created_at >= ?"
)


def intent(conn: sqlite3.Connection, entry: LedgerEntry) -> None:
    """Writes down, before a request leaves, what is about to be spent. `entry.state` is "intent".

    Raises sqlite3.IntegrityError when the id is taken.
    """
    conn.execute(_INSERT_SQL, [_column(name, getattr(entry, name)) for name in _FIELDS])


def settle(
    conn: sqlite3.Connection,
    entry_id: str,
    *,
    now: int,
    usage: TokenUsage | None,
    cost_usd: Decimal | None,
    served_model: str | None = None,
    message_id: str | None = None,
    price: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    incomplete: bool = False,
) -> LedgerEntry | None:
    """The request ran. An argument that is None leaves what the intent said, but for `cost_usd`: None is unpriced.

    None when there is no such row that is open (or unknown, which a later answer may settle).
    """
    changed = conn.execute(
        "UPDATE ledger SET state = 'settled', settled_at = ?, cost_pico = ?, incomplete = ?,"
        " served_model = coalesce(?, served_model), message_id = coalesce(?, message_id),"
        " price = coalesce(?, price), request_id = coalesce(?, request_id), error_kind = NULL,"
        " in_uncached = ?, cache_read = ?, cache_write_short = ?, cache_write_long = ?,"
        " out_visible = ?, out_reasoning = ?, searches = ?, prompt_total = ?"
        " WHERE id = ? AND state IN ('intent', 'unknown')",
        (
            now,
            to_pico(cost_usd),
            int(incomplete),
            served_model,
            message_id,
            None if price is None else to_json(dict(price)),
            request_id,
            *_usage_columns(usage),
            entry_id,
        ),
    )
    return get(conn, entry_id) if changed.rowcount else None


def fail(
    conn: sqlite3.Connection, entry_id: str, *, now: int, error_kind: str, request_id: str | None = None
) -> LedgerEntry | None:
    """The request was refused or never left, and cost nothing. None when there is no such open row."""
    return _end(conn, entry_id, "failed", now, error_kind, request_id)


def mark_unknown(
    conn: sqlite3.Connection,
    entry_id: str,
    *,
    now: int,
    error_kind: str | None,
    request_id: str | None = None,
) -> LedgerEntry | None:
    """The request may have run and been charged, and nothing says so. None when there is no such open row."""
    return _end(conn, entry_id, "unknown", now, error_kind, request_id)


def mark_interrupted(conn: sqlite3.Connection, now: int, job_id: str | None = None) -> int:
    """Requests of a run that died become unknown, of one job or (None) of all; gives how many.

    Not those of a job that a vendor runs: it will say what came of them.
    """
    return conn.execute(
        "UPDATE ledger SET state = 'unknown', settled_at = ?1, error_kind = 'interrupted'"
        " WHERE state = 'intent' AND (?2 IS NULL OR job_id = ?2)"
        " AND NOT EXISTS (SELECT 1 FROM batch_jobs j WHERE j.id = ledger.job_id AND j.mode = 'native')",
        (now, job_id),
    ).rowcount


def get(conn: sqlite3.Connection, entry_id: str) -> LedgerEntry | None:
    row = conn.execute(f"SELECT {COLUMNS} FROM ledger WHERE id = ?", (entry_id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def models_after(conn: sqlite3.Connection, row: int) -> tuple[int, frozenset[str]]:
    """Which models the rows behind that one ask for, as `provider/id`, and the last row. Rows are never deleted."""
    found = conn.execute("SELECT DISTINCT model FROM ledger WHERE rowid > ? AND model IS NOT NULL", (row,))
    names = frozenset(str(each[0]) for each in found)
    last = conn.execute("SELECT coalesce(max(rowid), 0) FROM ledger").fetchone()[0]
    return int(last), names


def any_open(conn: sqlite3.Connection) -> bool:
    """Whether a request is under way."""
    return conn.execute("SELECT 1 FROM ledger WHERE state = 'intent' LIMIT 1").fetchone() is not None


def spent_since(conn: sqlite3.Connection, since_ms: int, project_id: str | None = None) -> Decimal:
    """What is known to have been spent on requests begun at `since_ms` or later, in US dollars."""
    if project_id is None:
        row = conn.execute(SPENT_SQL, (since_ms,)).fetchone()
    else:
        row = conn.execute(SPENT_IN_PROJECT_SQL, (project_id, since_ms)).fetchone()
    return from_pico(row[0]) or Decimal(0)


def reserved(conn: sqlite3.Connection) -> Decimal:
    """The estimates of requests that are under way and of rows that jobs have yet to send, in US dollars."""
    return from_pico(conn.execute(RESERVED_SQL).fetchone()[0]) or Decimal(0)


def reserved_for_chats(conn: sqlite3.Connection) -> Decimal:
    """The part of `reserved` that chats under way hold; batches hold the rest."""
    return from_pico(conn.execute(RESERVED_FOR_CHATS_SQL).fetchone()[0]) or Decimal(0)


def _end(
    conn: sqlite3.Connection,
    entry_id: str,
    state: str,
    now: int,
    error_kind: str | None,
    request_id: str | None,
) -> LedgerEntry | None:
    changed = conn.execute(
        "UPDATE ledger SET state = ?, settled_at = ?, error_kind = ?, request_id = coalesce(?, request_id)"
        " WHERE id = ? AND state = 'intent'",
        (state, now, error_kind, request_id, entry_id),
    )
    return get(conn, entry_id) if changed.rowcount else None


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


def _column(name: str, value: Any) -> Any:
    if name in _COLUMN_OF:
        return to_pico(value)
    if name == "price":
        return None if value is None else to_json(dict(value))
    return int(value) if name in _BOOLEANS else value


def _record(row: tuple[Any, ...]) -> LedgerEntry:
    values = dict(zip(_FIELDS, row, strict=True))
    values["price"] = None if values["price"] is None else from_json(values["price"])
    values["cost_usd"] = from_pico(values["cost_usd"])
    values["estimate_usd"] = from_pico(values["estimate_usd"])
    values |= {name: bool(values[name]) for name in _BOOLEANS}
    return LedgerEntry(**values)
