"""Whether a refused request is asked again, and after how long (pure)."""

from __future__ import annotations

from sidecar.errors import Failure
from sidecar.providers.kernel.outcome import OutcomeUnknown

FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 8_000
LONGEST_HINT_MS = 60_000
JITTER = 0.25


def wait_before_retry_ms(
    failure: Failure, attempt: int, chance: float, longest_hint_ms: int = LONGEST_HINT_MS
) -> int | None:
    """Milliseconds to wait after this failed attempt (0 is the first), or None to give up.

    `chance` is between 0 and 1. The vendor's own hint is obeyed, unless it is longer than anybody waits.
    """
    if isinstance(failure, OutcomeUnknown) or failure.retryable is not True:
        return None
    if failure.retry_after_ms is not None:
        return failure.retry_after_ms if failure.retry_after_ms <= longest_hint_ms else None
    # The exponent is bounded so that a large number of attempts stays a small number.
    longest = min(FIRST_WAIT_MS << min(attempt, 10), LONGEST_WAIT_MS)
    return round(longest * (1 - JITTER * chance))


def certainly_not_run(status: int) -> bool:
    """Whether an answer of that status proves that nothing was run. A server error or a timeout proves nothing."""
    return status < 500 and status != 408
