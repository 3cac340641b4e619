"""What is written down before the rows of a part leave (transactions): the part, its intents, that it is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sidecar.batch import jobs as moves
from sidecar.batch import row_transactions, safeguard_transactions
from sidecar.batch.native import interruptions
from sidecar.batch.safeguard_transactions import NOTHING_WANTED, SafeguardWanted
from sidecar.spending import intent
from sidecar.spending.budget import Budget
from sidecar.store import job_deaths, jobs, pending_rows, row_sweeps, vendor_batches
from sidecar.store.job_records import Job, RowStatus, VendorBatch
from sidecar.store.records import LedgerEntry


@dataclass(frozen=True, slots=True)
class Member:
    """A row that is put into a part. `price` is that of its model when it is sent, `question` names what it asks.

    Its job holds `held_usd` for it, and it may cost `most_usd` by that price.
    """

    row_id: str
    custom_id: str
    question: str
    model: str
    held_usd: Decimal | None
    most_usd: Decimal | None
    price: Mapping[str, Any] | None


def entry_id(part_id: str, custom_id: str) -> str:
    """The ledger's row of a row in a part: made from both, so that it is found again without being kept."""
    return f"{part_id}/{custom_id}"


def start(
    conn: sqlite3.Connection,
    job_id: str,
    reopened: Sequence[RowStatus],
    *,
    now: int,
    notify_rows: bool,
    budget: Budget,
    wanted: SafeguardWanted = NOTHING_WANTED,
) -> Job:
    """The job runs from now on, with the rows that had ended so waiting again, and holds back what they may cost.

    Raises Failure("budget_exceeded") or Failure("not_found"), and then nothing has changed.
    """
    if reopened:
        vendor_batches.detach(conn, job_id, reopened)
        changed = row_sweeps.reopen(conn, job_id, reopened)
        if set(reopened) <= set(moves.FAILED_ROWS):
            jobs.count(conn, job_id, failed=-changed)
    job = jobs.get(conn, job_id)
    if job is not None and (job.safeguard is not None or wanted is not NOTHING_WANTED):
        again = reopened == moves.FAILED_ROWS
        safeguard_transactions.arm(conn, job, wanted, retry_failed=again, now=now)
    return row_transactions.run_from_now(
        conn, job_id, now=now, concurrency=None, notify_rows=notify_rows, budget=budget
    )


def open_part(
    conn: sqlite3.Connection, part: VendorBatch, members: Sequence[Member], now: int, budget: Budget
) -> bool:
    """Writes, before a byte leaves, which rows are about to travel as this part. False when the job may not send.

    Raises Failure("budget_exceeded") where they may cost more than is held for them and that is not left: the
    transaction must not be kept then.
    """
    job = ready_to_send(conn, part.job_id)
    if job is None:
        return False
    vendor_batches.insert(conn, part)
    for member in members:
        if not vendor_batches.assign(conn, part.id, member.row_id, member.custom_id, member.question, now):
            raise RuntimeError("a row that is to travel is under way already")
    held = sum((member.held_usd or Decimal(0) for member in members), Decimal(0))
    intent.write_chunk(conn, job.id, [_entry(job, part, member) for member in members], held, budget)
    job_deaths.went_on(conn, job.id)
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
        estimate_usd=member.most_usd,
        batch_rate=True,
    )


@dataclass(frozen=True, slots=True)
class SentBy:
    """Where a part goes, and by which key: that key's mark for the part alone, and the one that its rows keep."""

    host: str
    part_mark: str
    key_mark: str | None


def sending(
    conn: sqlite3.Connection,
    part: VendorBatch,
    input_file_id: str | None,
    by: SentBy,
    now: int,
) -> bool:
    """Writes that the creation may have been asked for from now on. False when the job was cancelled or deleted.

    Its rows keep where they go and by which key.
    """
    job = jobs.get(conn, part.job_id)
    if job is None or job.status == "cancelled":
        return False
    interruptions.uploaded(conn, part.id)
    vendor_batches.sending(conn, part.id, input_file_id, by.part_mark, now)
    intent.keep_place(conn, part.id, by.host, by.key_mark)
    return True


def ready_to_send(conn: sqlite3.Connection, job_id: str) -> Job | None:
    """The job, if it runs, has rows that no part holds yet, no part of it is in doubt, and its limits hold.

    None too where planning its rows took the process twice in a row.
    """
    job = jobs.get(conn, job_id)
    if job is None or job.status != "processing" or not pending_rows.pending_providers(conn, job_id):
        return None
    if job.safeguard is not None and job.safeguard.tripped:
        return None
    if interruptions.is_unplannable(job):
        return None
    doubted = any(part.state == "doubtful" for part in vendor_batches.of_job(conn, job_id))
    return None if doubted else job
