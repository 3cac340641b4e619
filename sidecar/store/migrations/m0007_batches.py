"""Batches: rows from their submission on, parts at a vendor, and the renderer's own states."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # Jobs of the app before the sidecar were run by the renderer.
    "ALTER TABLE batch_jobs ADD COLUMN mode TEXT NOT NULL DEFAULT 'local' CHECK (mode IN ('local', 'native'))",
    """
    ALTER TABLE batch_jobs ADD COLUMN source TEXT NOT NULL DEFAULT 'renderer'
    CHECK (source IN ('sidecar', 'renderer'))
    """,
    "ALTER TABLE batch_jobs ADD COLUMN concurrency INTEGER",
    "ALTER TABLE batch_jobs ADD COLUMN notify_rows INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_jobs ADD COLUMN estimate TEXT CHECK (estimate IS NULL OR json_valid(estimate))",
    "ALTER TABLE batch_jobs ADD COLUMN started_at INTEGER",
    "ALTER TABLE batch_jobs ADD COLUMN error TEXT",
    "ALTER TABLE batch_jobs ADD COLUMN error_kind TEXT",
    # The sum of the rows' cost_pico; null for jobs that only have the old total_cost.
    "ALTER TABLE batch_jobs ADD COLUMN cost_pico INTEGER",
    # What the month's budget holds back for rows that have not begun.
    "ALTER TABLE batch_jobs ADD COLUMN reserved_pico INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_results ADD COLUMN request TEXT CHECK (request IS NULL OR json_valid(request))",
    "ALTER TABLE batch_results ADD COLUMN provider TEXT",
    "ALTER TABLE batch_results ADD COLUMN model TEXT",
    "ALTER TABLE batch_results ADD COLUMN template TEXT",
    "ALTER TABLE batch_results ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch_results ADD COLUMN cost_pico INTEGER",
    "ALTER TABLE batch_results ADD COLUMN reserve_pico INTEGER",
    "ALTER TABLE batch_results ADD COLUMN finish_reason TEXT",
    "ALTER TABLE batch_results ADD COLUMN error_kind TEXT",
    "ALTER TABLE batch_results ADD COLUMN part_id TEXT",
    "ALTER TABLE batch_results ADD COLUMN custom_id TEXT",
    "ALTER TABLE batch_results ADD COLUMN updated_at INTEGER",
    """
    CREATE TABLE batch_parts (
        id TEXT NOT NULL PRIMARY KEY,
        job_id TEXT NOT NULL REFERENCES batch_jobs (id) ON DELETE CASCADE,
        provider TEXT NOT NULL,
        model TEXT,
        tag TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intent', 'submitted', 'ended', 'collected', 'failed', 'doubtful')),
        native_id TEXT,
        input_file_id TEXT,
        rows INTEGER NOT NULL,
        bytes INTEGER,
        created_at INTEGER NOT NULL,
        submitted_at INTEGER,
        ended_at INTEGER,
        polled_at INTEGER,
        vendor_status TEXT,
        counts TEXT CHECK (counts IS NULL OR json_valid(counts)),
        error TEXT
    ) STRICT
    """,
    """
    CREATE TABLE jobqueue_states (
        batch_id TEXT NOT NULL PRIMARY KEY,
        state TEXT NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE history_rows (
        seq INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        row TEXT NOT NULL CHECK (json_valid(row)),
        created_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX batch_jobs_by_status ON batch_jobs (status)",
    "CREATE INDEX batch_jobs_by_reserve ON batch_jobs (reserved_pico) WHERE reserved_pico > 0",
    # A provider's next rows, in order; a row that has begun is in none of these two.
    "CREATE INDEX batch_results_pending ON batch_results (job_id, provider, row_index) WHERE status = 'pending'",
    "CREATE INDEX batch_results_begun ON batch_results (job_id) WHERE status = 'processing'",
    # How long answers to a template were: only the rows that say it.
    """
    CREATE INDEX batch_results_by_template ON batch_results (template, model, updated_at, tokens_out)
    WHERE status = 'success' AND template IS NOT NULL
    """,
    "CREATE UNIQUE INDEX batch_results_by_custom_id ON batch_results (part_id, custom_id) WHERE part_id IS NOT NULL",
    "CREATE INDEX batch_parts_by_job ON batch_parts (job_id, created_at)",
    "CREATE INDEX batch_parts_by_state ON batch_parts (state, created_at)",
    "CREATE UNIQUE INDEX batch_parts_by_native_id ON batch_parts (provider, native_id) WHERE native_id IS NOT NULL",
    "CREATE INDEX history_by_project ON history_rows (project, seq)",
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
