"""The app's tables with keys that hold, and answers tied to their questions. No row is lost.

A row whose parent was never stored gets one: a conversation, project or job with that very id, named as recovered.
A row whose own id is missing or taken gets a fresh one. What columns of ours do not hold stays in the backup.
"""

from __future__ import annotations

import sqlite3

from sidecar.store.migrations import old_rows, recovery

# Tables of ours that an unknown program may have made under the same name are moved out of the way.
_NEW_NAMES = (
    "messages_fts",
    "settings",
    "app_state",
    "ledger",
    "batch_parts",
    "jobqueue_states",
    "history_rows",
)

_TABLES = {
    "projects": """
    CREATE TABLE projects (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
        created_at INTEGER NOT NULL,
        last_used INTEGER NOT NULL
    ) STRICT
    """,
    "conversations": """
    CREATE TABLE conversations (
        id TEXT NOT NULL PRIMARY KEY,
        project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        last_used INTEGER NOT NULL,
        origin TEXT
    ) STRICT
    """,
    "messages": """
    CREATE TABLE messages (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        turn_id TEXT NOT NULL,
        role TEXT NOT NULL,
        content TEXT NOT NULL,
        provider TEXT,
        model TEXT,
        cost REAL,
        tokens_in INTEGER,
        tokens_out INTEGER,
        timestamp INTEGER NOT NULL,
        thinking TEXT,
        citations TEXT CHECK (citations IS NULL OR json_valid(citations)),
        finish_reason TEXT
    )
    """,
    "batch_jobs": """
    CREATE TABLE batch_jobs (
        id TEXT NOT NULL PRIMARY KEY,
        project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        file_name TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL,
        total_rows INTEGER NOT NULL DEFAULT 0,
        completed_rows INTEGER NOT NULL DEFAULT 0,
        failed_rows INTEGER NOT NULL DEFAULT 0,
        total_cost REAL,
        created_at INTEGER NOT NULL,
        completed_at INTEGER
    )
    """,
    "batch_results": """
    CREATE TABLE batch_results (
        id TEXT NOT NULL PRIMARY KEY,
        job_id TEXT NOT NULL REFERENCES batch_jobs (id) ON DELETE CASCADE,
        row_index INTEGER NOT NULL,
        original_data TEXT CHECK (original_data IS NULL OR json_valid(original_data)),
        prompt TEXT NOT NULL DEFAULT '',
        response TEXT,
        status TEXT NOT NULL,
        cost REAL,
        tokens_in INTEGER,
        tokens_out INTEGER,
        latency INTEGER,
        error_message TEXT
    )
    """,
}

_INDEXES = (
    "CREATE INDEX projects_by_use ON projects (last_used DESC, id)",
    "CREATE INDEX conversations_by_use ON conversations (project_id, last_used DESC, id)",
    "CREATE INDEX conversations_by_origin ON conversations (origin, project_id, created_at) WHERE origin IS NOT NULL",
    # A rowid, which seq is, ends every index by itself.
    "CREATE INDEX messages_by_time ON messages (conversation_id, timestamp)",
    "CREATE INDEX messages_by_turn ON messages (conversation_id, turn_id, timestamp)",
    "CREATE INDEX batch_jobs_by_project ON batch_jobs (project_id, created_at DESC, id)",
    "CREATE INDEX batch_results_by_row ON batch_results (job_id, row_index)",
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    _make_room(conn)
    for table, statement in _TABLES.items():
        # Copied aside and made anew, rather than renamed: views and triggers of others go on naming the same table.
        conn.execute(f"CREATE TEMP TABLE old_{table} AS SELECT * FROM main.{table}")  # noqa: S608
        conn.execute(f"DROP TABLE main.{table}")
        conn.execute(statement)
    parents = recovery.Parents(conn, now_ms)
    old_rows.copy_projects(conn, parents, now_ms)
    old_rows.copy_conversations(conn, parents, now_ms)
    old_rows.copy_messages(conn, parents, now_ms)
    old_rows.copy_batch_jobs(conn, parents, now_ms)
    old_rows.copy_batch_results(conn, parents)
    # After the rows, which is faster, and before what looks up the children of one parent after the other.
    for statement in _INDEXES:
        conn.execute(statement)
    parents.date_by_children()
    recovery.tie_answers_to_questions(conn)
    for table in _TABLES:
        conn.execute(f"DROP TABLE temp.old_{table}")


def _make_room(conn: sqlite3.Connection) -> None:
    names = {name.lower() for (name,) in conn.execute("SELECT name FROM main.sqlite_master")}
    for name in _NEW_NAMES:
        if name in names:
            conn.execute(f"ALTER TABLE main.{name} RENAME TO {_free_name(name, names)}")
    # An index of the same name as one of ours would be on a table that is not ours, or is dropped with its table.
    for statement in _INDEXES:
        conn.execute(f"DROP INDEX IF EXISTS main.{statement.split()[2]}")


def _free_name(name: str, taken: set[str]) -> str:
    free = f"{name}_before_sidecar"
    while free in taken:
        free += "_"
    return free
