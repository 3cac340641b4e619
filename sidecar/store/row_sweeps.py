"""Rows of a batch job moved or counted all at once: at a start, a cancellation, a retry."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from sidecar.store.job_records import RowStatus

# A row that was at work in so many deaths of the process in a row is set aside.
MOST_INTERRUPTIONS = 2
BEGUN_SQL = "SELECT DISTINCT job_id FROM batch_results WHERE status = 'processing'"


def jobs_with_begun_rows(conn: sqlite3.Connection) -> list[str]:
    """The jobs that have a row which has begun and not ended."""
    return [row[0] for row in conn.execute(BEGUN_SQL)]


def count_begun(conn: sqlite3.Connection, job_id: str) -> int:
    """How many rows of a job have begun and not ended."""
    row = conn.execute(
        "SELECT count(*) FROM batch_results WHERE job_id = ? AND status = 'processing'", (job_id,)
    ).fetchone()
    return int(row[0])


def count_interruption(conn: sqlite3.Connection, job_id: str) -> None:
    """The process died while the job's rows that had begun were at work."""
    conn.execute(
        "UPDATE batch_results SET interruptions = interruptions + 1 WHERE job_id = ? AND status = 'processing'",
        (job_id,),
    )


def forget_interruptions(conn: sqlite3.Connection, job_id: str) -> None:
    """The process died of something else than the job's rows that had begun, but for one that did so before."""
    conn.execute(
        "UPDATE batch_results SET interruptions = CASE WHEN interruptions > 0 THEN interruptions + 1 ELSE 0 END"
        " WHERE job_id = ? AND status = 'processing'",
        (job_id,),
    )


def at_work_in_a_death(conn: sqlite3.Connection, job_id: str) -> list[str]:
    """Return the ids of the rows that have not ended and were at work when the process died."""
    rows = conn.execute(
        "SELECT id FROM batch_results WHERE job_id = ? AND status IN ('pending', 'processing') AND interruptions > 0",
        (job_id,),
    )
    return [row_id for (row_id,) in rows]


def set_aside(conn: sqlite3.Connection, job_id: str, error_kind: str, error_message: str, now: int) -> int:
    """Rows without an answer that were at work in too many deaths of the process in a row end; how many they are."""
    return conn.execute(
        "UPDATE batch_results SET status = 'error', error_kind = ?, error_message = ?, updated_at = ?"
        " WHERE job_id = ? AND status = 'processing' AND finish_reason IS NULL AND interruptions >= ?",
        (error_kind, error_message, now, job_id, MOST_INTERRUPTIONS),
    ).rowcount


def set_aside_unbegun(
    conn: sqlite3.Connection, row_id: str, error_kind: str, error_message: str, now: int
) -> int:
    """A row that was about to begin when the process died ends; 0 where it had begun, or had ended."""
    return conn.execute(
        "UPDATE batch_results SET status = 'error', error_kind = ?, error_message = ?, updated_at = ?"
        " WHERE id = ? AND status = 'pending'",
        (error_kind, error_message, now, row_id),
    ).rowcount


def end_kept(
    conn: sqlite3.Connection,
    job_id: str,
    error_kind: str,
    error_message: str,
    now: int,
    interruptions: int = 0,
) -> int:
    """Rows whose answer is stored, and that nobody will read, end with it; how many they are.

    Only those whose answer was being read in so many deaths of the process in a row.
    """
    return conn.execute(
        "UPDATE batch_results SET status = 'error', error_kind = ?, error_message = ?, updated_at = ?"
        " WHERE job_id = ? AND status = 'processing' AND finish_reason IS NOT NULL AND interruptions >= ?",
        (error_kind, error_message, now, job_id, interruptions),
    ).rowcount


def release_all(conn: sqlite3.Connection, job_id: str) -> int:
    """Rows that had begun when the process died, and have no answer, wait again."""
    return conn.execute(
        "UPDATE batch_results SET status = 'pending'"
        " WHERE job_id = ? AND status = 'processing' AND finish_reason IS NULL",
        (job_id,),
    ).rowcount


def cancel_pending(conn: sqlite3.Connection, job_id: str, now: int) -> int:
    """Rows that have not begun never will, unless the job is started again."""
    return conn.execute(
        "UPDATE batch_results SET status = 'cancelled', updated_at = ? WHERE job_id = ? AND status = 'pending'",
        (now, job_id),
    ).rowcount


def begin_anew(conn: sqlite3.Connection, job_id: str) -> None:
    """What broke off in an earlier run counts no more: each row may break off, and is held back for, as at first."""
    conn.execute(
        "UPDATE batch_results SET broken_answers = 0 WHERE job_id = ? AND status = 'pending' AND broken_answers > 0",
        (job_id,),
    )


def reopen(conn: sqlite3.Connection, job_id: str, statuses: Collection[RowStatus]) -> int:
    """Rows that ended so wait again. Attempts and costs go on counting.

    One whose answer was set aside before anybody had read it waits for that alone: it is paid, and not asked again.
    """
    marks = ", ".join("?" * len(statuses))
    unread = conn.execute(
        "UPDATE batch_results SET status = 'processing', error_kind = NULL, error_message = NULL, interruptions = 0"  # noqa: S608
        f" WHERE job_id = ? AND status IN ({marks}) AND finish_reason IS NOT NULL AND interruptions >= ?",
        (job_id, *statuses, MOST_INTERRUPTIONS),
    ).rowcount
    return (
        unread
        + conn.execute(
            "UPDATE batch_results SET status = 'pending', response = NULL, error_kind = NULL, error_message = NULL,"  # noqa: S608
            " tokens_in = NULL, tokens_out = NULL, latency = NULL, finish_reason = NULL, interruptions = 0,"
            " broken_answers = 0"
            f" WHERE job_id = ? AND status IN ({marks}) AND request IS NOT NULL",
            (job_id, *statuses),
        ).rowcount
    )
