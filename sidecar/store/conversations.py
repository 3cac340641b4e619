"""The table of conversations."""

from __future__ import annotations

import sqlite3

from sidecar.store import cursors
from sidecar.store.columns import storable
from sidecar.store.records import Conversation

COLUMNS = "id, project_id, name, created_at, last_used, origin"
PAGE_SQL = (
    f"SELECT {COLUMNS} FROM conversations WHERE project_id = ?"  # noqa: S608
    " ORDER BY last_used DESC, id LIMIT ?"
)
NEXT_PAGE_SQL = (
    f"SELECT {COLUMNS} FROM conversations WHERE project_id = ?"  # noqa: S608
    " AND last_used <= ? AND (last_used < ? OR id > ?) ORDER BY last_used DESC, id LIMIT ?"
)


def create(
    conn: sqlite3.Connection,
    project_id: str,
    name: str,
    conversation_id: str,
    now: int,
    origin: str | None = None,
) -> Conversation:
    """Raises sqlite3.IntegrityError when the id is taken or there is no such project."""
    conversation = Conversation(conversation_id, project_id, storable(name), now, now, origin)
    conn.execute(
        "INSERT INTO conversations (id, project_id, name, created_at, last_used, origin) VALUES (?, ?, ?, ?, ?, ?)",
        (conversation_id, project_id, conversation.name, now, now, origin),
    )
    return conversation


def get(conn: sqlite3.Connection, conversation_id: str) -> Conversation | None:
    row = conn.execute(
        f"SELECT {COLUMNS} FROM conversations WHERE id = ?",  # noqa: S608
        (conversation_id,),
    ).fetchone()
    return None if row is None else Conversation(*row)


def list_page(
    conn: sqlite3.Connection, project_id: str, limit: int | None = None, cursor: str | None = None
) -> list[Conversation]:
    """Last used first, after the conversation that the cursor stands for.

    A cursor is one of `cursor_after`, or the id of the last conversation of the page before: a bare list has no
    room to give cursors out. Raises Failure("invalid_params") for any other.
    """
    wanted = -1 if limit is None else limit
    if cursor is None:
        rows = conn.execute(PAGE_SQL, (project_id, wanted))
    else:
        last_used, last_id = _sort_key(conn, project_id, cursor)
        rows = conn.execute(NEXT_PAGE_SQL, (project_id, last_used, last_used, last_id, wanted))
    return [Conversation(*row) for row in rows]


def cursor_after(conversation: Conversation) -> str:
    """Where the page after this conversation begins; it keeps its place when the conversation is used or deleted."""
    return cursors.encode([conversation.last_used, conversation.id])


def rename(conn: sqlite3.Connection, conversation_id: str, name: str) -> Conversation | None:
    conn.execute("UPDATE conversations SET name = ? WHERE id = ?", (storable(name), conversation_id))
    return get(conn, conversation_id)


def touch(conn: sqlite3.Connection, conversation_id: str, now: int) -> Conversation | None:
    """Mark it as used, and return it as it is then; None where there is none. Time never runs backwards."""
    row = conn.execute(
        f"UPDATE conversations SET last_used = max(last_used, ?) WHERE id = ? RETURNING {COLUMNS}",  # noqa: S608
        (now, conversation_id),
    ).fetchone()
    return None if row is None else Conversation(*row)


def delete(conn: sqlite3.Connection, conversation_id: str) -> bool:
    """Its messages go too; the ledger keeps what was spent. False when there was none."""
    return conn.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0


def _sort_key(conn: sqlite3.Connection, project_id: str, cursor: str) -> tuple[int, str]:
    named = get(conn, storable(cursor))
    if named is not None and named.project_id == project_id:
        return named.last_used, named.id
    last_used, last_id = cursors.decode(cursor, int, str)
    return last_used, storable(last_id)
