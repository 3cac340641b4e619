"""Whether the last run has left anything, asked before what takes it up is loaded: nearly always there is nothing."""

from __future__ import annotations

import sqlite3

OF_BATCHES_SQL = (
    "SELECT EXISTS (SELECT 1 FROM batch_jobs WHERE status = 'processing')"
    " OR EXISTS (SELECT 1 FROM batch_parts WHERE state IN ('intent', 'submitted', 'ended', 'doubtful'))"
    " OR EXISTS (SELECT 1 FROM batch_results WHERE status = 'processing')"
)
OPEN_SQL = (
    "SELECT EXISTS (SELECT 1 FROM ledger WHERE state = 'intent')"
    " OR EXISTS (SELECT 1 FROM answer_pieces)"
    " OR EXISTS (SELECT 1 FROM batch_jobs WHERE status IN ('storing', 'processing'))"
    " OR EXISTS (SELECT 1 FROM batch_results WHERE status = 'processing')"
)


def of_batches(conn: sqlite3.Connection) -> bool:
    """Whether there is a job that goes on, or something of one to clear up."""
    return bool(conn.execute(OF_BATCHES_SQL).fetchone()[0])


def anything_open(conn: sqlite3.Connection) -> bool:
    """Whether a request, an answer or a job was under way."""
    return bool(conn.execute(OPEN_SQL).fetchone()[0])
