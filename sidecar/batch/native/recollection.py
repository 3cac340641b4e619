"""Fetching results once more: rows without one may lie at the vendor, paid for (transactions)."""

from __future__ import annotations

import sqlite3

from sidecar.batch import jobs as moves
from sidecar.errors import Failure
from sidecar.store import jobs, vendor_batches
from sidecar.store.job_records import Job, VendorBatch


def reopen(conn: sqlite3.Connection, job_id: str, now: int) -> tuple[Job, list[VendorBatch]]:
    """Put the rows back to their vendors of which nobody knows whether they were run. Gives the parts that are open.

    Those rows wait for results, and are not sent again. Raises Failure("not_found"), and Failure("conflict") when
    no vendor can have anything of the job.
    """
    job = jobs.get(conn, job_id)
    if job is None:
        raise moves.unknown_job()
    if job.source != "sidecar" or job.mode != "native":
        raise Failure(
            "conflict",
            "No provider has this batch: its rows are asked one by one. Start it to ask those that are left.",
        )
    again = 0
    for part in vendor_batches.of_job(conn, job_id):
        again += _reopen_part(conn, job, part, now)
    opened = [
        part for part in vendor_batches.of_job(conn, job_id) if part.state not in ("collected", "failed")
    ]
    if not opened:
        raise Failure(
            "conflict",
            "Every row of this batch that its provider has run has its result. Retry the rows that failed.",
        )
    if again and job.status in ("completed", "failed"):
        job = jobs.note(conn, job_id, "processing", None, None) or job
    return jobs.get(conn, job_id) or job, opened


def _reopen_part(conn: sqlite3.Connection, job: Job, part: VendorBatch, now: int) -> int:
    if part.state != "collected" or part.native_id is None:
        return 0
    found = vendor_batches.unread(conn, part.id)
    if found:
        vendor_batches.read_again(conn, part.id, [row_id for row_id, _ in found], now)
        jobs.count(conn, job.id, failed=-sum(status in moves.FAILED_ROWS for _, status in found))
    return len(found)
