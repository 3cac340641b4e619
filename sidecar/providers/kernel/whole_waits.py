"""A wait as a server tells it, in whole milliseconds (pure)."""

from __future__ import annotations

# A hundred years. What is longer is told as that: nobody waits so long, and to ask again at once is what was refused.
_LONGEST_MS = 100 * 365 * 86_400_000


def whole_wait(ms: float) -> int | None:
    """Return the wait, from 0, where it is over, to a hundred years; None for what is no number."""
    return None if ms != ms else round(min(max(ms, 0), _LONGEST_MS))
