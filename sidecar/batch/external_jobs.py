"""Batches that the renderer runs itself: what it says of them is stored, and nothing is sent (one transaction each)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sidecar.batch.jobs import FAILED_ROWS
from sidecar.batch.row_input import row_key
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.store import job_rows, jobs
from sidecar.store.job_records import Job, JobRow, JobStatus, RowStatus


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """What the renderer says of a row; None where it says nothing. Money is US dollars."""

    status: RowStatus
    row_index: int | None = None
    prompt: str | None = None
    model: str | None = None
    response: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None
    latency_ms: int | None = None
    error_kind: str | None = None
    error_message: str | None = None
    attempts: int | None = None
    data: Mapping[str, Any] | None = None


def update_job(
    conn: sqlite3.Connection,
    session: CurrentProject,
    job_id: str,
    status: JobStatus,
    *,
    now: int,
    completed_rows: int | None = None,
    total_rows: int | None = None,
    error: str | None = None,
) -> Job:
    """How far a batch is; one that is not known is made, in the open project."""
    _own(conn, session, job_id, now)
    job = jobs.told(
        conn,
        job_id,
        status,
        now=now,
        completed_rows=completed_rows,
        total_rows=total_rows,
        error=error,
    )
    assert job is not None, "it was found or made in this transaction"
    return job


def update_row(
    conn: sqlite3.Connection, session: CurrentProject, job_id: str, row_id: str, told: RowUpdate, now: int
) -> Job:
    """What came of a row; the job's counters and cost follow. A row or job that is not known is made."""
    job = _own(conn, session, job_id, now)
    key = row_key(job_id, row_id)
    before = job_rows.get(conn, key)
    job_rows.put(conn, _row(conn, job_id, row_id, key, told, before), now)
    jobs.told(
        conn,
        job_id,
        "processing" if job.status == "pending" else job.status,
        now=job.completed_at or now,
        total_rows=max(job.total_rows, job_rows.next_index(conn, job_id)),
        error=job.error,
    )
    known = None if before is None else before.cost_usd
    counted = jobs.count(
        conn,
        job_id,
        completed=_completed(told.status) - (_completed(before.status) if before else 0),
        failed=_failed(told.status) - (_failed(before.status) if before else 0),
        cost_usd=(told.cost_usd if told.cost_usd is not None else known or Decimal(0))
        - (known or Decimal(0)),
    )
    assert counted is not None, "it was found or made in this transaction"
    return counted


def _own(conn: sqlite3.Connection, session: CurrentProject, job_id: str, now: int) -> Job:
    job = jobs.get(conn, job_id)
    if job is None:
        return jobs.create(conn, Job(job_id, session.project(conn), now, source="renderer"))
    if job.source == "sidecar" and (job.status != "pending" or job.mode == "native"):
        raise Failure(
            "conflict", "The sidecar runs this batch and keeps its state itself. Start or cancel it there."
        )
    return job


def _row(
    conn: sqlite3.Connection, job_id: str, row_id: str, key: str, told: RowUpdate, before: JobRow | None
) -> JobRow:
    """The row as it is now known. What is not said stays as it was, but for the outcome, which is replaced."""
    index = told.row_index
    if index is None:
        index = before.row_index if before else job_rows.next_index(conn, job_id)
    return JobRow(
        id=key,
        job_id=job_id,
        row_index=index,
        prompt=told.prompt or (before.prompt if before else ""),
        status=told.status,
        data=told.data if told.data is not None else before.data if before else None,
        model=told.model or (before.model if before else None),
        response=told.response,
        tokens_in=told.tokens_in,
        tokens_out=told.tokens_out,
        cost_usd=told.cost_usd if told.cost_usd is not None else before.cost_usd if before else None,
        latency_ms=told.latency_ms,
        error_kind=told.error_kind,
        error_message=told.error_message,
        attempts=told.attempts if told.attempts is not None else before.attempts if before else 0,
    )


def _completed(status: RowStatus) -> int:
    return int(status == "success")


def _failed(status: RowStatus) -> int:
    return int(status in FAILED_ROWS)
