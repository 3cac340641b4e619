"""Indexes for what looks back: the cost of a conversation or a job, and spending by model."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # A conversation has few calls, and these columns never change: settling one leaves the index as it is.
    "CREATE INDEX ledger_by_conversation ON ledger (conversation_id) WHERE conversation_id IS NOT NULL",
    # A job may have 100,000, so that its sums are read from the index alone.
    """
    CREATE INDEX ledger_by_job ON ledger (job_id, cost_pico, prompt_total, out_visible, out_reasoning)
    WHERE job_id IS NOT NULL
    """,
    # A row of the ledger holds its price as JSON, which a sum over all of them must not read.
    """
    CREATE INDEX ledger_by_model
    ON ledger (project_id, served_model, model, state, cost_pico, prompt_total, out_visible, out_reasoning)
    """,
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
