"""What was spent day by day, for a chart."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from sidecar.store import ledger_sums
from sidecar.store.columns import from_pico, summed
from sidecar.store.records import Uncertain

BETWEEN_SQL = "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE created_at >= ? AND created_at < ?"
BETWEEN_IN_PROJECT_SQL = BETWEEN_SQL + " AND project_id = ?"


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What is known to have been spent on the requests of a day, and those of them that are not in that sum."""

    cost_usd: Decimal
    uncertain: Uncertain


def spent_between(
    conn: sqlite3.Connection, moments: Sequence[int], project_id: str | None = None
) -> list[DaySpent]:
    """Return what was spent between each two neighbours of the moments (ms), in US dollars."""
    sql, named = (BETWEEN_SQL, ()) if project_id is None else (BETWEEN_IN_PROJECT_SQL, (project_id,))
    return [
        DaySpent(
            from_pico(summed(conn, sql, (since, until, *named))[0][0]) or Decimal(0),
            ledger_sums.uncertain_between(conn, since, until, project_id),
        )
        for since, until in pairwise(moments)
    ]
