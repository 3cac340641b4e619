"""How a batch stands, in whatever words: gateways have others than the vendor whose API they speak (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

End = Literal["completed", "failed", "expired", "cancelled"]

_ENDS: Mapping[str, End] = {
    **dict.fromkeys(
        (
            "completed",
            "complete",
            "succeeded",
            "success",
            "successful",
            "done",
            "finished",
            "ended",
            "processed",
        ),
        "completed",
    ),
    **dict.fromkeys(("cancelled", "canceled", "aborted", "stopped", "terminated"), "cancelled"),
    **dict.fromkeys(("failed", "error", "errored", "failure", "rejected", "invalid"), "failed"),
    **dict.fromkeys(("expired", "timeout"), "expired"),
}
_STOPPING = frozenset({"cancelling", "canceling", "stopping"})
_AT_WORK = _STOPPING | frozenset(
    {"validating", "queued", "pending", "created", "progress", "processing", "running", "finalizing"}
    | {"paused", "not", "incomplete", "submitted", "scheduled"}
)


def end_of(word: str) -> End | None:
    """Return how a batch with this word for its state has ended; None for one at work, and where nobody knows."""
    pieces = _pieces(word)
    if not _AT_WORK.isdisjoint(pieces):
        return None
    return next(filter(None, map(_ENDS.get, pieces)), None)


def is_at_work(word: str) -> bool:
    """Return whether the word says that the batch has not ended."""
    return not _AT_WORK.isdisjoint(_pieces(word))


def says_stopping(word: str) -> bool:
    """Return whether the word says that the batch is being stopped."""
    return not _STOPPING.isdisjoint(_pieces(word))


def _pieces(word: str) -> list[str]:
    return re.findall("[a-z]+", word.lower())
