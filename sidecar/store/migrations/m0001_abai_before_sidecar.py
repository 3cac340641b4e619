"""The tables of the app before the sidecar, where they are not there already."""

from __future__ import annotations

import sqlite3

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS projects (
        id TEXT PRIMARY KEY,
        name TEXT,
        description TEXT,
        settings TEXT,
        created_at INTEGER,
        last_used INTEGER
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS conversations (
        id TEXT PRIMARY KEY,
        project_id TEXT,
        name TEXT,
        created_at INTEGER,
        last_used INTEGER
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY,
        conversation_id TEXT,
        role TEXT,
        content TEXT,
        provider TEXT,
        model TEXT,
        cost REAL,
        tokens_in INTEGER,
        tokens_out INTEGER,
        timestamp INTEGER
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS batch_jobs (
        id TEXT PRIMARY KEY,
        project_id TEXT,
        file_name TEXT,
        status TEXT,
        total_rows INTEGER,
        completed_rows INTEGER,
        failed_rows INTEGER,
        total_cost REAL,
        created_at INTEGER,
        completed_at INTEGER
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS batch_results (
        id TEXT PRIMARY KEY,
        job_id TEXT,
        row_index INTEGER,
        original_data TEXT,
        prompt TEXT,
        response TEXT,
        status TEXT,
        cost REAL,
        tokens_in INTEGER,
        tokens_out INTEGER,
        latency INTEGER,
        error_message TEXT
    )
    """,
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _TABLES:
        conn.execute(statement)
