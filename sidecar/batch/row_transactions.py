"""The transactions of rows: an intent before one leaves, its outcome with its cost and its counters.

What is paid for is not given up at the first trouble with the disk.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from decimal import Decimal
from itertools import chain, repeat
from typing import TypeVar

from sidecar.batch import jobs as moves
from sidecar.batch import safeguard_transactions
from sidecar.batch.safeguard_transactions import NOTHING_WANTED, SafeguardWanted
from sidecar.errors import Failure
from sidecar.spending import intent
from sidecar.spending.budget import Budget, give_back, hold, hold_again
from sidecar.spending.settlement import settle
from sidecar.store import job_rows, jobs, pending_rows, row_sweeps
from sidecar.store.job_records import Job, JobRow, PendingRow, RowOutcome, RowStatus
from sidecar.store.records import LedgerEntry, Settlement

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")
# Seconds between two trials.
WAITS = (0.2, 1.0, 3.0, 10.0)


async def retry_on_storage_error(
    write: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """Writes, again and again while the disk refuses, for some seconds: for what can be fetched again.

    Raises the last Failure("storage_error").
    """
    for wait in WAITS:
        try:
            return await write()
        except Failure as failure:
            if failure.kind != "storage_error":
                raise
            log.error("the result of a batch could not be saved: %s", failure.message)
        await sleep(wait)
    return await write()


async def write_when_possible(
    write: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """Writes, however long the disk refuses: for what is nowhere else, as an answer that was paid for."""
    waits = chain(WAITS, repeat(WAITS[-1]))
    told = ""
    while True:
        try:
            return await write()
        except Failure as failure:
            if failure.kind != "storage_error":
                raise
            if failure.message != told:
                told = failure.message
                log.error("a batch waits until it can be saved: %s", told)
        await sleep(next(waits))


def start(
    conn: sqlite3.Connection,
    job_id: str,
    *,
    retry_failed: bool,
    now: int,
    concurrency: int | None,
    notify_rows: bool,
    budget: Budget,
    wanted: SafeguardWanted = NOTHING_WANTED,
) -> Job:
    """The job runs from now on, and holds back the most that its rows may cost. `wanted` is what it asks before.

    Raises Failure: "not_found", "conflict", or "budget_exceeded", and then nothing has changed.
    """
    job = jobs.get(conn, job_id)
    if job is None:
        raise moves.unknown_job()
    reopened = moves.rows_to_reopen(job, retry_failed=retry_failed)
    changed = row_sweeps.reopen(conn, job_id, reopened)
    row_sweeps.begin_anew(conn, job_id)
    if retry_failed:
        jobs.count(conn, job_id, failed=-changed)
    if job.safeguard is not None or wanted is not NOTHING_WANTED:
        safeguard_transactions.arm(conn, job, wanted, retry_failed=retry_failed, now=now)
    return run_from_now(
        conn, job_id, now=now, concurrency=concurrency, notify_rows=notify_rows, budget=budget
    )


def run_from_now(
    conn: sqlite3.Connection,
    job_id: str,
    *,
    now: int,
    concurrency: int | None,
    notify_rows: bool,
    budget: Budget,
) -> Job:
    """The job runs, local or native, and holds back the most that its waiting rows may cost.

    Raises Failure: "not_found" or "budget_exceeded", and the transaction must not be kept then.
    """
    hold(conn, job_id, budget)
    begun = jobs.begin(conn, job_id, now=now, concurrency=concurrency, notify_rows=notify_rows)
    if begun is None:
        raise moves.unknown_job()
    return begun


def begin_row(
    conn: sqlite3.Connection,
    row: PendingRow,
    fingerprint: str,
    entry: LedgerEntry,
    budget: Budget | None,
    now: int,
) -> bool:
    """Writes, before a row leaves, that it does. False when it must not: it was cancelled, or deleted with its job.

    `fingerprint` is that of its request. Raises Failure("budget_exceeded"), and then nothing has changed.
    """
    if not job_rows.begin(conn, row.id, fingerprint, now):
        return False
    intent.write(conn, entry, budget, "row", row.reserve_usd)
    return True


def end_row(
    conn: sqlite3.Connection,
    job_id: str,
    row_id: str,
    outcome: RowOutcome,
    *,
    entry_id: str | None,
    settlement: Settlement | None,
    reserve_usd: Decimal | None,
    now: int,
) -> tuple[Job, JobRow] | None:
    """A row has ended: its result, its cost and the job's counters, together. None when it was deleted meanwhile.

    `entry_id` and `settlement` are None for a row that never left; `reserve_usd` is then given back.
    """
    if entry_id is not None and settlement is not None:
        settle(conn, entry_id, settlement, now)
    else:
        give_back(conn, job_id, reserve_usd)
    return _ended(conn, job_id, row_id, outcome, now)


def _ended(
    conn: sqlite3.Connection, job_id: str, row_id: str, outcome: RowOutcome, now: int
) -> tuple[Job, JobRow] | None:
    row = job_rows.finish(conn, row_id, outcome, now)
    if row is None:
        return None
    job = jobs.count(
        conn,
        job_id,
        completed=int(outcome.status == "success"),
        failed=int(outcome.status in moves.FAILED_ROWS),
        cost_usd=outcome.cost_usd,
    )
    return None if job is None else (job, row)


def keep_answer(
    conn: sqlite3.Connection,
    job_id: str,
    row_id: str,
    outcome: RowOutcome,
    *,
    entry_id: str,
    settlement: Settlement,
    now: int,
) -> None:
    """An answer has come and is paid for: it is stored with its cost. What it is worth is found out afterwards."""
    settle(conn, entry_id, settlement, now)
    if job_rows.keep_answer(conn, row_id, outcome, now):
        jobs.count(conn, job_id, cost_usd=outcome.cost_usd)


def end_kept(
    conn: sqlite3.Connection, job_id: str, row_id: str, outcome: RowOutcome, *, now: int
) -> tuple[Job, JobRow] | None:
    """A row whose answer was kept has ended; its cost is counted already. None when it was deleted meanwhile."""
    return _ended(conn, job_id, row_id, replace(outcome, cost_usd=None), now)


def requeue(
    conn: sqlite3.Connection, row: PendingRow, entry: LedgerEntry, settlement: Settlement, now: int
) -> None:
    """A row was cut off by the end of the process: it waits for the next start, and what it cost is kept."""
    settle(conn, entry.id, settlement, now)
    job_id = str(entry.job_id)
    if job_rows.release(conn, row.id, settlement.known_usd, now):
        jobs.count(conn, job_id, cost_usd=settlement.known_usd)
        hold_again(conn, job_id, row.reserve_usd)


def ask_again(
    conn: sqlite3.Connection, row: PendingRow, entry: LedgerEntry, settlement: Settlement, now: int
) -> bool:
    """A row whose answer broke off waits for its next attempt, and what this one cost is kept.

    For the next attempt nothing is held back until it begins, when the budget is asked for all of it. False where the
    job does not go on, and then nothing has changed.
    """
    job = jobs.get(conn, str(entry.job_id))
    if job is None or job.status != "processing":
        return False
    settle(conn, entry.id, settlement, now)
    if not job_rows.release(conn, row.id, settlement.known_usd, now, broke_off=True):
        return False
    jobs.count(conn, job.id, cost_usd=settlement.known_usd)
    return True


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
    row_sweeps.cancel_pending(conn, job_id, now)
    ended = jobs.end(conn, job_id, "cancelled", now=now)
    if ended is None:
        raise moves.unknown_job()
    return ended


def reopenable(conn: sqlite3.Connection, job_id: str, statuses: Collection[RowStatus]) -> list[str]:
    """The providers of the rows that a start would send."""
    waiting = pending_rows.pending_providers(conn, job_id)
    return sorted({*waiting, *pending_rows.providers(conn, job_id, statuses)})
