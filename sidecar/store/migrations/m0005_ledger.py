"""The ledger of what was spent, begun with what the old rows say they cost."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any

from sidecar.store.columns import to_pico
from sidecar.store.migrations.recovery import fresh_id

_STATEMENTS = (
    # No foreign keys: what was spent stays known when that on which it was spent is gone.
    """
    CREATE TABLE ledger (
        id TEXT NOT NULL PRIMARY KEY,
        created_at INTEGER NOT NULL,
        settled_at INTEGER,
        state TEXT NOT NULL CHECK (state IN ('intent', 'settled', 'failed', 'unknown')),
        kind TEXT NOT NULL,
        project_id TEXT,
        conversation_id TEXT,
        turn_id TEXT,
        message_id TEXT,
        job_id TEXT,
        row_id TEXT,
        provider TEXT,
        model TEXT,
        served_model TEXT,
        price TEXT CHECK (price IS NULL OR json_valid(price)),
        in_uncached INTEGER,
        cache_read INTEGER,
        cache_write_short INTEGER,
        cache_write_long INTEGER,
        out_visible INTEGER,
        out_reasoning INTEGER,
        searches INTEGER,
        prompt_total INTEGER,
        cost_pico INTEGER,
        estimate_pico INTEGER,
        incomplete INTEGER NOT NULL DEFAULT 0,
        request_id TEXT,
        error_kind TEXT
    ) STRICT
    """,
    # The cost stands in the index, so that a sum over a month reads nothing else.
    "CREATE INDEX ledger_by_time ON ledger (created_at, cost_pico)",
    "CREATE INDEX ledger_by_project ON ledger (project_id, created_at, cost_pico)",
    "CREATE INDEX ledger_by_state ON ledger (state, created_at, id)",
    "CREATE INDEX ledger_by_turn ON ledger (turn_id, model) WHERE turn_id IS NOT NULL",
)

_INSERT = (
    "INSERT INTO ledger (id, created_at, settled_at, state, kind, project_id, conversation_id, turn_id, message_id,"
    " job_id, row_id, provider, model, in_uncached, out_visible, prompt_total, cost_pico)"
    " VALUES (?, ?, ?, 'settled', 'imported', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MAX_USD = 1_000_000  # beyond it a number is a mistake, and a few of them would overflow a sum of 64 bits


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
    _import_messages(conn)
    _import_batch_rows(conn)
    _import_jobs_without_rows(conn)


def _import_messages(conn: sqlite3.Connection) -> None:
    rows = conn.execute(
        "SELECT m.timestamp, c.project_id, m.conversation_id, m.turn_id, m.id, m.provider, m.model,"
        " m.tokens_in, m.tokens_out, m.cost"
        " FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.cost > 0 AND m.cost < ?",
        (_MAX_USD,),
    )
    for (
        at,
        project_id,
        conversation_id,
        turn_id,
        message_id,
        provider,
        model,
        tokens_in,
        tokens_out,
        cost,
    ) in rows:
        where = (project_id, conversation_id, turn_id, message_id, None, None)
        conn.execute(
            _INSERT, (fresh_id(), at, at, *where, provider, model, *_amounts(tokens_in, tokens_out, cost))
        )


def _import_batch_rows(conn: sqlite3.Connection) -> None:
    rows = conn.execute(
        "SELECT coalesce(j.completed_at, j.created_at), j.project_id, r.job_id, r.id, r.original_data,"
        " r.tokens_in, r.tokens_out, r.cost"
        " FROM batch_results r JOIN batch_jobs j ON j.id = r.job_id WHERE r.cost > 0 AND r.cost < ?",
        (_MAX_USD,),
    )
    for at, project_id, job_id, row_id, original_data, tokens_in, tokens_out, cost in rows:
        where = (project_id, None, None, None, job_id, row_id)
        model = _model_of(original_data)
        conn.execute(
            _INSERT, (fresh_id(), at, at, *where, None, model, *_amounts(tokens_in, tokens_out, cost))
        )


def _import_jobs_without_rows(conn: sqlite3.Connection) -> None:
    """A job that says what it cost, while no row of it does, is imported whole."""
    rows = conn.execute(
        "SELECT coalesce(completed_at, created_at), project_id, id, total_cost FROM batch_jobs j"
        " WHERE total_cost > 0 AND total_cost < ?"
        " AND NOT EXISTS (SELECT 1 FROM batch_results r WHERE r.job_id = j.id AND r.cost > 0)",
        (_MAX_USD,),
    )
    for at, project_id, job_id, cost in rows:
        where = (project_id, None, None, None, job_id, None)
        conn.execute(_INSERT, (fresh_id(), at, at, *where, None, None, *_amounts(None, None, cost)))


def _amounts(tokens_in: int | None, tokens_out: int | None, cost: float) -> tuple[int | None, ...]:
    return tokens_in, tokens_out, tokens_in, to_pico(Decimal(repr(float(cost))))


def _model_of(original_data: str | None) -> str | None:
    """A row of a batch names its model in its data, if anywhere."""
    data: Any = None if original_data is None else json.loads(original_data)
    model = data.get("model") if isinstance(data, dict) else None
    return model if isinstance(model, str) else None
