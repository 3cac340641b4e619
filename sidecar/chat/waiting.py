"""What a person is told while a question waits to be asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sidecar.providers.base import FurtherRequest

# Shorter waits are over before they are read.
SHORTEST_TOLD_MS = 1_000
# A person who is told to wait for longer would rather ask another model.
LONGEST_WAIT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """The question was refused, did not run, and is asked again after so long. `reason` is the kind of the refusal."""

    wait_ms: int
    reason: str


class WaitReporter:
    """The `RequestPacer` of one question: it is asked at once, and says when it waits.

    `hold_back` reserves what a request may cost that nobody counted on, or raises Failure.
    """

    retries = 4
    longest_hint_ms = LONGEST_WAIT_MS

    def __init__(
        self, notify: Callable[[Waiting], None], hold_back: Callable[[FurtherRequest], Awaitable[None]]
    ) -> None:
        self._notify = notify
        self._hold_back = hold_back

    async def enter(self) -> None:
        """Let the attempt leave: a person waits for it."""

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        """Take nothing from what the vendor answered."""

    def back_off(self, wait_ms: int, kind: str) -> None:
        """Tell that the question waits."""
        if wait_ms >= SHORTEST_TOLD_MS:
            self._notify(Waiting(wait_ms, kind))

    def leave(self) -> None:
        """Hold no place that could be given back."""

    async def reserve(self, further: FurtherRequest) -> None:
        """Hold back what that request may cost. Raises Failure("budget_exceeded")."""
        await self._hold_back(further)
