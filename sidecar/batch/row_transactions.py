"""The transactions of local batches: a row's intent before it leaves, its outcome with its cost and its counters."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sidecar.batch import jobs as moves
from sidecar.errors import Failure
from sidecar.providers.base import Usage
from sidecar.store import job_rows, jobs, ledger
from sidecar.store.job_records import Job, JobRow, PendingRow, RowOutcome, RowStatus
from sidecar.store.records import LedgerEntry


@dataclass(frozen=True, slots=True)
class Budget:
    """The month's limit in US dollars, or None. `since` is the first moment of the month, in ms."""

    limit_usd: Decimal | None
    since: int


@dataclass(frozen=True, slots=True)
class Billing:
    """What the ledger is told of a request: it ran (`settled`), did not (`failed`), or may have (`unknown`)."""

    state: Literal["settled", "failed", "unknown"]
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    served_model: str | None = None
    price: Mapping[str, Any] | None = None
    request_id: str | None = None
    incomplete: bool = False
    error_kind: str | None = None

    @property
    def known_usd(self) -> Decimal | None:
        """What the row's cost grows by; None where that is not known."""
        return Decimal(0) if self.state == "failed" else self.cost_usd if self.state == "settled" else None


class OverBudget(Failure):
    """The month's budget does not allow the next row; the job stops, its rows stay."""


def start(
    conn: sqlite3.Connection,
    job_id: str,
    *,
    retry_failed: bool,
    now: int,
    concurrency: int | None,
    notify_rows: bool,
    budget: Budget,
) -> Job:
    """The job runs from now on, and holds back the most that its rows may cost.

    Raises Failure: "not_found", "conflict", or "budget_exceeded", and then nothing has changed.
    """
    job = jobs.get(conn, job_id)
    if job is None:
        raise moves.unknown_job()
    reopened = moves.rows_to_reopen(job, retry_failed=retry_failed)
    changed = job_rows.reopen(conn, job_id, reopened)
    if retry_failed:
        jobs.count(conn, job_id, failed=-changed)
    jobs.reserve(conn, job_id, Decimal(0))
    reserved = job_rows.pending_reserve(conn, job_id)
    keep_to(conn, budget, reserved, "this batch may cost up to")
    begun = jobs.begin(
        conn, job_id, now=now, concurrency=concurrency, notify_rows=notify_rows, reserved_usd=reserved
    )
    if begun is None:
        raise moves.unknown_job()
    return begun


def begin_row(
    conn: sqlite3.Connection,
    row: PendingRow,
    question: str,
    entry: LedgerEntry,
    budget: Budget | None,
    now: int,
) -> bool:
    """Writes, before a row leaves, that it does. False when it must not: it was cancelled, or deleted with its job.

    `question` names what it asks. With a budget it is checked first: raises OverBudget, and then nothing has changed.
    """
    if not job_rows.begin(conn, row.id, question, now):
        return False
    jobs.unreserve(conn, str(entry.job_id), row.reserve_usd)
    if budget is not None:
        keep_to(conn, budget, entry.estimate_usd or Decimal(0), "the next row may cost up to")
    ledger.intent(conn, entry)
    return True


def end_row(
    conn: sqlite3.Connection,
    job_id: str,
    row_id: str,
    outcome: RowOutcome,
    *,
    entry_id: str | None,
    billing: Billing | None,
    reserve_usd: Decimal | None,
    now: int,
) -> tuple[Job, JobRow] | None:
    """A row has ended: its result, its cost and the job's counters, together. None when it was deleted meanwhile.

    `entry_id` and `billing` are None for a row that never left; `reserve_usd` is then given back.
    """
    if entry_id is not None and billing is not None:
        bill(conn, entry_id, billing, now)
    else:
        jobs.unreserve(conn, job_id, reserve_usd)
    if not job_rows.finish(conn, row_id, outcome, now):
        return None
    job = jobs.count(
        conn,
        job_id,
        completed=int(outcome.status == "success"),
        failed=int(outcome.status in moves.FAILED_ROWS),
        cost_usd=outcome.cost_usd,
    )
    row = job_rows.get(conn, row_id)
    return None if job is None or row is None else (job, row)


def requeue(
    conn: sqlite3.Connection, row: PendingRow, entry: LedgerEntry, billing: Billing, now: int
) -> None:
    """A row was cut off by the end of the process: it waits for the next start, and what it cost is kept."""
    bill(conn, entry.id, billing, now)
    job_id = str(entry.job_id)
    if job_rows.release(conn, row.id, billing.known_usd, now):
        jobs.count(conn, job_id, cost_usd=billing.known_usd)
        jobs.unreserve(conn, job_id, -(row.reserve_usd or Decimal(0)))


def complete(conn: sqlite3.Connection, job_id: str, now: int) -> Job | None:
    """No row waits any more. None when the job is gone, or was ended by somebody else."""
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing":
        return None
    return jobs.end(conn, job_id, moves.status_at_end(job), now=now)


def stop(conn: sqlite3.Connection, job_id: str, failure: Failure, now: int) -> Job | None:
    """The job as a whole cannot go on; its rows wait as they are. None when it is gone, or was ended already."""
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing":
        return None
    return jobs.end(conn, job_id, "failed", now=now, error=failure.message, error_kind=failure.kind)


def cancel(conn: sqlite3.Connection, job_id: str, now: int) -> Job:
    """The job is cancelled with every row that has not begun. Raises Failure("not_found") or Failure("conflict")."""
    job = jobs.get(conn, job_id)
    if job is None:
        raise moves.unknown_job()
    moves.refuse_foreign(job)
    moves.refuse_ended(job)
    job_rows.cancel_pending(conn, job_id, now)
    ended = jobs.end(conn, job_id, "cancelled", now=now)
    if ended is None:
        raise moves.unknown_job()
    return ended


def recover(conn: sqlite3.Connection, now: int) -> list[Job]:
    """At start: gives back what the last run left open, and says which jobs go on, oldest first.

    Requests without an outcome may have been charged, which nobody will ever know; their rows wait again.
    """
    conn.execute(
        "UPDATE ledger SET state = 'unknown', settled_at = ?, error_kind = 'interrupted'"
        " WHERE state = 'intent' AND kind = 'batch'"
        " AND NOT EXISTS (SELECT 1 FROM batch_jobs j WHERE j.id = ledger.job_id AND j.mode = 'native')",
        (now,),
    )
    ours = [
        job for job in jobs.with_status(conn, "processing") if job.source == "sidecar" and job.mode == "local"
    ]
    for job in ours:
        job_rows.release_all(conn, job.id)
        jobs.reserve(conn, job.id, job_rows.pending_reserve(conn, job.id))
    for job_id in job_rows.jobs_with_begun_rows(conn):
        left = jobs.get(conn, job_id)
        if left is not None and left.source == "sidecar" and left.mode == "local":
            # It was cancelled, or stopped, and the process died before the rows in flight were settled.
            job_rows.release_all(conn, job_id)
            if left.status == "cancelled":
                job_rows.cancel_pending(conn, job_id, now)
    return ours


def reopenable(conn: sqlite3.Connection, job_id: str, statuses: Collection[RowStatus]) -> list[str]:
    """The providers of the rows that a start would send."""
    waiting = job_rows.pending_providers(conn, job_id)
    return sorted({*waiting, *job_rows.providers(conn, job_id, statuses)})


def bill(conn: sqlite3.Connection, entry_id: str, billing: Billing, now: int) -> None:
    """Settles the ledger's row, unless it was settled before."""
    match billing.state:
        case "failed":
            ledger.fail(
                conn, entry_id, now=now, error_kind=billing.error_kind or "", request_id=billing.request_id
            )
        case "unknown":
            ledger.mark_unknown(
                conn, entry_id, now=now, error_kind=billing.error_kind, request_id=billing.request_id
            )
        case "settled":
            ledger.settle(
                conn,
                entry_id,
                now=now,
                usage=billing.usage,
                cost_usd=billing.cost_usd,
                served_model=billing.served_model,
                price=billing.price,
                request_id=billing.request_id,
                incomplete=billing.incomplete,
            )


def keep_to(conn: sqlite3.Connection, budget: Budget, more: Decimal, what: str) -> None:
    """Raises OverBudget when `more` does not fit; `what` is the middle of the sentence that says so."""
    if budget.limit_usd is None:
        return
    spent, held = ledger.spent_since(conn, budget.since), ledger.reserved(conn)
    if spent + held + more > budget.limit_usd:
        raise OverBudget(
            "budget_exceeded",
            f"This month's budget of ${budget.limit_usd} would be exceeded: ${spent:.2f} is spent, ${held:.2f} is held "
            f"back for what runs, and {what} ${more:.2f}. Raise the budget in the settings, then start it again.",
        )
