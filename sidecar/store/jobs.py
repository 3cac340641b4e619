"""The table of batch jobs. Counters and costs of a job change in the transaction that changes its row."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from sidecar.store import safeguards
from sidecar.store.columns import (
    from_json,
    from_pico,
    storable,
    to_json,
    to_pico,
    uncertain_from,
    usd_from_real,
)
from sidecar.store.job_records import Job, JobStatus, Mode

# A job whose rows are still being written. It is not shown, and a start of the sidecar removes it.
STORING = "storing"

_COLUMNS = (
    "id, project_id, created_at, file_name, mode, source, status, total_rows, completed_rows, failed_rows,"
    " cost_pico, total_cost, estimate, started_at, completed_at, concurrency, notify_rows, error, error_kind,"
    " safeguard, uncertain_calls, uncertain_least_pico, uncertain_most_pico, unbounded_calls, checks, interruptions"
)
_PAGE = f"SELECT {_COLUMNS} FROM batch_jobs WHERE project_id = ? AND status <> 'storing'"  # noqa: S608
PAGE_SQL = f"{_PAGE} ORDER BY created_at DESC, id LIMIT ?"
NEXT_PAGE_SQL = (
    f"{_PAGE} AND created_at <= ? AND (created_at < ? OR id > ?) ORDER BY created_at DESC, id LIMIT ?"
)
BY_STATUS_SQL = f"SELECT {_COLUMNS} FROM batch_jobs WHERE status = ? ORDER BY created_at, id"  # noqa: S608

_WORDS: dict[str, JobStatus] = {
    "pending": "pending",
    "queued": "pending",
    "processing": "processing",
    "running": "processing",
    "in_progress": "processing",
    "completed": "completed",
    "complete": "completed",
    "success": "completed",
    "failed": "failed",
    "error": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}


def status_word(stored: str, *, ended: bool) -> JobStatus:
    """The wire's word for a status that some program stored; an unknown one is told by whether the job has ended."""
    return _WORDS.get(stored.lower(), "completed" if ended else "failed")


def create(conn: sqlite3.Connection, job: Job, *, storing: bool = False) -> Job:
    """Raises sqlite3.IntegrityError when the id is taken or there is no such project."""
    conn.execute(
        "INSERT INTO batch_jobs (id, project_id, created_at, file_name, mode, source, status, total_rows,"
        " completed_rows, failed_rows, cost_pico, estimate, started_at, completed_at, concurrency, notify_rows,"
        " error, error_kind, checks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            job.project_id,
            job.created_at,
            storable(job.file_name),
            job.mode,
            job.source,
            STORING if storing else job.status,
            job.total_rows,
            job.completed_rows,
            job.failed_rows,
            to_pico(job.cost_usd),
            None if job.estimate is None else to_json(dict(job.estimate)),
            job.started_at,
            job.completed_at,
            job.concurrency,
            int(job.notify_rows),
            job.error,
            job.error_kind,
            None if job.checks is None else to_json(list(job.checks)),
        ),
    )
    return job


def get(conn: sqlite3.Connection, job_id: str) -> Job | None:
    """The job, unless there is none or its rows are still being written."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM batch_jobs WHERE id = ? AND status <> 'storing'",  # noqa: S608
        (job_id,),
    ).fetchone()
    return None if row is None else _record(row)


def list_page(
    conn: sqlite3.Connection, project_id: str, limit: int, after: str | None = None
) -> list[Job] | None:
    """A project's jobs, newest first, from the one after the job `after`; None when there is no such job in it."""
    if after is None:
        return [_record(row) for row in conn.execute(PAGE_SQL, (project_id, limit))]
    last = get(conn, after)
    if last is None or last.project_id != project_id:
        return None
    at = last.created_at
    return [_record(row) for row in conn.execute(NEXT_PAGE_SQL, (project_id, at, at, after, limit))]


def with_status(conn: sqlite3.Connection, status: str) -> list[Job]:
    """The jobs with that word on the disk, oldest first."""
    return [_record(row) for row in conn.execute(BY_STATUS_SQL, (status,))]


def going_on(conn: sqlite3.Connection, mode: Mode) -> list[Job]:
    """Our own jobs that run in that mode, or did when the process ended; oldest first."""
    return [job for job in with_status(conn, "processing") if job.source == "sidecar" and job.mode == mode]


def is_being_stored(conn: sqlite3.Connection, job_id: str) -> bool:
    """False when it went with its project."""
    found = conn.execute("SELECT 1 FROM batch_jobs WHERE id = ? AND status = 'storing'", (job_id,))
    return found.fetchone() is not None


def stored(conn: sqlite3.Connection, job_id: str) -> Job | None:
    """All rows are written: the job can be seen."""
    conn.execute("UPDATE batch_jobs SET status = 'pending' WHERE id = ? AND status = 'storing'", (job_id,))
    return get(conn, job_id)


def keep_estimate(conn: sqlite3.Connection, job_id: str, estimate: Mapping[str, str]) -> None:
    """Keeps what the job was thought to cost, to be compared with what it came to."""
    conn.execute("UPDATE batch_jobs SET estimate = ? WHERE id = ?", (to_json(dict(estimate)), job_id))


def forget_half_stored(conn: sqlite3.Connection) -> int:
    """Removes jobs whose submission never came to its end; nobody was told that they exist."""
    return conn.execute("DELETE FROM batch_jobs WHERE status = 'storing'").rowcount


def delete(conn: sqlite3.Connection, job_id: str) -> bool:
    """Its rows and parts go too; the ledger keeps what was spent."""
    return conn.execute("DELETE FROM batch_jobs WHERE id = ?", (job_id,)).rowcount > 0


def begin(
    conn: sqlite3.Connection,
    job_id: str,
    *,
    now: int,
    concurrency: int | None,
    notify_rows: bool,
) -> Job | None:
    """The job runs from now on."""
    conn.execute(
        "UPDATE batch_jobs SET status = 'processing', started_at = coalesce(started_at, ?), completed_at = NULL,"
        " error = NULL, error_kind = NULL, concurrency = ?, notify_rows = ?, at_work = 1, interruptions = 0,"
        " beginning_row = NULL WHERE id = ?",
        (now, concurrency, int(notify_rows), job_id),
    )
    return get(conn, job_id)


def end(
    conn: sqlite3.Connection,
    job_id: str,
    status: JobStatus,
    *,
    now: int,
    error: str | None = None,
    error_kind: str | None = None,
) -> Job | None:
    """The job runs no more and gives back what it held of the budget."""
    conn.execute(
        "UPDATE batch_jobs SET status = ?, completed_at = ?, error = ?, error_kind = ?, reserved_pico = 0, at_work = 0,"
        " interruptions = 0, beginning_row = NULL WHERE id = ?",
        (status, now, error, error_kind, job_id),
    )
    return get(conn, job_id)


def note(
    conn: sqlite3.Connection, job_id: str, status: JobStatus, error: str | None, error_kind: str | None
) -> Job | None:
    """What keeps a job that has not ended from going on, or None when nothing does any more."""
    conn.execute(
        "UPDATE batch_jobs SET status = ?, error = ?, error_kind = ? WHERE id = ?",
        (status, error, error_kind, job_id),
    )
    return get(conn, job_id)


def count(
    conn: sqlite3.Connection,
    job_id: str,
    *,
    completed: int = 0,
    failed: int = 0,
    cost_usd: Decimal | None = None,
) -> Job | None:
    """Adds to the counters and to the cost. None where `get` shows no such job.

    It went on, so the deaths before were not all there is of it.
    """
    row = conn.execute(
        "UPDATE batch_jobs SET interruptions = 0, completed_rows = completed_rows + ?, failed_rows = failed_rows + ?,"  # noqa: S608
        f" cost_pico = coalesce(cost_pico, 0) + ? WHERE id = ? RETURNING {_COLUMNS}, status = 'storing'",
        (completed, failed, to_pico(cost_usd) or 0, job_id),
    ).fetchone()
    return None if row is None or row[-1] else _record(row[:-1])


def reserve(conn: sqlite3.Connection, job_id: str, usd: Decimal) -> None:
    """Sets what the job holds back of the month's budget."""
    conn.execute("UPDATE batch_jobs SET reserved_pico = ? WHERE id = ?", (to_pico(usd), job_id))


def unreserve(conn: sqlite3.Connection, job_id: str, usd: Decimal | None) -> None:
    """Gives back the part of one row, which its ledger row holds from now on."""
    conn.execute(
        "UPDATE batch_jobs SET reserved_pico = max(0, reserved_pico - ?) WHERE id = ?",
        (to_pico(usd) or 0, job_id),
    )


def told(
    conn: sqlite3.Connection,
    job_id: str,
    status: JobStatus,
    *,
    now: int,
    completed_rows: int | None = None,
    total_rows: int | None = None,
    error: str | None = None,
) -> Job | None:
    """What the renderer says of a batch that it runs itself; a number that is None stays as it is."""
    conn.execute(
        "UPDATE batch_jobs SET source = 'renderer', status = ?1, error = ?2,"
        " completed_rows = coalesce(?3, completed_rows), total_rows = coalesce(?4, total_rows),"
        " started_at = CASE WHEN ?1 = 'pending' THEN started_at ELSE coalesce(started_at, ?5) END,"
        " completed_at = CASE WHEN ?1 IN ('pending', 'processing') THEN NULL ELSE ?5 END WHERE id = ?6",
        (status, error, completed_rows, total_rows, now, job_id),
    )
    return get(conn, job_id)


def _record(row: tuple[Any, ...]) -> Job:
    (
        job_id,
        project_id,
        created_at,
        file_name,
        mode,
        source,
        status,
        total,
        completed,
        failed,
        cost_pico,
        total_cost,
        estimate,
        started_at,
        completed_at,
        concurrency,
        notify_rows,
        error,
        error_kind,
        safeguard,
        *uncertain,
        checks,
        interruptions,
    ) = row
    cost = from_pico(cost_pico) if cost_pico is not None else usd_from_real(total_cost)
    return Job(
        id=job_id,
        project_id=project_id,
        created_at=created_at,
        file_name=file_name,
        mode=mode,
        source=source,
        status=status_word(status, ended=completed_at is not None),
        total_rows=total,
        completed_rows=completed,
        failed_rows=failed,
        cost_usd=max(cost or Decimal(0), Decimal(0)),
        estimate=None if estimate is None else cast(dict[str, str], from_json(estimate)),
        started_at=started_at,
        completed_at=completed_at,
        concurrency=concurrency,
        notify_rows=bool(notify_rows),
        error=error,
        error_kind=error_kind,
        uncertain=uncertain_from(*uncertain),
        checks=None if checks is None else from_json(checks),
        safeguard=None if safeguard is None else safeguards.from_text(safeguard),
        interruptions=interruptions,
    )
