"""The attempts of one row: a place among the requests in flight, and every attempt written down before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sidecar.clock import Now
from sidecar.providers.kernel.limits import LONGEST_HOLD_MS, KeyLimiter

# A batch has time: it waits for a limit to pass where a person would be told to try again later.
RATE_LIMIT_RETRIES = 12


class AttemptGuard:
    """A `limits.RequestPacer`. `places` are the job's own; the limiter is shared by all who use the key.

    `record` writes the attempt down and may refuse it by raising; the place is then given back. `in_flight` says
    that an attempt has left and nobody knows that it was not run.
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
        now_ms: Now,
    ) -> None:
        self._limiter = limiter
        self._places = places
        self._model = model
        self._tokens = tokens
        self._record = record
        self._now_ms = now_ms
        self._number = 0
        self._inside = False
        self.in_flight = False
        self.sent_at: int | None = None

    async def enter(self) -> None:
        """Does nothing when the place is held already: the first attempt is entered before the provider is called."""
        if self._inside:
            return
        await self._places.acquire()
        try:
            self._number = await self._limiter.enter(self._model, self._tokens)
        except BaseException:
            self._places.release()
            raise
        self._inside = True
        try:
            await self._record()
        except BaseException:
            self.leave()
            raise
        self.sent_at = self._now_ms()
        self.in_flight = True

    def back_off(self, wait_ms: int, kind: str) -> None:
        self.in_flight = False
        self.leave()

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        self._limiter.observe(self._model, self._number, status, headers, hint_ms)

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            self._limiter.leave()
            self._places.release()

    def latency_ms(self, now: int) -> int | None:
        """Since the last attempt left; what was waited for before is not the model's time."""
        return None if self.sent_at is None else max(0, now - self.sent_at)
