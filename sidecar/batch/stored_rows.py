"""A batch as it is stored when it is handed in: the job, then its rows some at a time, until all of them are there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sidecar.batch.estimate import RowEstimate
from sidecar.batch.row import Row
from sidecar.batch.row_input import row_key
from sidecar.batch.validation import RowProfile
from sidecar.errors import Failure
from sidecar.store import job_rows, jobs, projects, used_models
from sidecar.store.columns import storable
from sidecar.store.job_records import Answer, Job, Mode, NewRow


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a row asks, by name, and the earlier answer to it, if there is one."""

    question: str | None = None
    answer: Answer | None = None


def new_row(
    job: Job,
    index: int,
    row: Row,
    shape: RowProfile,
    prompt: str,
    estimated: RowEstimate | None,
    known: Recalled,
    taken: set[str] | None,
) -> NewRow:
    return NewRow(
        id=_key(job.id, row.id, index, taken),
        row_index=index,
        request=row.fields,
        prompt=prompt,
        provider=shape.provider,
        model=shape.serving.asked_id,
        template=row.template,
        reserve_usd=_reserve(job.mode, estimated),
        question=known.question,
        answer=known.answer,
    )


def _key(job_id: str, row_id: str, index: int, taken: set[str] | None) -> str:
    """The row's id in the database, which is in none of `taken`; None where ids are known to be unique.

    Halves of surrogate pairs become alike there.
    """
    given = row_key(job_id, row_id)
    key = storable(given)
    if taken is None:
        return key if key == given else f"{key}#{index}"
    while key in taken:
        key = f"{key}#{index}"
    taken.add(key)
    return key


def _reserve(mode: Mode, estimated: RowEstimate | None) -> Decimal | None:
    """The most that the row may cost the way it is going to be sent."""
    if estimated is None:
        return None
    range_ = (estimated.native if mode == "native" else None) or estimated.local
    return None if range_ is None else range_.high_usd


def open_job(conn: sqlite3.Connection, job: Job, half_stored: Sequence[str] = ()) -> None:
    """The job is being stored from now on, in place of those that could not be stored whole."""
    for left in half_stored:
        jobs.delete(conn, left)
    if projects.get(conn, job.project_id) is None:
        raise unknown_project()
    jobs.create(conn, job, storing=True)


def add_rows(conn: sqlite3.Connection, job_id: str, rows: Sequence[NewRow], now: int) -> None:
    if not jobs.is_being_stored(conn, job_id):
        raise unknown_project()
    job_rows.insert_many(conn, job_id, rows, now)
    used_models.keep_submitted(conn, {row.model for row in rows})
    jobs.count(
        conn,
        job_id,
        completed=sum(row.answer is not None for row in rows),
        failed=sum(row.error_message is not None for row in rows),
    )


def close_job(conn: sqlite3.Connection, job_id: str, estimate: Mapping[str, str]) -> Job:
    jobs.keep_estimate(conn, job_id, estimate)
    job = jobs.stored(conn, job_id)
    if job is None:
        raise unknown_project()
    return job


def unknown_project() -> Failure:
    return Failure(
        "not_found",
        "There is no such project; it may have been deleted. Choose another one.",
    )
