"""Copies the app's rows into the new tables, whatever state they are in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from sidecar.store.migrations import lenient_parse
from sidecar.store.migrations.recovery import Parents, fresh_id


def copy_projects(conn: sqlite3.Connection, parents: Parents, now_ms: int) -> None:
    for row in _old(conn, "projects"):
        created_at, last_used = _times(row, now_ms)
        conn.execute(
            "INSERT INTO projects (id, name, description, settings, created_at, last_used) VALUES (?, ?, ?, ?, ?, ?)",
            (
                _own_id(conn, parents, "projects", row),
                lenient_parse.text(row.get("name")) or "Untitled project",
                lenient_parse.text(row.get("description")) or "",
                lenient_parse.json_object_text(row.get("settings")),
                created_at,
                last_used,
            ),
        )


def copy_conversations(conn: sqlite3.Connection, parents: Parents, now_ms: int) -> None:
    for row in _old(conn, "conversations"):
        created_at, last_used = _times(row, now_ms)
        conn.execute(
            "INSERT INTO conversations (id, project_id, name, created_at, last_used) VALUES (?, ?, ?, ?, ?)",
            (
                _own_id(conn, parents, "conversations", row),
                parents.project(lenient_parse.text(row.get("project_id"))),
                lenient_parse.text(row.get("name")) or "Untitled conversation",
                created_at,
                last_used,
            ),
        )


def copy_messages(conn: sqlite3.Connection, parents: Parents, now_ms: int) -> None:
    latest: dict[str, int] = {}
    for row in _old(conn, "messages"):
        conversation_id = parents.conversation(lenient_parse.text(row.get("conversation_id")))
        timestamp = lenient_parse.time_ms(row.get("timestamp"))
        if timestamp is None:
            # Where it stood says more than no time at all: right after the message that was stored before it.
            timestamp = latest.get(conversation_id) or _began_at(conn, conversation_id) or now_ms
        latest[conversation_id] = timestamp
        message_id = _own_id(conn, parents, "messages", row)
        model = lenient_parse.text(row.get("model"))
        provider = lenient_parse.text(row.get("provider"))
        conn.execute(
            "INSERT INTO messages (id, conversation_id, turn_id, role, content, provider, model, cost,"
            " tokens_in, tokens_out, timestamp) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message_id,
                conversation_id,
                message_id,
                lenient_parse.role(row.get("role"), has_model=bool(model or provider)),
                lenient_parse.text(row.get("content")) or "",
                provider,
                model,
                lenient_parse.cost_usd(row.get("cost")),
                lenient_parse.count(row.get("tokens_in")),
                lenient_parse.count(row.get("tokens_out")),
                timestamp,
            ),
        )


def copy_batch_jobs(conn: sqlite3.Connection, parents: Parents, now_ms: int) -> None:
    for row in _old(conn, "batch_jobs"):
        completed_at = lenient_parse.time_ms(row.get("completed_at"))
        created_at = lenient_parse.time_ms(row.get("created_at"))
        conn.execute(
            "INSERT INTO batch_jobs (id, project_id, file_name, status, total_rows, completed_rows, failed_rows,"
            " total_cost, created_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _own_id(conn, parents, "batch_jobs", row),
                parents.project(lenient_parse.text(row.get("project_id"))),
                lenient_parse.text(row.get("file_name")) or "",
                lenient_parse.text(row.get("status")) or ("failed" if completed_at is None else "completed"),
                lenient_parse.count(row.get("total_rows")) or 0,
                lenient_parse.count(row.get("completed_rows")) or 0,
                lenient_parse.count(row.get("failed_rows")) or 0,
                lenient_parse.cost_usd(row.get("total_cost")),
                _first(created_at, completed_at, now_ms),
                completed_at,
            ),
        )


def copy_batch_results(conn: sqlite3.Connection, parents: Parents) -> None:
    next_index: dict[str, int] = {}
    for row in _old(conn, "batch_results"):
        job_id = parents.job(lenient_parse.text(row.get("job_id")))
        row_index = lenient_parse.count(row.get("row_index"))
        if row_index is None:
            row_index = next_index.get(job_id, 0)
        next_index[job_id] = row_index + 1
        response = lenient_parse.text(row.get("response"))
        error = lenient_parse.text(row.get("error_message"))
        conn.execute(
            "INSERT INTO batch_results (id, job_id, row_index, original_data, prompt, response, status, cost,"
            " tokens_in, tokens_out, latency, error_message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _own_id(conn, parents, "batch_results", row),
                job_id,
                row_index,
                lenient_parse.json_text(row.get("original_data")),
                lenient_parse.text(row.get("prompt")) or "",
                response,
                lenient_parse.text(row.get("status")) or _status(response, error),
                lenient_parse.cost_usd(row.get("cost")),
                lenient_parse.count(row.get("tokens_in")),
                lenient_parse.count(row.get("tokens_out")),
                lenient_parse.count(row.get("latency")),
                error,
            ),
        )


def _old(conn: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """The rows as they were stored, columns by lower-case name: the old table may have fewer, or more."""
    rows = conn.execute(f"SELECT * FROM temp.old_{table}")  # noqa: S608
    names = [column[0].lower() for column in rows.description]
    for row in rows:
        yield dict(zip(names, row, strict=True))


def _own_id(conn: sqlite3.Connection, parents: Parents, table: str, row: dict[str, Any]) -> str:
    row_id = lenient_parse.text(row.get("id"))
    if row_id is None:
        return fresh_id()
    row_id = parents.named(table, row_id)
    taken = conn.execute(f"SELECT 1 FROM main.{table} WHERE id = ?", (row_id,)).fetchone()  # noqa: S608
    return row_id if taken is None else fresh_id()


def _times(row: dict[str, Any], now_ms: int) -> tuple[int, int]:
    created_at = lenient_parse.time_ms(row.get("created_at"))
    last_used = lenient_parse.time_ms(row.get("last_used"))
    return _first(created_at, last_used, now_ms), _first(last_used, created_at, now_ms)


def _first(*candidates: int | None) -> int:
    return next(value for value in candidates if value is not None)


def _began_at(conn: sqlite3.Connection, conversation_id: str) -> int | None:
    row = conn.execute("SELECT created_at FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    return None if row is None else int(row[0])


def _status(response: str | None, error: str | None) -> str:
    if error:
        return "error"
    return "cancelled" if response is None else "success"
