"""How far a job is: when that is told, how fast it goes and how long it will take, and each row that has ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sidecar.clock import Now
from sidecar.store.job_records import Job, JobRow

INTERVAL_MS = 100
WINDOW_MS = 30_000
_MOST_SAMPLES = 300


@dataclass(frozen=True, slots=True)
class Speed:
    """None while it cannot be told."""

    rows_per_second: float | None = None
    eta_seconds: float | None = None


class Throttle:
    """At most one telling every tenth of a second."""

    def __init__(self) -> None:
        self._told_at: int | None = None

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until the next telling is due; 0 when it is now."""
        if self._told_at is None:
            return 0
        # Nor longer than that, should the clock have been put back.
        return min(INTERVAL_MS, max(0, self._told_at + INTERVAL_MS - now_ms))

    def told(self, now_ms: int) -> None:
        self._told_at = now_ms


class RateEstimator:
    """Rate over the last half minute, so that a pause or a limit shows soon and one slow row does not."""

    def __init__(self, ended: int, now_ms: int) -> None:
        self._samples: deque[tuple[int, int]] = deque([(now_ms, ended)])

    def note(self, ended: int, now_ms: int) -> None:
        """So many rows had ended at that time."""
        if now_ms < self._samples[-1][0]:
            # The clock was put back: what was before it tells nothing of the speed.
            self._samples = deque([(now_ms, self._samples[-1][1])])
        if len(self._samples) > 1 and self._samples[-1][0] - self._samples[-2][0] < INTERVAL_MS:
            self._samples.pop()
        self._samples.append((now_ms, ended))
        # One sample before the window stays, as its beginning.
        while len(self._samples) > 2 and (
            self._samples[1][0] <= now_ms - WINDOW_MS or len(self._samples) > _MOST_SAMPLES + 1
        ):
            self._samples.popleft()

    def speed(self, remaining: int, now_ms: int) -> Speed:
        began_at, began_with = self._samples[0]
        rows, passed = self._samples[-1][1] - began_with, now_ms - began_at
        if rows <= 0 or passed <= 0:
            return Speed()
        rate = rows * 1000 / passed
        return Speed(rate, remaining / rate)


def percentage(ended: int, total: int) -> float:
    """Of the rows that have ended, with two places; 100 only when all have."""
    if total <= 0:
        return 100.0
    return 100.0 if ended >= total else min(99.99, round(100 * ended / total, 2))


@dataclass(frozen=True, slots=True)
class Progress:
    """A job at some moment, how much of it has ended, and how fast it goes."""

    job: Job
    percentage: float
    speed: Speed


class ProgressReporter:
    """What happens to one job. `notify` gets its progress: what comes between two calls is told by the next."""

    def __init__(
        self,
        job: Job,
        notify: Callable[[Progress], None],
        notify_row: Callable[[str, JobRow], None],
        now_ms: Now,
    ) -> None:
        self._job = job
        self._notify = notify
        self._notify_row = notify_row
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
                self._notify_row(job.id, row)

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
        self._notify(Progress(self._job, percentage(ended, self._job.total_rows), speed))


def _ended(job: Job) -> int:
    return job.completed_rows + job.failed_rows
