"""What jobs ask before they go on by themselves: kept with the job, and the rows of a canary marked."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sidecar.store.columns import from_json, to_json, to_pico
from sidecar.store.job_records import RowStatus, Safeguard, Tripped

BY_LENGTH_SQL = (
    "SELECT id, coalesce(model, ''), length(prompt), status FROM batch_results WHERE job_id = ?"
    " ORDER BY row_index"
)
WAITING_SQL = "SELECT count(*) FROM batch_results WHERE job_id = ? AND status = 'pending'"
# What a job holds back for a row that waits: for one whose answer broke off nothing, until it begins again.
HELD_SQL = "CASE WHEN broken_answers = 0 OR reserve_pico IS NULL THEN reserve_pico ELSE 0 END"
NEXT_CANARY_SQL = (
    f"SELECT id, row_index, request, prompt, {HELD_SQL}, broken_answers FROM batch_results"  # noqa: S608
    " WHERE job_id = ? AND canary = 1 AND provider = ? AND status = 'pending' AND row_index > ?"
    " ORDER BY row_index LIMIT ?"
)


def to_text(safeguard: Safeguard) -> str:
    """Return it as the column of a job holds it."""
    return to_json(asdict(safeguard))


def from_text(text: str) -> Safeguard:
    """Return what `to_text` made a text of."""
    return from_value(from_json(text))


def from_value(kept: Any) -> Safeguard:
    """Return what its text holds. Raise KeyError and TypeError for anything else."""
    return Safeguard(
        kept["canary"],
        kept["limits"],
        kept["phase"],
        tuple(Tripped(**each) for each in kept["tripped"]),
        kept["native"],
        kept["since"],
    )


def keep(conn: sqlite3.Connection, job_id: str, safeguard: Safeguard | None) -> None:
    """Put it in place of what the job asked before."""
    text = None if safeguard is None else to_text(safeguard)
    conn.execute("UPDATE batch_jobs SET safeguard = ? WHERE id = ?", (text, job_id))


def hand_over(conn: sqlite3.Connection, job_id: str, mode: str) -> None:
    """The job's rows are run from here from now on, or by the vendor."""
    conn.execute("UPDATE batch_jobs SET mode = ?, at_work = 0 WHERE id = ?", (mode, job_id))


def candidates(
    conn: sqlite3.Connection, job_id: str, statuses: Collection[RowStatus], most: int
) -> Mapping[tuple[str, int], list[str]]:
    """Return rows with these statuses by model and by how many binary digits the length of their prompt has.

    Of each kind the first `most`, in order: however many rows there are, few are held.
    """
    found: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for row_id, model, length, status in conn.execute(BY_LENGTH_SQL, (job_id,)):
        kind = model, int(length).bit_length()
        if status in statuses and len(found[kind]) < most:
            found[kind].append(row_id)
    return found


def waiting(conn: sqlite3.Connection, job_id: str) -> int:
    """Return how many rows have not begun."""
    return int(conn.execute(WAITING_SQL, (job_id,)).fetchone()[0])


def mark(conn: sqlite3.Connection, job_id: str, row_ids: Iterable[str]) -> None:
    """Make these rows the job's canary, in place of those that were."""
    conn.execute("UPDATE batch_results SET canary = 0 WHERE job_id = ? AND canary = 1", (job_id,))
    conn.executemany(
        "UPDATE batch_results SET canary = 1 WHERE job_id = ? AND id = ?",
        ((job_id, each) for each in row_ids),
    )


def reserve_rows(conn: sqlite3.Connection, reserves: Iterable[tuple[str, Decimal | None]]) -> None:
    """Set what rows may cost at most the way they are going to be sent, by their ids."""
    conn.executemany(
        "UPDATE batch_results SET reserve_pico = ? WHERE id = ?",
        ((to_pico(usd), row_id) for row_id, usd in reserves),
    )
