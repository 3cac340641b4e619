"""A request whose outcome nobody knows, told apart from one that failed for certain."""

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
