"""A part on its way to its vendor, which can be called back as long as nothing of it may be running there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from sidecar.batch.native import reasons
from sidecar.providers.base import FurtherRequest
from sidecar.providers.kernel.outcome import LONGEST_HINT_MS

# So often a creation is asked for again that its vendor has certainly not begun.
RETRIES = 4


class Departure:
    """A `pacer.RequestPacer` of the creation. What comes before it may be broken off at any time.

    Once it has left, its answer is waited for: it may run, and only who knows its id can have it stopped. In the
    pause before it is asked for again it certainly does not run.
    """

    retries = RETRIES
    longest_hint_ms = LONGEST_HINT_MS

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._leaving = False
        self._unwanted = False

    async def run(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send the part. Raises what the sending does, and Failure("cancelled") where it was called back."""
        self._task = asyncio.create_task(sending)
        self._turn_back()
        try:
            await self._task
        except asyncio.CancelledError:
            ours = asyncio.current_task()
            if not self.called_back or (ours is not None and ours.cancelling()):
                raise
            raise reasons.cancelled() from None

    @property
    def called_back(self) -> bool:
        """Whether nobody wants it any more, and nothing of it may be running."""
        return self._unwanted and not self._leaving

    def call_back(self) -> None:
        """Have nothing more of it leave."""
        self._unwanted = True
        self._turn_back()

    def begin(self) -> None:
        """From here on it may be running, until a pause. What is asked of the disk first is never broken off."""
        self._leaving = True

    async def enter(self) -> None:
        """Raises Failure("cancelled") in place of another attempt that nobody wants."""
        if self.called_back:
            raise reasons.cancelled()
        self.begin()

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        """Nothing is learnt of it here."""

    def back_off(self, wait_ms: int, kind: str) -> None:
        """It was certainly not run."""
        self._leaving = False
        self._turn_back()

    def leave(self) -> None:
        """Its end is told by what the sending raises."""

    async def reserve(self, further: FurtherRequest) -> None:
        """A creation is one request: all of it is held back before."""

    def _turn_back(self) -> None:
        if self.called_back and self._task is not None:
            self._task.cancel()
