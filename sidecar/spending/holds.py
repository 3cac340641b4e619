"""What a job holds back of the month's budget for the rows that it has yet to send."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from sidecar.spending.budget import Budget, reserve
from sidecar.store import job_rows, jobs


def hold(conn: sqlite3.Connection, job_id: str, budget: Budget | None = None) -> None:
    """Hold back the most that the job's waiting rows may cost, in place of what it held before.

    With a budget it is asked first: raises Failure("budget_exceeded"), and the transaction must not be kept then.
    """
    jobs.reserve(conn, job_id, Decimal(0))
    waiting = job_rows.pending_reserve(conn, job_id)
    if budget is not None:
        reserve(conn, budget, waiting, "batch")
    jobs.reserve(conn, job_id, waiting)


def hold_again(conn: sqlite3.Connection, job_id: str, usd: Decimal | None) -> None:
    """Hold back the part of a row that waits again."""
    jobs.unreserve(conn, job_id, -(usd or Decimal(0)))


def give_back(conn: sqlite3.Connection, job_id: str, usd: Decimal | None) -> None:
    """Give back the part of a row that never left, or that its ledger row holds from now on."""
    jobs.unreserve(conn, job_id, usd)
