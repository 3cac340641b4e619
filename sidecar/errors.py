"""The one exception that is meant for a person, and how it reaches the wire.

    Exception
    └── Failure(kind, message, ...)      the user, the vendor or the disk; the message is shown as it is
    anything else                        a bug: logged with its trace, answered as internal_error

The kinds, with their codes, stand in schemas/errors.json and are generated into sidecar/contract/errors.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any


class Charged:
    """What a request cost that ended so, in US dollars: known, or at least and at most. Set by who settles it.

    `call_id` is the id by which that can be explained.
    """

    cost_usd: Decimal | None = None
    at_least_usd: Decimal | None = None
    at_most_usd: Decimal | None = None
    call_id: str | None = None

    def costs(self) -> dict[str, float | str | None]:
        """By the wire's names."""
        return {
            "costUSD": None if self.cost_usd is None else float(self.cost_usd),
            "costAtLeastUSD": None if self.at_least_usd is None else float(self.at_least_usd),
            "costAtMostUSD": None if self.at_most_usd is None else float(self.at_most_usd),
            "callId": self.call_id,
        }


class Failure(Charged, Exception):
    """Something that can go wrong without a bug.

    `message` is one or two sentences for the person at the screen: what happened and what to do next.
    It must hold no secret. `kind` is a row of schemas/errors.json. `retryable` overrides that row's default.
    `out_of_reach`: nothing answers, or not who was asked, so that whatever is asked next finds nobody either.
    `spent`: the vendor's credit or quota is used up, so that whatever is asked next is refused as well.
    `lacks_right`: the key is known, and may not do this, or not from here.
    `detail` is free text for a developer; `issues` are `{"path": ..., "message": ...}` of bad input.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retryable: bool | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        retry_after_ms: int | None = None,
        request_id: str | None = None,
        detail: str | None = None,
        issues: Sequence[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = retryable
        self.provider = provider
        self.model = model
        self.status = status
        self.retry_after_ms = retry_after_ms
        self.request_id = request_id
        self.detail = detail
        self.issues = issues
        self.spent = False
        self.lacks_right = False
        self.out_of_reach = False

    def data(self) -> dict[str, Any]:
        """The members of the wire's `error.data` that are known, by their wire names, without `kind`."""
        known: dict[str, Any] = {
            **self.costs(),
            "retryable": self.retryable,
            "provider": self.provider,
            "model": self.model,
            "status": self.status,
            "retryAfterMs": self.retry_after_ms,
            "requestId": self.request_id,
            "detail": self.detail,
            "issues": list(self.issues) if self.issues is not None else None,
        }
        return {name: value for name, value in known.items() if value is not None}


class StoppedRequest(Charged, asyncio.CancelledError):
    """The cancellation of what may have cost something."""

    def data(self) -> dict[str, Any]:
        """The members of the wire's `error.data` that are known, without `kind`."""
        return {name: value for name, value in self.costs().items() if value is not None}
