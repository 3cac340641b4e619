"""What a row of a batch cost, once somebody tells it after the row has ended."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from sidecar.store.columns import to_pico


def add(conn: sqlite3.Connection, job_id: str, row_id: str, usd: Decimal) -> None:
    """Add the cost in US dollars of a call of that row, which was in no sum before, to the row and to its job.

    Where the row or the job is gone nothing is left to say it of but the ledger.
    """
    pico = to_pico(usd)
    conn.execute(
        "UPDATE batch_results SET cost_pico = coalesce(cost_pico, 0) + ? WHERE job_id = ? AND id = ?",
        (pico, job_id, row_id),
    )
    conn.execute("UPDATE batch_jobs SET cost_pico = coalesce(cost_pico, 0) + ? WHERE id = ?", (pico, job_id))
