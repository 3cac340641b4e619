"""The transactions of native batches: what is written before and after each word with a vendor."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sidecar.batch import jobs as moves
from sidecar.batch import row_transactions
from sidecar.batch.native import endings, stops
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.spending import intent, settlement
from sidecar.spending.budget import Budget
from sidecar.spending.settlement import Settlement
from sidecar.store import job_rows, jobs, vendor_batches
from sidecar.store.job_records import Job, JobRow, RowOutcome, RowStatus
from sidecar.store.records import LedgerEntry
from sidecar.store.vendor_batches import PartState, VendorBatch


@dataclass(frozen=True, slots=True)
class Member:
    """A row that is put into a part. `price` is that of its model when it is sent, `question` names what it asks."""

    row_id: str
    custom_id: str
    question: str
    model: str
    reserve_usd: Decimal | None
    price: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a row of a part, for its result and for the ledger."""

    row_id: str
    custom_id: str
    outcome: RowOutcome
    settlement: Settlement


def entry_id(part_id: str, custom_id: str) -> str:
    """The ledger's row of a row in a part: made from both, so that it is found again without being kept."""
    return f"{part_id}/{custom_id}"


def job_of(conn: sqlite3.Connection, part: VendorBatch) -> Job | None:
    return jobs.get(conn, part.job_id)


def start(
    conn: sqlite3.Connection,
    job_id: str,
    reopened: Sequence[RowStatus],
    *,
    now: int,
    notify_rows: bool,
    budget: Budget,
) -> Job:
    """The job runs from now on, with the rows that had ended so waiting again, and holds back what they may cost.

    Raises Failure("budget_exceeded") or Failure("not_found"), and then nothing has changed.
    """
    if reopened:
        vendor_batches.detach(conn, job_id, reopened)
        changed = job_rows.reopen(conn, job_id, reopened)
        if set(reopened) <= set(moves.FAILED_ROWS):
            jobs.count(conn, job_id, failed=-changed)
    return row_transactions.run_from_now(
        conn, job_id, now=now, concurrency=None, notify_rows=notify_rows, budget=budget
    )


def open_part(conn: sqlite3.Connection, part: VendorBatch, members: Sequence[Member], now: int) -> bool:
    """Writes, before a byte leaves, which rows are about to travel as this part. False when the job may not send."""
    job = ready_to_send(conn, part.job_id)
    if job is None:
        return False
    vendor_batches.insert(conn, part)
    for member in members:
        if not vendor_batches.assign(conn, part.id, member.row_id, member.custom_id, member.question, now):
            raise RuntimeError("a row that is to travel is under way already")
    intent.write_chunk(conn, job.id, (_entry(job, part, member) for member in members))
    return True


def _entry(job: Job, part: VendorBatch, member: Member) -> LedgerEntry:
    return LedgerEntry(
        id=entry_id(part.id, member.custom_id),
        created_at=part.created_at,
        kind="batch",
        project_id=job.project_id,
        job_id=job.id,
        row_id=member.row_id,
        provider=part.provider,
        model=member.model,
        price=member.price,
        estimate_usd=member.reserve_usd,
        batch_rate=True,
    )


def sending(
    conn: sqlite3.Connection,
    part: VendorBatch,
    input_file_id: str | None,
    host: str,
    key_mark: str,
    now: int,
) -> bool:
    """Writes that the creation may have been asked for from now on. False when the job was cancelled or deleted.

    Its rows keep where they go and by which key. The mark is theirs too: their ids begin with the part's.
    """
    job = jobs.get(conn, part.job_id)
    if job is None or job.status == "cancelled":
        return False
    vendor_batches.sending(conn, part.id, input_file_id, key_mark, now)
    intent.keep_place(conn, part.id, host, key_mark)
    return True


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
            "conflict", f"The batch {state.native_id} at {part.provider} belongs to another part already."
        )
    counts = {"total": state.total, "completed": state.completed, "failed": state.failed}
    vendor_batches.observe(
        conn,
        part_id,
        native_id=state.native_id,
        word=state.word,
        counts={name: number for name, number in counts.items() if number is not None},
        ended=state.ended,
        ended_at=state.ended_at,
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
    doubtful = next((part for part in opened if part.state == "doubtful"), None)
    waiting = bool(job_rows.pending_providers(conn, job_id))
    if not waiting and not opened:
        return _end(conn, job, everything, now)
    if doubtful is not None:
        moving = any(part.state != "doubtful" for part in opened)
        return jobs.note(conn, job_id, "processing" if moving else "pending", doubtful.error, "conflict")
    if trouble is not None:
        return jobs.note(conn, job_id, "processing", trouble.message, trouble.kind)
    return jobs.note(conn, job_id, "processing", None, None)


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
    job_rows.cancel_pending(conn, job_id, now)
    return jobs.end(conn, job_id, "cancelled", now=now) or job


def cancel_project(conn: sqlite3.Connection, project_id: str, now: int) -> list[Job]:
    """Cancels every job of the project that may still send something. Gives them."""
    return [cancel(conn, job_id, now) for job_id in jobs.unfinished_native(conn, project_id)]


def write_off(conn: sqlite3.Connection, part: VendorBatch, now: int) -> None:
    """Nobody will collect the part: what its rows cost stays unknown, or is nothing where it was never asked for."""
    end = settlement.refused if part.submitted_at is None else settlement.unknown
    for custom_id in vendor_batches.custom_ids(conn, part.id):
        settlement.settle(conn, entry_id(part.id, custom_id), end("cancelled"), now)


def ready_to_send(conn: sqlite3.Connection, job_id: str) -> Job | None:
    """The job, if it runs, has rows that no part holds yet, and no part of it is in doubt."""
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing" or not job_rows.pending_providers(conn, job_id):
        return None
    doubted = any(part.state == "doubtful" for part in vendor_batches.of_job(conn, job_id))
    return None if doubted else job


def give_up(conn: sqlite3.Connection, job_id: str, failure: Failure, now: int) -> Job | None:
    """Nothing more of the job is sent now. What waits is left to be started by hand, unless a part goes on.

    None when the job is gone, or has ended.
    """
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing":
        return None
    if any(part.state not in ("collected", "failed") for part in vendor_batches.of_job(conn, job_id)):
        return jobs.note(conn, job_id, "processing", failure.message, failure.kind)
    return jobs.end(conn, job_id, "failed", now=now, error=failure.message, error_kind=failure.kind)


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
        if job.mode != "native" or job_rows.pending_providers(conn, job.id):
            continue
        everything = vendor_batches.of_job(conn, job.id)
        if all(part.state in ("collected", "failed") for part in everything):
            _end(conn, job, everything, now)


def rows_of(conn: sqlite3.Connection, part: VendorBatch) -> list[JobRow]:
    """The rows that travelled in the part last, by index."""
    found = (job_rows.get(conn, row_id) for row_id in vendor_batches.row_ids(conn, part.id))
    return [row for row in found if row is not None]


def why_nothing_was_sent(conn: sqlite3.Connection, job_id: str) -> Failure:
    """The reason of the first row that has one, for a job in which none could be sent."""
    first = next((row for row in job_rows.stream(conn, job_id) if row.error_message is not None), None)
    if first is None or first.error_message is None:
        return Failure("conflict", "The batch was cancelled before anything was sent.")
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
