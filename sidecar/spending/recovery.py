"""What is cleared up before anything else is written: what the last run left open, or a backup holds as running."""

from __future__ import annotations

import sqlite3

from sidecar.spending.budget import hold
from sidecar.store import (
    answer_pieces,
    conversations,
    job_deaths,
    jobs,
    ledger,
    messages,
    row_sweeps,
    unfinished_jobs,
    vendor_batches,
)
from sidecar.store.records import Message

STOPPED = (
    "This batch was running when the backup was made, and may have gone on after it. "
    "Start it to run the rows that have no result here."
)

# The `finish_reason` of an answer whose process died while it was being written.
INTERRUPTED = "interrupted"
SET_ASIDE = (
    "A-B/AI ended twice in a row while this row was being answered, so it was set aside and is not sent again by "
    "itself. It may have been charged. Retry the failed rows to send it once more."
)
UNBEGUN = (
    "A-B/AI ended twice in a row while this batch was running, the second time while it prepared this row. So the row "
    "was set aside and is not begun again by itself. Nothing of it was sent, and it cost nothing. Change what it asks, "
    "or retry the failed rows to try it once more."
)
STOPPED_SHORT = (
    "A-B/AI ended three times in a row while this batch was running, before any of its rows was sent. So it was "
    "stopped and does not go on by itself. Start it to try once more."
)
UNREAD_TWICE = (
    "A-B/AI ended twice in a row while this answer was held against its schema, so it was set aside unchecked. It is "
    "kept, with what it cost. Retry the failed rows to have it checked once more: it is not asked for again."
)
UNREAD = "A-B/AI ended before this answer was held against its schema. The answer is kept unchecked, with what it cost."


def after_a_run(conn: sqlite3.Connection, now: int) -> int:
    """Give back what the run before this one left open; return how many answers nobody will ever settle.

    Their cost stays unknown, and local rows among them wait again. Rows at a vendor stay as they are: the vendor is
    asked what came of them.
    """
    jobs.forget_half_stored(conn)
    _keep_what_had_arrived(conn)
    interrupted = ledger.mark_interrupted(conn, now)
    running = [job.id for job in jobs.going_on(conn, "local")]
    for job_id in dict.fromkeys((*running, *row_sweeps.jobs_with_begun_rows(conn))):
        job = jobs.get(conn, job_id)
        if job is None or job.source != "sidecar" or job.mode != "local":
            continue
        goes_on = _goes_on(conn, job_id, now) and job.status == "processing"
        _end_what_keeps_failing(conn, job_id, goes_on, now)
        row_sweeps.release_all(conn, job_id)
        if goes_on:
            hold(conn, job_id)
        elif job.status == "cancelled":
            # The process died before the rows that were cut off were settled.
            row_sweeps.cancel_pending(conn, job_id, now)
    return interrupted


def _goes_on(conn: sqlite3.Connection, job_id: str, now: int) -> bool:
    """Whether the job goes on after this death, which is counted with what may have been the reason.

    A row that was about to begin, with caution after a death before, is set aside, and is the reason of both.
    """
    at_work, beginning = job_deaths.marked(conn, job_id)
    found = (
        0 if beginning is None else row_sweeps.set_aside_unbegun(conn, beginning, "conflict", UNBEGUN, now)
    )
    if found:
        jobs.count(conn, job_id, failed=found)
        row_sweeps.forget_interruptions(conn, job_id)
    else:
        row_sweeps.count_interruption(conn, job_id)
    if not at_work:
        return True
    explained = bool(found) or row_sweeps.count_begun(conn, job_id) > 0
    if job_deaths.count(conn, job_id, explained=explained) < job_deaths.MOST_RUNS:
        return True
    jobs.end(conn, job_id, "failed", now=now, error=STOPPED_SHORT, error_kind="conflict")
    return False


def _keep_what_had_arrived(conn: sqlite3.Connection) -> None:
    """Make messages of the answers that were being written: their text is paid for, and is all that there will be."""
    for entry_id in answer_pieces.left(conn):
        entry, left = ledger.get(conn, entry_id), answer_pieces.left_answer(conn, entry_id)
        answer_pieces.drop(conn, entry_id)
        if entry is None or left is None or entry.state != "intent" or entry.conversation_id is None:
            continue
        if conversations.get(conn, entry.conversation_id) is None:
            continue
        messages.insert(
            conn,
            Message(
                id=left.message_id,
                conversation_id=entry.conversation_id,
                turn_id=str(entry.turn_id),
                role="assistant",
                content=left.text,
                timestamp=left.kept_at,
                provider=left.label,
                model=entry.model,
                thinking=left.thinking or None,
                finish_reason=INTERRUPTED,
            ),
        )
        ledger.keep_message_id(conn, entry_id, left.message_id)


def _end_what_keeps_failing(conn: sqlite3.Connection, job_id: str, goes_on: bool, now: int) -> None:
    """Set aside the rows that were at work in two deaths in a row: one of them may be the reason.

    An answer that is stored costs nothing more, and is read by the job that goes on, unless reading it was at work in
    those deaths. Where no job goes on, the row ends.
    """
    aside = row_sweeps.set_aside(conn, job_id, "conflict", SET_ASIDE, now)
    most = row_sweeps.MOST_INTERRUPTIONS
    aside += row_sweeps.end_kept(conn, job_id, "invalid_output", UNREAD_TWICE, now, most)
    if not goes_on:
        aside += row_sweeps.end_kept(conn, job_id, "invalid_output", UNREAD, now)
    if aside:
        jobs.count(conn, job_id, failed=aside)


def of_a_backup(conn: sqlite3.Connection, now: int) -> None:
    """Stop the batches that were running when the backup was made.

    Rows that they lack may have been run, and paid, after that: only the person can say that they are to run again.
    """
    jobs.forget_half_stored(conn)
    for job in jobs.going_on(conn, "local"):
        jobs.end(conn, job.id, "failed", now=now, error=STOPPED, error_kind="conflict")
        _end_what_keeps_failing(conn, job.id, False, now)
        row_sweeps.release_all(conn, job.id)
        ledger.mark_interrupted(conn, now, job.id)
    # Rows at a provider are asked for again whatever happened since; those that no part held yet may hold one by now.
    for job_id in unfinished_jobs.native_unsent(conn):
        jobs.end(conn, job_id, "failed", now=now, error=STOPPED, error_kind="conflict")
    # The backup does not know whether a part was asked for after it was made: the provider does.
    vendor_batches.may_have_been_sent(conn)
