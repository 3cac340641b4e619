"""The attempts of one row: a place among the requests in flight, and every attempt written down before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sidecar.clock import Now
from sidecar.providers.base import FurtherRequest
from sidecar.providers.kernel.limits import LONGEST_HOLD_MS, KeyLimiter

# A batch has time: it waits for a limit to pass where a person would be told to try again later.
RATE_LIMIT_RETRIES = 12


class AttemptGuard:
    """A `pacer.RequestPacer`. `places` are the job's own; the limiter is shared by all who use the key.

    A place is held until `end`, after the answer is stored: a kill then finds no more paid and not stored than there
    are places. The limiter has no more than what is at the vendor. `record` writes the attempt down and may refuse it
    by raising; the place is then given back. `hold_back` reserves what a request may cost that nobody counted on, or
    raises Failure. `in_flight` says that an attempt has left and nobody knows that it was not run.
    """

    retries = RATE_LIMIT_RETRIES
    longest_hint_ms = LONGEST_HOLD_MS

    def __init__(
        self,
        limiter: KeyLimiter,
        places: asyncio.Semaphore,
        model: str,
        tokens: int,
        record: Callable[[], Awaitable[None]],
        hold_back: Callable[[FurtherRequest], Awaitable[None]],
        now_ms: Now,
    ) -> None:
        self._limiter = limiter
        self._places = places
        self._model = model
        self._tokens = tokens
        self._record = record
        self._hold_back = hold_back
        self._now_ms = now_ms
        self._number = 0
        self._placed = False
        self._inside = False
        self.in_flight = False
        self.sent_at: int | None = None

    async def enter(self) -> None:
        """Does nothing when it is entered already: the first attempt is, before the provider is called."""
        if self._inside:
            return
        if not self._placed:
            await self._places.acquire()
            self._placed = True
        try:
            self._number = await self._limiter.enter(self._model, self._tokens)
            self._inside = True
            await self._record()
        except BaseException:
            self.end()
            raise
        self.sent_at = self._now_ms()
        self.in_flight = True

    def back_off(self, wait_ms: int, kind: str) -> None:
        self.in_flight = False
        self.end()

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        self._limiter.observe(self._model, self._number, status, headers, hint_ms)

    def leave(self) -> None:
        """Nothing is at the vendor any more."""
        if self._inside:
            self._inside = False
            self._limiter.leave()

    def end(self) -> None:
        """Give the place to another row."""
        self.leave()
        if self._placed:
            self._placed = False
            self._places.release()

    async def reserve(self, further: FurtherRequest) -> None:
        """Hold back what that request may cost. Raises Failure("budget_exceeded")."""
        await self._hold_back(further)

    def put_off(self, wait_ms: int) -> None:
        """Nobody was there: nothing leaves for so long, this row and others."""
        self._limiter.put_off(wait_ms)

    def latency_ms(self, now: int) -> int | None:
        """Since the last attempt left; what was waited for before is not the model's time."""
        return None if self.sent_at is None else max(0, now - self.sent_at)
