"""Jobs that were at work when the process died: a mark before rows are begun or planned, and how often in a row.

What takes the process before a row is under way leaves no trace at the row. So a job has a mark while it is at work,
and after a death its rows begin one at a time, each with its id on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sidecar.store.job_records import Mode

# A plan of a job at a vendor that was cut by so many deaths in a row is not made again by itself.
MOST_PLANS = 2
# So many deaths in a row while nothing of a local job was under way, and none of its rows began: it stops.
MOST_RUNS = 3


def begin(conn: sqlite3.Connection, job_ids: Iterable[str]) -> None:
    """Rows of these jobs are about to be begun, or planned."""
    conn.executemany("UPDATE batch_jobs SET at_work = 1 WHERE id = ?", ((each,) for each in job_ids))


def leave_off(conn: sqlite3.Connection, job_id: str) -> None:
    """Nothing of the job is being planned any more, for now or for good."""
    conn.execute("UPDATE batch_jobs SET at_work = 0 WHERE id = ?", (job_id,))


def went_on(conn: sqlite3.Connection, job_id: str) -> None:
    """What was planned is on the disk: the job's plan does not take the process every time."""
    conn.execute("UPDATE batch_jobs SET at_work = 0, interruptions = 0 WHERE id = ?", (job_id,))


def leave_off_all(conn: sqlite3.Connection, mode: Mode) -> None:
    """The process ends in order, in the middle of it: that is no death, and says nothing of those before."""
    conn.execute(
        "UPDATE batch_jobs SET at_work = 0, beginning_row = NULL WHERE mode = ? AND status = 'processing'",
        (mode,),
    )


def take_up(conn: sqlite3.Connection, job_id: str) -> None:
    """A person wants the job to go on."""
    conn.execute("UPDATE batch_jobs SET interruptions = 0, beginning_row = NULL WHERE id = ?", (job_id,))


def mark_row(conn: sqlite3.Connection, job_id: str, row_id: str | None) -> None:
    """This row is about to begin, and no other of the job; None when it has, or has ended."""
    conn.execute("UPDATE batch_jobs SET beginning_row = ? WHERE id = ?", (row_id, job_id))


def marked(conn: sqlite3.Connection, job_id: str) -> tuple[bool, str | None]:
    """Return whether the job was at work when the process died, and which row was about to begin."""
    row = conn.execute("SELECT at_work, beginning_row FROM batch_jobs WHERE id = ?", (job_id,)).fetchone()
    return bool(row[0]), row[1]


def count(conn: sqlite3.Connection, job_id: str, *, explained: bool) -> int:
    """The job was at work in a death. Return in how many in a row that nothing else explains, itself at least."""
    row = conn.execute(
        "UPDATE batch_jobs SET at_work = 0, beginning_row = NULL,"
        " interruptions = CASE WHEN ? THEN 1 ELSE interruptions + 1 END WHERE id = ? RETURNING interruptions",
        (explained, job_id),
    ).fetchone()
    return int(row[0])


def count_plans(conn: sqlite3.Connection) -> None:
    """To be called once at a start: the jobs at vendors whose rows were being planned have not survived it."""
    conn.execute(
        "UPDATE batch_jobs SET at_work = 0, interruptions = interruptions + 1 WHERE at_work = 1 AND mode = 'native'"
    )
