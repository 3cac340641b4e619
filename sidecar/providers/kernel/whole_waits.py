"""A wait as a server tells it, in whole milliseconds, and as a person is told of it (pure)."""

from __future__ import annotations

# A hundred years. What is longer is told as that: nobody waits so long, and to ask again at once is what was refused.
_LONGEST_MS = 100 * 365 * 86_400_000
# A longer wait than a year is no wait that anybody meant.
_LONGEST_TOLD_MS = 366 * 24 * 3_600 * 1_000
_UNITS = (("days", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def whole_wait(ms: float) -> int | None:
    """Return the wait, from 0, where it is over, to a hundred years; None for what is no number."""
    return None if ms != ms else round(min(max(ms, 0), _LONGEST_MS))


def when(hint_ms: int | None) -> str:
    """Return the end of "Try again …": in how many seconds, minutes, hours or days, or just later."""
    if hint_ms is None or hint_ms > _LONGEST_TOLD_MS:
        return "later"
    unit, ms = next((unit, ms) for unit, ms in _UNITS if hint_ms >= 2 * ms or ms == 1_000)
    return f"in {max(1, round(hint_ms / ms))} {unit}"
