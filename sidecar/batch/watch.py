"""Looks at what comes of a job's rows, for the limits at which it pauses; made anew from what is stored."""

from __future__ import annotations

import sqlite3
from functools import partial

from sidecar.batch import safeguard
from sidecar.batch.safeguard import RowTally
from sidecar.store import job_rows
from sidecar.store.background_read import scan
from sidecar.store.job_records import Job, JobRow, Safeguard, Tripped
from sidecar.store.stoppable import Pulse
from sidecar.store.store import Store

_ROWS_A_PULSE = 1_000


class Watch:
    """The rows of one job that have ended, held against its limits."""

    def __init__(self, kept: Safeguard, tally: RowTally) -> None:
        self._kept = kept
        self.tally = tally

    @classmethod
    async def of(cls, store: Store, job: Job) -> Watch | None:
        """Return who watches over the job, None where nothing is asked. Raise Failure("storage_error")."""
        kept = job.safeguard
        if kept is None:
            return None
        if not kept.limits:
            return cls(kept, RowTally())
        return cls(kept, await scan(store, partial(_tally, job.id, kept.since)))

    def ended(self, job: Job, row: JobRow) -> tuple[Tripped, ...]:
        """Count a row. Return the limits that do not hold any more; of a canary its sum only, until it has ended."""
        self.tally.add(row)
        return self.look(job)

    def look(self, job: Job, *, whole: bool = False) -> tuple[Tripped, ...]:
        """Return the limits that do not hold. `whole`: as many rows as there are say enough, such as a canary."""
        limits = self._kept.limits
        if self._kept.phase == "canary" and not whole:
            limits = {name: limit for name, limit in limits.items() if name == "totalUSD"}
        return safeguard.judge(limits, self.tally, job.at_most_usd, whole=whole)

    def passed(self, kept: Safeguard) -> None:
        """The canary held, and all rows run."""
        self._kept = kept


def _tally(job_id: str, since: int, conn: sqlite3.Connection, pulse: Pulse) -> RowTally:
    tally = RowTally()
    for number, row in enumerate(job_rows.ended_since(conn, job_id, since)):
        tally.add(row)
        if number % _ROWS_A_PULSE == 0:
            pulse()
    return tally
