"""The rows of batch jobs: there from the submission on, read and written one page or one row at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from decimal import Decimal
from typing import Any

from sidecar.store.columns import (
    from_json,
    from_pico,
    storable,
    to_json,
    to_pico,
    uncertain_from,
    usd_from_real,
)
from sidecar.store.job_records import JobRow, NewRow, RowOutcome, RowStatus
from sidecar.store.records import CERTAIN

_COLUMNS = (
    "id, job_id, row_index, prompt, status, request, original_data, model, response, tokens_in, tokens_out,"
    " cost_pico, cost, latency, error_kind, error_message, attempts, finish_reason, custom_id,"
    # One look into an index that holds few: most calls end well. A total never overflows; it is exact to 9,007 dollars.
    " (SELECT count(*) || ' ' || CAST(total(l.at_least_pico) AS INTEGER) || ' '"
    " || CAST(total(coalesce(l.at_most_pico, l.estimate_pico)) AS INTEGER) || ' '"
    " || (count(*) - count(l.at_most_pico)) FROM ledger l WHERE l.uncertain = 1"
    " AND l.row_id = batch_results.id AND l.job_id = batch_results.job_id HAVING count(*) > 0), verdicts"
)
ENDED_SINCE_SQL = (
    f"SELECT {_COLUMNS} FROM batch_results WHERE job_id = ? AND updated_at >= ?"  # noqa: S608
    " AND status NOT IN ('pending', 'processing', 'cancelled')"
)
PAGE_SQL = f"SELECT {_COLUMNS} FROM batch_results WHERE job_id = ? ORDER BY row_index LIMIT ? OFFSET ?"  # noqa: S608
KEPT_SQL = (
    f"SELECT {_COLUMNS} FROM batch_results"  # noqa: S608
    " WHERE job_id = ? AND status = 'processing' AND finish_reason IS NOT NULL"
)

_WORDS: dict[str, RowStatus] = {
    "pending": "pending",
    "processing": "processing",
    "success": "success",
    "completed": "success",
    "error": "error",
    "failed": "error",
    "error-missing-key": "error-missing-key",
    "error-api": "error-api",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}


def status_word(stored: str, *, answered: bool) -> RowStatus:
    """The wire's word for a status that some program stored."""
    return _WORDS.get(stored.lower(), "success" if answered else "error")


def insert_many(conn: sqlite3.Connection, job_id: str, rows: Iterable[NewRow], now: int) -> None:
    """Adds rows that have not begun, and those that bring their answer or their failure along as ended.

    Raises sqlite3.IntegrityError when an id is taken.
    """
    conn.executemany(
        "INSERT INTO batch_results (id, job_id, row_index, request, prompt, status, provider, model, template,"
        " reserve_pico, question, error_kind, error_message, response, tokens_in, tokens_out, finish_reason,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                storable(row.id),
                job_id,
                row.row_index,
                to_json(dict(row.request)),
                storable(row.prompt),
                "error" if row.error_message else "pending" if row.answer is None else "success",
                row.provider,
                row.model,
                row.template,
                to_pico(row.reserve_usd),
                row.question,
                "invalid_params" if row.error_message else None,
                row.error_message,
                *((None,) * 5 if row.answer is None else (*astuple(row.answer), now)),
            )
            for row in rows
        ),
    )


def get(conn: sqlite3.Connection, row_id: str) -> JobRow | None:
    row = conn.execute(f"SELECT {_COLUMNS} FROM batch_results WHERE id = ?", (row_id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def page(conn: sqlite3.Connection, job_id: str, offset: int = 0, limit: int | None = None) -> list[JobRow]:
    """The rows by index; all of them from `offset` on where `limit` is None."""
    return [_record(row) for row in conn.execute(PAGE_SQL, (job_id, -1 if limit is None else limit, offset))]


def stream(conn: sqlite3.Connection, job_id: str) -> Iterator[JobRow]:
    """All the rows by index, one at a time."""
    return map(_record, conn.execute(PAGE_SQL, (job_id, -1, 0)))


def ended_since(conn: sqlite3.Connection, job_id: str, since: int) -> Iterator[JobRow]:
    """The rows that ended at that time (ms) or later, one at a time."""
    return map(_record, conn.execute(ENDED_SINCE_SQL, (job_id, since)))


def begin(conn: sqlite3.Connection, row_id: str, question: str, now: int) -> bool:
    """A pending row begins with its next attempt. False when it is not pending, or is gone.

    `question` names what it asks now: the settings may have changed since it was submitted.
    """
    changed = conn.execute(
        "UPDATE batch_results SET status = 'processing', attempts = attempts + 1, question = ?, updated_at = ?"
        " WHERE id = ? AND status = 'pending'",
        (question, now, row_id),
    )
    return changed.rowcount > 0


def attempt_again(conn: sqlite3.Connection, row_id: str, now: int) -> None:
    """A row that has begun is about to be sent once more."""
    conn.execute(
        "UPDATE batch_results SET attempts = attempts + 1, updated_at = ? WHERE id = ?", (now, row_id)
    )


def keep_answer(conn: sqlite3.Connection, row_id: str, outcome: RowOutcome, now: int) -> bool:
    """The answer of a row that is under way, with what it cost. False when the row is gone, or has ended.

    Such a row is one that has a reason for its end and has not ended: `kept`.
    """
    cost = to_pico(outcome.cost_usd)
    changed = conn.execute(
        "UPDATE batch_results SET response = ?, tokens_in = ?, tokens_out = ?, latency = ?, finish_reason = ?,"
        " updated_at = ?, cost_pico = CASE WHEN ? IS NULL THEN cost_pico ELSE coalesce(cost_pico, 0) + ? END,"
        " interruptions = 0 WHERE id = ? AND status = 'processing'",
        (
            None if outcome.response is None else storable(outcome.response),
            outcome.tokens_in,
            outcome.tokens_out,
            outcome.latency_ms,
            outcome.finish_reason,
            now,
            cost,
            cost,
            row_id,
        ),
    )
    return changed.rowcount > 0


def kept(conn: sqlite3.Connection, job_id: str) -> list[JobRow]:
    """The rows whose answer is stored, and nobody has said what it is worth."""
    return [_record(row) for row in conn.execute(KEPT_SQL, (job_id,))]


def finish(conn: sqlite3.Connection, row_id: str, outcome: RowOutcome, now: int) -> JobRow | None:
    """The row has ended: as it is from now on. None when it is gone, or had ended before."""
    cost = to_pico(outcome.cost_usd)
    row = conn.execute(
        "UPDATE batch_results SET status = ?, response = ?, tokens_in = ?, tokens_out = ?, latency = ?,"  # noqa: S608
        " error_kind = ?, error_message = ?, finish_reason = ?, updated_at = ?, verdicts = NULL,"
        " cost_pico = CASE WHEN ? IS NULL THEN cost_pico ELSE coalesce(cost_pico, 0) + ? END"
        f" WHERE id = ? AND status IN ('pending', 'processing') RETURNING {_COLUMNS}",
        (
            outcome.status,
            None if outcome.response is None else storable(outcome.response),
            outcome.tokens_in,
            outcome.tokens_out,
            outcome.latency_ms,
            outcome.error_kind,
            None if outcome.error_message is None else storable(outcome.error_message),
            outcome.finish_reason,
            now,
            cost,
            cost,
            row_id,
        ),
    ).fetchone()
    return None if row is None else _record(row)


def release(
    conn: sqlite3.Connection, row_id: str, cost_usd: Decimal | None, now: int, *, broke_off: bool = False
) -> bool:
    """A row that was cut off, or whose answer broke off, waits again; what it has cost so far stays with it.

    Its deaths stay with it too where it was cut off: that nobody waited for it says nothing of them.
    """
    cost = to_pico(cost_usd)
    changed = conn.execute(
        "UPDATE batch_results SET status = 'pending', interruptions = CASE WHEN ?1 THEN 0 ELSE interruptions END,"
        " updated_at = ?2, broken_answers = broken_answers + ?1,"
        " cost_pico = CASE WHEN ?3 IS NULL THEN cost_pico ELSE coalesce(cost_pico, 0) + ?3 END"
        " WHERE id = ?4 AND status = 'processing'",
        (int(broke_off), now, cost, row_id),
    )
    return changed.rowcount > 0


def put(conn: sqlite3.Connection, row: JobRow, now: int) -> RowStatus | None:
    """Writes a row that the renderer ran, whole. Gives the status that it had before, None for a new one."""
    before = get(conn, row.id)
    values = (
        row.row_index,
        None if row.data is None else to_json(row.data),
        storable(row.prompt),
        row.model,
        row.status,
        None if row.response is None else storable(row.response),
        row.tokens_in,
        row.tokens_out,
        to_pico(row.cost_usd),
        row.latency_ms,
        row.error_kind,
        row.error_message,
        row.attempts,
        now,
    )
    conn.execute(
        "INSERT INTO batch_results (id, job_id, row_index, original_data, prompt, model, status, response, tokens_in,"
        " tokens_out, cost_pico, latency, error_kind, error_message, attempts, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET row_index = excluded.row_index, original_data = excluded.original_data,"
        " prompt = excluded.prompt, model = excluded.model, status = excluded.status, response = excluded.response,"
        " tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, cost_pico = excluded.cost_pico,"
        " latency = excluded.latency, error_kind = excluded.error_kind, error_message = excluded.error_message,"
        # How the renderer asked is not known.
        " attempts = excluded.attempts, updated_at = excluded.updated_at, question = NULL",
        (storable(row.id), row.job_id, *values),
    )
    return None if before is None else before.status


def next_index(conn: sqlite3.Connection, job_id: str) -> int:
    """The index behind the last row."""
    row = conn.execute("SELECT max(row_index) FROM batch_results WHERE job_id = ?", (job_id,)).fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def _record(row: tuple[Any, ...]) -> JobRow:
    (
        row_id,
        job_id,
        row_index,
        prompt,
        status,
        request,
        original_data,
        model,
        response,
        tokens_in,
        tokens_out,
        cost_pico,
        cost,
        latency,
        error_kind,
        error_message,
        attempts,
        finish_reason,
        custom_id,
        uncertain,
        verdicts,
    ) = row
    return JobRow(
        id=row_id,
        job_id=job_id,
        row_index=row_index,
        prompt=prompt,
        status=status_word(status, answered=response is not None and not error_message),
        request=None if request is None else from_json(request),
        data=None if original_data is None else from_json(original_data),
        model=model,
        response=response,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=from_pico(cost_pico) if cost_pico is not None else usd_from_real(cost),
        latency_ms=latency,
        error_kind=error_kind,
        error_message=error_message,
        attempts=attempts,
        finish_reason=finish_reason,
        custom_id=custom_id,
        uncertain=CERTAIN if uncertain is None else uncertain_from(*map(int, uncertain.split())),
        verdicts=None if verdicts is None else from_json(verdicts),
    )
