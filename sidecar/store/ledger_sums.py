"""What the ledger comes to: what is spent, what is held back, and what nobody knows the cost of."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sidecar.store.columns import from_pico, summed, to_json, uncertain_from
from sidecar.store.records import Uncertain

SPENT_SQL = "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE created_at >= ?"
RESERVED_SQL = (
    "SELECT (SELECT coalesce(sum(estimate_pico), 0) FROM ledger WHERE state = 'intent')"
    " + (SELECT coalesce(sum(reserved_pico), 0) FROM batch_jobs WHERE reserved_pico > 0)"
)
RESERVED_FOR_CHATS_SQL = (
    "SELECT coalesce(sum(estimate_pico), 0) FROM ledger WHERE state = 'intent' AND kind = 'chat'"
)
_UNCERTAIN = (
    "SELECT count(*), coalesce(sum(at_least_pico), 0), "
    # What no bound is known for counts with what was held back for it.
    "coalesce(sum(coalesce(at_most_pico, estimate_pico)), 0), count(*) - count(at_most_pico)"
    " FROM ledger WHERE uncertain = 1"
)
UNCERTAIN_SQL = f"{_UNCERTAIN} AND created_at >= ?"
UNCERTAIN_IN_PROJECT_SQL = f"{_UNCERTAIN} AND created_at >= ? AND project_id = ?"
UNCERTAIN_BETWEEN_SQL = f"{_UNCERTAIN} AND created_at >= ? AND created_at < ?"
UNCERTAIN_BETWEEN_IN_PROJECT_SQL = f"{UNCERTAIN_BETWEEN_SQL} AND project_id = ?"
UNCERTAIN_IN_CONVERSATION_SQL = f"{_UNCERTAIN} AND conversation_id = ?"
SPENT_IN_PROJECT_SQL = (
    "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE project_id = ? AND created_at >= ?"
)
# What follows a slash in the order of characters is a nought: the ids of a part's rows lie between the two.
BOUND_OF_PART_SQL = (
    "SELECT coalesce(sum(at_most_pico), 0), coalesce(sum(at_most_pico IS NULL), 0) FROM ledger"
    " WHERE id >= ? AND id < ? AND state IN ('intent', 'unknown')"
)


SEARCHES_SQL = (
    "SELECT coalesce(sum(searches), 0) FROM ledger WHERE created_at >= ? AND created_at < ? AND searches > 0"
    " AND coalesce(served_model, model) IN (SELECT value FROM json_each(?))"
)


def searches_between(conn: sqlite3.Connection, since_ms: int, until_ms: int, models: Sequence[str]) -> int:
    """How many searches the requests made that began in this time, and that one of the models answered."""
    return int(conn.execute(SEARCHES_SQL, (since_ms, until_ms, to_json(list(models)))).fetchone()[0])


def spent_since(conn: sqlite3.Connection, since_ms: int, project_id: str | None = None) -> Decimal:
    """What is known to have been spent on requests begun at `since_ms` or later, in US dollars."""
    if project_id is None:
        row = summed(conn, SPENT_SQL, (since_ms,))[0]
    else:
        row = summed(conn, SPENT_IN_PROJECT_SQL, (project_id, since_ms))[0]
    return from_pico(row[0]) or Decimal(0)


def uncertain_since(conn: sqlite3.Connection, since_ms: int, project_id: str | None = None) -> Uncertain:
    """The calls begun at `since_ms` or later whose cost is not known: how many, and what they come to."""
    if project_id is None:
        return _uncertain(conn, UNCERTAIN_SQL, since_ms)
    return _uncertain(conn, UNCERTAIN_IN_PROJECT_SQL, since_ms, project_id)


def uncertain_between(
    conn: sqlite3.Connection, since_ms: int, until_ms: int, project_id: str | None = None
) -> Uncertain:
    """The calls begun in this time whose cost is not known."""
    if project_id is None:
        return _uncertain(conn, UNCERTAIN_BETWEEN_SQL, since_ms, until_ms)
    return _uncertain(conn, UNCERTAIN_BETWEEN_IN_PROJECT_SQL, since_ms, until_ms, project_id)


def uncertain_in_conversation(conn: sqlite3.Connection, conversation_id: str) -> Uncertain:
    """The calls of a conversation whose cost is not known."""
    return _uncertain(conn, UNCERTAIN_IN_CONVERSATION_SQL, conversation_id)


def _uncertain(conn: sqlite3.Connection, sql: str, *named: Any) -> Uncertain:
    return uncertain_from(*summed(conn, sql, named)[0])


def reserved(conn: sqlite3.Connection) -> Decimal:
    """The estimates of requests that are under way and of rows that jobs have yet to send, in US dollars."""
    return from_pico(summed(conn, RESERVED_SQL)[0][0]) or Decimal(0)


def reserved_for_chats(conn: sqlite3.Connection) -> Decimal:
    """The part of `reserved` that chats under way hold; batches hold the rest."""
    return from_pico(summed(conn, RESERVED_FOR_CHATS_SQL)[0][0]) or Decimal(0)


def bound_of_part(conn: sqlite3.Connection, part_id: str) -> Decimal | None:
    """The most that those rows of a part of a native batch may cost whose cost is not known; None without a price."""
    ((total, unbounded),) = summed(conn, BOUND_OF_PART_SQL, (f"{part_id}/", f"{part_id}0"))
    return None if unbounded else from_pico(total) or Decimal(0)
