"""When the progress of a job is told, how fast it goes and how long it will take (pure, the time passed in)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

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
