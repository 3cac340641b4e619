"""The transactions of native batches: what is written before and after each word with a vendor."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sidecar.batch import jobs as moves
from sidecar.batch import row_transactions, safeguard_transactions
from sidecar.batch.native import endings, interruptions, stops
from sidecar.batch.native.intents import entry_id, ready_to_send
from sidecar.batch.safeguard import RowTally
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.spending import settlement
from sidecar.store import (
    job_deaths,
    job_rows,
    jobs,
    pending_rows,
    row_sweeps,
    unfinished_jobs,
    vendor_batches,
)
from sidecar.store.job_records import Job, JobRow, JobStatus, PartState, RowOutcome, Tripped, VendorBatch
from sidecar.store.records import Settlement


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a row of a part, for its result and for the ledger."""

    row_id: str
    custom_id: str
    outcome: RowOutcome
    settlement: Settlement


def job_of(conn: sqlite3.Connection, part: VendorBatch) -> Job | None:
    return jobs.get(conn, part.job_id)


def observe(conn: sqlite3.Connection, part_id: str, state: BatchState, now: int) -> VendorBatch | None:
    """What the vendor says of the part; None when it was deleted meanwhile.

    Raises Failure("conflict") when the vendor's batch is another part's.
    """
    part = vendor_batches.get(conn, part_id)
    if part is None:
        return None
    owner = vendor_batches.by_native_id(conn, part.provider, state.native_id)
    if owner is not None and owner.id != part_id:
        raise Failure(
            "conflict",
            f"The batch {state.native_id} at {part.provider} belongs to another part already. "
            "Cancel this batch, or leave it as it is.",
        )
    counts = {"total": state.total, "completed": state.completed, "failed": state.failed}
    vendor_batches.observe(
        conn,
        part_id,
        native_id=state.native_id,
        word=state.word,
        counts={name: number for name, number in counts.items() if number is not None},
        ended=state.ended,
        # By a clock that goes before ours it would never be long ago.
        ended_at=None if state.ended_at is None else min(state.ended_at, now),
        error=endings.told(part.provider, state),
        now=now,
    )
    return vendor_batches.get(conn, part_id)


def put_back(conn: sqlite3.Connection, part: VendorBatch, trouble: Failure, now: int) -> Job | None:
    """The vendor had no room for the part and ran nothing of it: it waits to be sent again. Gives the job."""
    vendor_batches.put_back(conn, part.id, trouble.message)
    return refresh_job(conn, part.job_id, now, trouble)


def settle(
    conn: sqlite3.Connection, part: VendorBatch, page: Sequence[Settled], now: int
) -> tuple[Job | None, list[JobRow]]:
    """Results, their costs and the job's counters, together. A row that has a result keeps it.

    Gives the job as it is then, None when it was deleted, and the rows that ended.
    """
    job: Job | None = jobs.get(conn, part.job_id)
    ended: list[JobRow] = []
    for each in page:
        done = row_transactions.end_row(
            conn,
            part.job_id,
            each.row_id,
            # Certain to have cost nothing is something else than not known.
            replace(each.outcome, cost_usd=each.settlement.known_usd),
            entry_id=entry_id(part.id, each.custom_id),
            settlement=each.settlement,
            reserve_usd=None,
            now=now,
        )
        if done is not None:
            job, row = done
            ended.append(row)
    return job, ended


def close_part(conn: sqlite3.Connection, part_id: str, now: int, *, ran_nothing: bool = False) -> Job | None:
    """Every row of the part has ended, and with the last part the job has. Gives the job as `refresh_job` does."""
    part = vendor_batches.get(conn, part_id)
    if part is None:
        return None
    state: PartState = "failed" if ran_nothing or part.native_id is None else "collected"
    vendor_batches.set_state(conn, part_id, state, part.error)
    return refresh_job(conn, part.job_id, now)


def refresh_job(
    conn: sqlite3.Connection, job_id: str, now: int, trouble: Failure | None = None
) -> Job | None:
    """Brings the job's status and error in line with its parts: it runs, waits for a person, or has ended.

    `trouble` is what keeps it from going on for the moment. Gives the job; None when it is gone or had ended
    before, which was told then.
    """
    job = jobs.get(conn, job_id)
    if job is not None and job.status == "cancelled":
        return stops.refresh_cancelled(conn, job, trouble)
    if job is None or job.status not in ("processing", "pending"):
        return None
    everything = vendor_batches.of_job(conn, job_id)
    opened = [part for part in everything if part.state not in ("collected", "failed")]
    resting = [part for part in opened if part.state == "doubtful" or interruptions.is_aside(part)]
    waiting = bool(pending_rows.pending_providers(conn, job_id))
    if not waiting and not opened:
        return _end(conn, job, everything, now)
    if job.safeguard is not None and job.safeguard.tripped:
        # It has paused: what its vendor was given before is still collected.
        if opened:
            return jobs.note(conn, job_id, "processing", job.error, job.error_kind)
        return jobs.end(conn, job_id, "failed", now=now, error=job.error, error_kind=job.error_kind)
    if resting:
        told = resting[0].error if resting[0].state == "doubtful" else interruptions.SET_ASIDE
        moving = len(resting) < len(opened)
        return jobs.note(conn, job_id, "processing" if moving else "pending", told, "conflict")
    if waiting and interruptions.is_unplannable(job):
        status: JobStatus = "processing" if opened else "pending"
        return jobs.note(conn, job_id, status, interruptions.UNPLANNED, "conflict")
    if trouble is not None:
        return jobs.note(conn, job_id, "processing", trouble.message, trouble.kind)
    return jobs.note(conn, job_id, "processing", None, None)


def all_sent(conn: sqlite3.Connection, job_id: str, said_before: str | None, now: int) -> Job | None:
    """Nothing hinders the sending any more: what was `said_before` of it goes. Gives the job as `refresh_job` does.

    What was said since stays: a part that was sent first may be looked at, and in trouble, before the last is sent.
    """
    job = jobs.get(conn, job_id)
    trouble = None
    if job is not None and job.error is not None and job.error != said_before:
        trouble = Failure(job.error_kind or "internal_error", job.error)
    return refresh_job(conn, job_id, now, trouble)


def mark_uncertain(conn: sqlite3.Connection, part: VendorBatch, sentence: str, now: int) -> Job | None:
    """Nobody can say whether the vendor has the part: the job waits."""
    vendor_batches.set_state(conn, part.id, "doubtful", sentence)
    return refresh_job(conn, part.job_id, now)


def cancel(conn: sqlite3.Connection, job_id: str, now: int) -> Job:
    """The job is cancelled with every row that is not at the vendor. Raises Failure("not_found", "conflict")."""
    job = jobs.get(conn, job_id)
    if job is None:
        raise moves.unknown_job()
    moves.refuse_ended(job)
    row_sweeps.cancel_pending(conn, job_id, now)
    # Over every start until it has heard it, the vendor is to be told.
    interruptions.take_up(conn, job_id)
    return jobs.end(conn, job_id, "cancelled", now=now) or job


def cancel_project(conn: sqlite3.Connection, project_id: str, now: int) -> list[Job]:
    """Cancels every job of the project that may still send something. Gives them."""
    return [cancel(conn, job_id, now) for job_id in unfinished_jobs.unfinished_native(conn, project_id)]


def write_off(conn: sqlite3.Connection, part: VendorBatch, now: int) -> None:
    """Nobody will collect the part: what its rows cost stays unknown, or is nothing where it was never asked for."""
    end = settlement.refused if part.submitted_at is None else settlement.unknown
    for custom_id in vendor_batches.custom_ids(conn, part.id):
        settlement.settle(conn, entry_id(part.id, custom_id), end("cancelled"), now)


def give_up(conn: sqlite3.Connection, job_id: str, failure: Failure, now: int) -> Job | None:
    """Nothing more of the job is sent now. What waits is left to be started by hand, unless a part goes on.

    None when the job is gone, or has ended.
    """
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing":
        return None
    # That its rows could not be put together, or not be paid, is no death of the process.
    job_deaths.leave_off(conn, job_id)
    if any(part.state not in ("collected", "failed") for part in vendor_batches.of_job(conn, job_id)):
        return jobs.note(conn, job_id, "processing", failure.message, failure.kind)
    return jobs.end(conn, job_id, "failed", now=now, error=failure.message, error_kind=failure.kind)


def give_up_unsent(conn: sqlite3.Connection, job_id: str, failure: Failure, now: int) -> None:
    """Nothing of the job could be sent: it waits to be started by hand."""
    jobs.end(conn, job_id, "failed", now=now, error=failure.message, error_kind=failure.kind)


def pause(
    conn: sqlite3.Connection, job_id: str, tripped: Sequence[Tripped], tally: RowTally, now: int
) -> Job | None:
    """Limits did not hold: nothing more is sent until a person starts the job. None when it is gone or has ended."""
    moving = any(part.state not in ("collected", "failed") for part in vendor_batches.of_job(conn, job_id))
    return safeguard_transactions.pause(conn, job_id, tripped, tally, now, moving=moving)


def lend(conn: sqlite3.Connection, job_id: str) -> None:
    """The job's canary is about to run from here. Raises Failure("conflict") while a vendor has something of it."""
    if any(part.state not in ("collected", "failed") for part in vendor_batches.of_job(conn, job_id)):
        raise Failure(
            "conflict",
            "The provider is still at work on rows of this batch. Wait until it has ended them, then start a canary.",
        )
    safeguard_transactions.lend(conn, job_id)


def left_open(conn: sqlite3.Connection) -> list[tuple[Job, list[VendorBatch], bool]]:
    """The native jobs that something is yet to be done about: the parts not collected, and whether it may send."""
    parts: dict[str, list[VendorBatch]] = {}
    for part in vendor_batches.open_parts(conn):
        parts.setdefault(part.job_id, []).append(part)
    running = [job.id for job in jobs.with_status(conn, "processing") if job.mode == "native"]
    left = []
    for job_id in dict.fromkeys([*parts, *running]):
        job, sends = jobs.get(conn, job_id), ready_to_send(conn, job_id) is not None
        if job is not None and (sends or job_id in parts):
            left.append((job, parts.get(job_id, []), sends))
    return left


def end_finished(conn: sqlite3.Connection, now: int) -> None:
    """Ends the native jobs whose every row had ended when the process died, before they were ended themselves."""
    for job in jobs.with_status(conn, "processing"):
        if job.mode != "native" or pending_rows.pending_providers(conn, job.id):
            continue
        everything = vendor_batches.of_job(conn, job.id)
        if all(part.state in ("collected", "failed") for part in everything):
            _end(conn, job, everything, now)


def tell_unplannable(conn: sqlite3.Connection, now: int) -> None:
    """Says with the jobs whose planning took the process too often that they wait for a person."""
    for job in jobs.with_status(conn, "processing"):
        if interruptions.is_unplannable(job):
            refresh_job(conn, job.id, now)


def rows_of(conn: sqlite3.Connection, part: VendorBatch) -> list[JobRow]:
    """The rows that travelled in the part last, by index."""
    found = (job_rows.get(conn, row_id) for row_id in vendor_batches.row_ids(conn, part.id))
    return [row for row in found if row is not None]


def why_nothing_was_sent(conn: sqlite3.Connection, job_id: str) -> Failure:
    """The reason of the first row that has one, for a job in which none could be sent."""
    first = next((row for row in job_rows.stream(conn, job_id) if row.error_message is not None), None)
    if first is None or first.error_message is None:
        return Failure("conflict", "The batch was cancelled before anything was sent. Start it to send it.")
    return Failure(first.error_kind or "invalid_params", f"No row could be sent. {first.error_message}")


def _end(conn: sqlite3.Connection, job: Job, everything: Sequence[VendorBatch], now: int) -> Job | None:
    refused = [part for part in everything if part.state == "failed"]
    if refused and len(refused) == len(everything):
        last = refused[-1]
        return jobs.end(conn, job.id, "failed", now=now, error=last.error, error_kind=endings.kind_of(last))
    status = moves.status_at_end(job)
    # Who stopped it stands with the job when it was not the person; and so does what a vendor refused in part.
    said = next((part for part in reversed(everything) if part.error is not None and part.native_id), None)
    if said is None:
        return jobs.end(conn, job.id, status, now=now)
    return jobs.end(conn, job.id, status, now=now, error=said.error, error_kind=endings.kind_of(said))
