"""Tells how far a job is, not too often and always at the end, and each row that has ended where that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sidecar.batch.progress import RateEstimator, Speed, Throttle, percentage
from sidecar.clock import Now
from sidecar.store.job_records import Job, JobRow


@dataclass(frozen=True, slots=True)
class Progress:
    """A job at some moment, how much of it has ended, and how fast it goes."""

    job: Job
    percentage: float
    speed: Speed


class ProgressReporter:
    """What happens to one job. `tell` gets its progress: what comes between two tellings is told with the next one."""

    def __init__(
        self, job: Job, tell: Callable[[Progress], None], tell_row: Callable[[str, JobRow], None], now_ms: Now
    ) -> None:
        self._job = job
        self._tell = tell
        self._tell_row = tell_row
        self._now_ms = now_ms
        self._throttle = Throttle()
        self._speed = RateEstimator(_ended(job), now_ms())
        self._later: asyncio.TimerHandle | None = None

    def changed(self, job: Job) -> None:
        """The job as the last commit left it; one that has ended for good is told at once."""
        if job.status in ("completed", "failed"):
            self.finished(job)
            return
        now = self._now_ms()
        self._job = job
        self._speed.note(_ended(job), now)
        if self._later is not None:
            return
        wait_ms = self._throttle.wait_ms(now)
        if wait_ms == 0:
            self._now()
        else:
            self._later = asyncio.get_running_loop().call_later(wait_ms / 1000, self._now)

    def rows_ended(self, job: Job, rows: Iterable[JobRow]) -> None:
        """As `changed`, of a commit in which those rows ended."""
        self.changed(job)
        if job.notify_rows:
            for row in rows:
                self._tell_row(job.id, row)

    def finished(self, job: Job) -> None:
        """The last word."""
        self._job = job
        self._now()

    def flush(self) -> None:
        """Tell now what was to be told with the next telling."""
        if self._later is not None:
            self._now()

    def close(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _now(self) -> None:
        self.close()
        now = self._now_ms()
        self._throttle.told(now)
        ended = _ended(self._job)
        running = self._job.status == "processing"
        remaining = max(0, self._job.total_rows - ended)
        speed = self._speed.speed(remaining, now) if running else Speed()
        self._tell(Progress(self._job, percentage(ended, self._job.total_rows), speed))


def _ended(job: Job) -> int:
    return job.completed_rows + job.failed_rows
