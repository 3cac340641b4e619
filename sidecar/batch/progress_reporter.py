"""Tells how far a job is: not too often, and always at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.batch.progress import RateEstimator, Speed, Throttle, percentage
from sidecar.clock import Now
from sidecar.store.job_records import Job


@dataclass(frozen=True, slots=True)
class Progress:
    """A job at some moment, how much of it has ended, and how fast it goes."""

    job: Job
    percentage: float
    speed: Speed


class ProgressReporter:
    """The progress of one running job. What comes between two tellings is told with the next one."""

    def __init__(self, job: Job, tell: Callable[[Progress], None], now_ms: Now) -> None:
        self._job = job
        self._tell = tell
        self._now_ms = now_ms
        self._throttle = Throttle()
        self._speed = RateEstimator(_ended(job), now_ms())
        self._later: asyncio.TimerHandle | None = None

    def changed(self, job: Job) -> None:
        """The job as the last commit left it."""
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

    def finished(self, job: Job) -> None:
        """The last word."""
        self._job = job
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
