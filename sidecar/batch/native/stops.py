"""What stands with a cancelled job until its vendors have heard it, or when nobody will ever know (transactions)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal

from sidecar.counted import at_most
from sidecar.errors import Failure
from sidecar.store import jobs, ledger_sums, vendor_batches
from sidecar.store.job_records import Job, VendorBatch


def heard(conn: sqlite3.Connection, part: VendorBatch, now: int) -> Job | None:
    """The vendor knows that it is to stop the part. Gives the job, whose words may have changed."""
    vendor_batches.stop_heard(conn, part.id, now)
    job = jobs.get(conn, part.job_id)
    return None if job is None else refresh_cancelled(conn, job)


def refresh_cancelled(conn: sqlite3.Connection, job: Job, trouble: Failure | None = None) -> Job | None:
    """Brings the words of a cancelled job in line with its parts: what may run on, and what it may cost at most.

    `trouble` is what kept a vendor from hearing it. Gives the job, None when nothing has changed.
    """
    parts = vendor_batches.of_job(conn, job.id)
    lost = [part for part in parts if _given_up(part)]
    unheard = [part for part in parts if _may_run_on(part)]
    error: str | None
    if lost:
        error = given_up(lost, _at_most_usd(conn, lost))
    elif unheard and (trouble is not None or job.error is not None):
        cause = trouble.message if trouble is not None else ""
        error = not_heard(unheard, _at_most_usd(conn, unheard), cause)
    else:
        error = None if trouble is None else trouble.message
    if error == job.error:
        return None
    kind = None if error is None else trouble.kind if trouble is not None else "provider_unavailable"
    return jobs.note(conn, job.id, "cancelled", error, kind)


def not_heard(parts: Sequence[VendorBatch], at_most_usd: Decimal | None, cause: str) -> str:
    """Return the sentence for a stop that its vendor has not confirmed (pure)."""
    because = f" {cause.strip()}" if cause else ""
    return (
        f"{_names(parts)} has not confirmed that it stops this batch.{because} The batch may run on, and cost "
        f"{_amount(at_most_usd)}. A-B/AI goes on asking {_names(parts)} to stop it."
    )


def given_up(parts: Sequence[VendorBatch], at_most_usd: Decimal | None) -> str:
    """Return the sentence for a batch of which nobody will know whether it ran (pure)."""
    return (
        f"It can no longer be known whether {_names(parts)} stopped this batch. It may have run on and cost "
        f"{_amount(at_most_usd)}; the usage page of {_names(parts)} shows what was charged."
    )


def _may_run_on(part: VendorBatch) -> bool:
    open_ = part.state in ("submitted", "intent", "doubtful")
    return open_ and part.submitted_at is not None and part.stop_heard_at is None


def _given_up(part: VendorBatch) -> bool:
    """Whether it was closed though nobody saw it end, nor heard of its refusal."""
    closed = part.state in ("collected", "failed")
    return closed and part.submitted_at is not None and part.ended_at is None


def _at_most_usd(conn: sqlite3.Connection, parts: Sequence[VendorBatch]) -> Decimal | None:
    """The most that the rows of the parts may cost; None where a price is not known."""
    bounds = [ledger_sums.bound_of_part(conn, part.id) for part in parts]
    known = [bound for bound in bounds if bound is not None]
    return sum(known, Decimal(0)) if len(known) == len(bounds) else None


def _names(parts: Sequence[VendorBatch]) -> str:
    return " and ".join(dict.fromkeys(part.provider for part in parts))


def _amount(at_most_usd: Decimal | None) -> str:
    if at_most_usd is None:
        return "an amount that is not known, because its model has no price"
    return f"at most {at_most(at_most_usd)}"
