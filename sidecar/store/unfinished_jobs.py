"""Which batch jobs have something left to do."""

from __future__ import annotations

import sqlite3

# Rows of a job at a vendor that no part holds yet, as far as this database knows.
UNSENT_SQL = (
    "SELECT id FROM batch_jobs WHERE source = 'sidecar' AND mode = 'native' AND status = 'processing' AND EXISTS"
    " (SELECT 1 FROM batch_results r WHERE r.job_id = batch_jobs.id AND r.status = 'pending')"
)
BUSY_SQL = (
    "SELECT EXISTS"
    " (SELECT 1 FROM batch_jobs WHERE source = 'sidecar' AND status IN ('processing', 'storing'))"
)


def any_running(conn: sqlite3.Connection) -> bool:
    """Whether a job of ours runs or is being stored."""
    return bool(conn.execute(BUSY_SQL).fetchone()[0])


def native_unsent(conn: sqlite3.Connection) -> list[str]:
    """The jobs at vendors that have yet to send a row."""
    return [row[0] for row in conn.execute(UNSENT_SQL).fetchall()]


def unfinished_native(conn: sqlite3.Connection, project_id: str) -> list[str]:
    """A project's jobs at vendors that may still send something, or be started."""
    rows = conn.execute(
        "SELECT id FROM batch_jobs WHERE project_id = ? AND mode = 'native'"
        " AND status IN ('pending', 'processing', 'failed')",
        (project_id,),
    )
    return [row[0] for row in rows]
