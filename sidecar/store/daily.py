"""What was spent day by day, for a chart."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from sidecar.store.columns import from_pico

BETWEEN_SQL = "SELECT coalesce(sum(cost_pico), 0) FROM ledger WHERE created_at >= ? AND created_at < ?"
BETWEEN_IN_PROJECT_SQL = BETWEEN_SQL + " AND project_id = ?"


def spent_between(
    conn: sqlite3.Connection, moments: Sequence[int], project_id: str | None = None
) -> list[Decimal]:
    """Return what is known to have been spent between each two neighbours of the moments (ms), in US dollars."""
    sql, named = (BETWEEN_SQL, ()) if project_id is None else (BETWEEN_IN_PROJECT_SQL, (project_id,))
    found = (conn.execute(sql, (*pair, *named)).fetchone()[0] for pair in pairwise(moments))
    return [from_pico(pico) or Decimal(0) for pico in found]
