"""States of the renderer's own batches, kept for it under its own names."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import orjson

from sidecar.errors import Failure
from sidecar.store.columns import storable, to_json

LIST_SQL = "SELECT batch_id FROM jobqueue_states ORDER BY updated_at DESC, batch_id"


def save(conn: sqlite3.Connection, batch_id: str, state: Any, now: int) -> None:
    """Replaces what was saved under that id. Put into text here, beside the loop: a state may be megabytes."""
    put_text(conn, batch_id, as_text(state), now)


def put_text(conn: sqlite3.Connection, batch_id: str, state_json: str, now: int) -> None:
    """As `save`, with the state as JSON text."""
    conn.execute(
        "INSERT INTO jobqueue_states (batch_id, state, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (batch_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at",
        (storable(batch_id), state_json, now),
    )


def load(conn: sqlite3.Connection, batch_id: str) -> str | None:
    """The state as JSON text; None when there is none.

    Raises Failure("storage_error") for one that is none any more: it is put into an answer as it stands.
    """
    row = conn.execute(
        "SELECT state, json_valid(state) FROM jobqueue_states WHERE batch_id = ?", (storable(batch_id),)
    ).fetchone()
    if row is None:
        return None
    if not row[1] and not _is_json(row[0]):
        raise Failure(
            "storage_error",
            "What was kept of this batch is damaged and cannot be read. Restore a backup, or clear it and begin anew.",
        )
    return str(row[0])


def clear(conn: sqlite3.Connection, batch_id: str) -> bool:
    """False when there was none."""
    return conn.execute("DELETE FROM jobqueue_states WHERE batch_id = ?", (storable(batch_id),)).rowcount > 0


def batch_ids(conn: sqlite3.Connection) -> list[str]:
    """Of all states, saved last first."""
    return [row[0] for row in conn.execute(LIST_SQL)]


def _is_json(text: Any) -> bool:
    """Whether it is JSON all the same: what is nested deeper than SQLite reads."""
    try:
        json.loads(text)
    except RecursionError:
        return True
    except (TypeError, ValueError):
        return False
    return isinstance(text, str)


def as_text(state: Any) -> str:
    """The state as one line of JSON. Raises ValueError for NaN."""
    try:
        return orjson.dumps(state).decode("utf-8")
    except TypeError:
        # Integers beyond 64 bits, and deeper nesting than orjson writes.
        return to_json(state)
