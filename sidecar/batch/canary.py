"""Chooses the rows of a job that run before all others, and reckons what they may cost when they run from here."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial

from sidecar.batch.estimate import Estimator
from sidecar.batch.row import Row
from sidecar.batch.safeguard import choose
from sidecar.batch.validation import RowValidator
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.store import job_rows, safeguards
from sidecar.store.background_read import scan
from sidecar.store.job_records import Job, JobRow, RowStatus
from sidecar.store.stoppable import Pulse


async def canary_of(
    core: Core, job: Job, number: int, statuses: Collection[RowStatus]
) -> Sequence[tuple[str, Decimal | None]]:
    """Return so many rows with these statuses, spread over models and lengths, each with its most in US dollars.

    Raise Failure("storage_error").
    """
    rows = await scan(core.store, partial(_chosen, job.id, number, statuses))
    validator, estimator = await RowValidator.of(core), Estimator(core.store, job.project_id)
    return [(row.id, await _most_usd(row, validator, estimator)) for row in rows]


async def _most_usd(row: JobRow, validator: RowValidator, estimator: Estimator) -> Decimal | None:
    asked = Row(row.request or {})
    try:
        shape = validator.shape(asked)
    except Failure:  # the row will say so when it is its turn
        return None
    estimated = await estimator.estimate(asked, shape, row.prompt)
    return None if estimated.local is None else estimated.local.high_usd


def _chosen(
    job_id: str, number: int, statuses: Collection[RowStatus], conn: sqlite3.Connection, pulse: Pulse
) -> list[JobRow]:
    found: Mapping[tuple[str, int], list[str]] = safeguards.candidates(conn, job_id, statuses, number)
    rows = (job_rows.get(conn, row_id) for row_id in choose(found, number))
    return [row for row in rows if row is not None]
