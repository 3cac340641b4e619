"""What is certain of a request that failed: whether it may have run, whether it is asked again, and when (pure)."""

from __future__ import annotations

from sidecar.errors import Failure


class OutcomeUnknown(Failure):
    """The request left and its answer never came, or came in part: the vendor may have run and billed it.

    It must not be repeated unasked, and the ledger says `unknown` rather than `failed`. `vendors_fault`: the vendor
    itself broke down, and may have charged nothing even for what had arrived. `broke_off`: the connection or the
    stream ended before the answer did, so that the same question may well be answered when it is asked again.
    """

    vendors_fault = False
    broke_off = False

    @classmethod
    def instead_of(cls, failure: Failure) -> OutcomeUnknown:
        """The same words, where the vendor's no does not prove that nothing was run."""
        unknown = cls(
            failure.kind,
            failure.message,
            provider=failure.provider,
            model=failure.model,
            status=failure.status,
            retry_after_ms=failure.retry_after_ms,
            request_id=failure.request_id,
            detail=failure.detail,
        )
        unknown.vendors_fault = True
        return unknown


class NotYet(Failure):
    """The vendor does not find yet what was just put there: nothing was created, and in a moment it will be taken."""

    @classmethod
    def instead_of(cls, failure: Failure) -> NotYet:
        """The same words, where the vendor's no is one for the moment."""
        return cls(
            "provider_unavailable",
            failure.message,
            retryable=True,
            provider=failure.provider,
            model=failure.model,
            status=failure.status,
            request_id=failure.request_id,
            detail=failure.detail,
        )


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
    # A wait that is over is no hint to ask again without a breath: that is asked for once.
    if failure.retry_after_ms is not None and (failure.retry_after_ms > 0 or attempt == 0):
        return failure.retry_after_ms if failure.retry_after_ms <= longest_hint_ms else None
    # The exponent is bounded so that a large number of attempts stays a small number.
    longest = min(FIRST_WAIT_MS << min(attempt, 10), LONGEST_WAIT_MS)
    return round(longest * (1 - JITTER * chance))


def certainly_not_run(status: int) -> bool:
    """Whether an answer of that status proves that nothing was run. A server error or a timeout proves nothing."""
    return status < 500 and status != 408
