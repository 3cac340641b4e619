"""The table of projects."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from sidecar.store.columns import from_json, storable, to_json
from sidecar.store.records import Project

_COLUMNS = "id, name, description, settings, created_at, last_used, chat"
LIST_SQL = f"SELECT {_COLUMNS} FROM projects ORDER BY last_used DESC, id"  # noqa: S608


def create(
    conn: sqlite3.Connection,
    project_id: str,
    name: str,
    *,
    now: int,
    description: str = "",
    settings: Mapping[str, Any] | None = None,
    chat: Mapping[str, Any] | None = None,
) -> Project:
    """Raises sqlite3.IntegrityError when the id is taken."""
    made = Project(
        project_id, storable(name), storable(description), dict(settings or {}), now, now, chat or None
    )
    conn.execute(
        f"INSERT INTO projects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (made.id, made.name, made.description, to_json(made.settings), now, now, _chat_column(made.chat)),
    )
    return made


def get(conn: sqlite3.Connection, project_id: str) -> Project | None:
    row = conn.execute(f"SELECT {_COLUMNS} FROM projects WHERE id = ?", (project_id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def list_all(conn: sqlite3.Connection) -> list[Project]:
    """Last used first."""
    return [_record(row) for row in conn.execute(LIST_SQL)]


def touch(conn: sqlite3.Connection, project_id: str, now: int) -> Project | None:
    """Marks the project as used. Time never runs backwards."""
    conn.execute("UPDATE projects SET last_used = max(last_used, ?) WHERE id = ?", (now, project_id))
    return get(conn, project_id)


def update(
    conn: sqlite3.Connection,
    project_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    settings: Mapping[str, Any] | None = None,
    chat: Mapping[str, Any] | None = None,
) -> Project | None:
    """What is None stays as it is; `settings` replaces all the settings, `chat` all of that."""
    if chat is not None:
        conn.execute("UPDATE projects SET chat = ? WHERE id = ?", (_chat_column(chat), project_id))
    conn.execute(
        "UPDATE projects SET name = coalesce(?, name), description = coalesce(?, description),"
        " settings = coalesce(?, settings) WHERE id = ?",
        (
            None if name is None else storable(name),
            None if description is None else storable(description),
            None if settings is None else to_json(dict(settings)),
            project_id,
        ),
    )
    return get(conn, project_id)


def delete(conn: sqlite3.Connection, project_id: str) -> bool:
    """Everything below it goes too; the ledger keeps what was spent. False when there was none."""
    return conn.execute("DELETE FROM projects WHERE id = ?", (project_id,)).rowcount > 0


def _record(row: tuple[Any, ...]) -> Project:
    project_id, name, description, settings, created_at, last_used, chat = row
    asked_with = None if chat is None else from_json(chat)
    return Project(project_id, name, description, from_json(settings), created_at, last_used, asked_with)


def _chat_column(chat: Mapping[str, Any] | None) -> str | None:
    return to_json(dict(chat)) if chat else None
