"""The index of words holds the first 500,000 letters of a message: whoever writes waits for all that is indexed."""

from __future__ import annotations

import sqlite3

_LONG = "length(CAST({0}content AS BLOB)) > 500000"
# Of what is short, all: `substr` ends at a letter of the code 0, and what was indexed of a message before must be taken
# out as it was put in.
_WORDS = f"CASE WHEN {_LONG} THEN substr({{0}}content, 1, 500000) ELSE {{0}}content END"
_OLD, _NEW = _WORDS.format("old."), _WORDS.format("new.")
_STATEMENTS = (
    "DROP TRIGGER messages_fts_insert",
    "DROP TRIGGER messages_fts_delete",
    "DROP TRIGGER messages_fts_update",
    f"""
    INSERT INTO messages_fts (messages_fts, rowid, content)
        SELECT 'delete', seq, content FROM messages WHERE {_LONG.format("")}
    """,  # noqa: S608
    f"""
    INSERT INTO messages_fts (rowid, content)
        SELECT seq, {_WORDS.format("")} FROM messages WHERE {_LONG.format("")}
    """,  # noqa: S608
    f"""
    CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
        INSERT INTO messages_fts (rowid, content) VALUES (new.seq, {_NEW});
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN
        INSERT INTO messages_fts (messages_fts, rowid, content) VALUES ('delete', old.seq, {_OLD});
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER messages_fts_update AFTER UPDATE OF seq, content ON messages BEGIN
        INSERT INTO messages_fts (messages_fts, rowid, content) VALUES ('delete', old.seq, {_OLD});
        INSERT INTO messages_fts (rowid, content) VALUES (new.seq, {_NEW});
    END
    """,  # noqa: S608
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
