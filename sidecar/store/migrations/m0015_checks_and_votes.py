"""What answers of a batch are held against, what came of that, and which answer people liked best."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    conn.execute("ALTER TABLE batch_jobs ADD COLUMN checks TEXT CHECK (checks IS NULL OR json_valid(checks))")
    # None until the answer was looked at.
    conn.execute(
        "ALTER TABLE batch_results ADD COLUMN verdicts TEXT CHECK (verdicts IS NULL OR json_valid(verdicts))"
    )
    # A ballot is written when it is shown, with its answers in the order in which they are shown. It keeps what it is
    # about as text: a vote outlives the answers.
    conn.execute(
        "CREATE TABLE votes ("
        " id TEXT NOT NULL PRIMARY KEY,"
        " project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,"
        " question TEXT NOT NULL,"
        " turn_id TEXT,"
        " job_id TEXT,"
        " row_id TEXT,"
        " answers TEXT NOT NULL CHECK (json_valid(answers)),"
        " created_at INTEGER NOT NULL,"
        " voted_at INTEGER,"
        " winner TEXT,"
        " note TEXT"
        ") STRICT"
    )
    conn.execute("CREATE INDEX votes_by_project ON votes (project_id, voted_at) WHERE voted_at IS NOT NULL")
