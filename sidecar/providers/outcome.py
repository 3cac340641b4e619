"""A request whose outcome nobody knows, told apart from one that failed for certain."""

from __future__ import annotations

from sidecar.errors import Failure


class SentButUnanswered(Failure):
    """The request left and its answer never came, or came in part: the vendor may have run and billed it.

    It must not be repeated unasked, and the ledger says `unknown` rather than `failed`.
    """
