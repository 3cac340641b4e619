"""What the renderer logs for a project, under the name that it gives the project."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from sidecar.store.columns import storable, to_json

PAGE_SQL = "SELECT seq, row FROM history_rows WHERE project = ? AND seq > ? ORDER BY seq LIMIT ?"


def append(conn: sqlite3.Connection, project: str, row: Mapping[str, Any], now: int) -> None:
    append_many(conn, project, [row], now)


def append_many(conn: sqlite3.Connection, project: str, rows: Iterable[Mapping[str, Any]], now: int) -> None:
    """Adds the rows behind those that are there, in their order."""
    conn.executemany(
        "INSERT INTO history_rows (project, row, created_at) VALUES (?, ?, ?)",
        ((storable(project), to_json(dict(row)), now) for row in rows),
    )


def page(conn: sqlite3.Connection, project: str, after: int, limit: int) -> list[tuple[int, str]]:
    """The oldest rows behind the place `after`, as place and JSON text; places begin above 0."""
    return conn.execute(PAGE_SQL, (storable(project), after, limit)).fetchall()
