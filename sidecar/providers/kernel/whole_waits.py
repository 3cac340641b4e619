"""A wait as a server tells it, in whole milliseconds (pure)."""

from __future__ import annotations

# A hundred years. What is longer is no wait: no number, or a time that was taken for one.
_LONGEST_MS = 100 * 365 * 86_400_000


def whole_wait(ms: float) -> int | None:
    """Return the wait, 0 where it is over, None where nobody waits so long, and for what is no number."""
    if ms <= 0:
        return 0
    return round(ms) if ms < _LONGEST_MS else None
