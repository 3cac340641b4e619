"""The requests that are running, by id: who may be cancelled, how many there are, when all have ended."""

from __future__ import annotations

import asyncio
from typing import Any

from sidecar.rpc.envelope import Request

MAX_IN_FLIGHT = 10_000
# How long the next request waits for one of these to end. When none does, those after it do not wait at all.
PATIENCE_SECONDS = 0.5


class RunningRequest:
    """One request from its arrival to its answer."""

    __slots__ = ("cancelled", "ended", "handler", "outer", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.cancelled = False
        self.ended = False
        self.outer: asyncio.Task[None] | None = None
        self.handler: asyncio.Task[Any] | None = None

    def cancel(self) -> None:
        """Cancels the handler, once: what it does on its way out is not disturbed again."""
        if self.cancelled:
            return
        self.cancelled = True
        # A handler that has not begun looks at the flag when it does.
        if self.handler is not None:
            self.handler.cancel()


class InFlight:
    """May be made before serving, so that a service can say how much is running: `in_flight.count`."""

    def __init__(self, limit: int = MAX_IN_FLIGHT) -> None:
        self._limit = limit
        self._count = 0
        # By the request's id, which clients may use twice; a notification has none and is there by itself.
        self._running: dict[Any, list[RunningRequest]] = {}
        self._changed = asyncio.Event()
        self._stuck = False

    @property
    def count(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        """Whether the next one may have to wait."""
        return self._count >= self._limit

    def add(self, running: RunningRequest) -> None:
        self._count += 1
        key = running if running.request.is_notification else running.request.id
        same = self._running.get(key)
        if same is None:
            self._running[key] = [running]
        else:
            same.append(running)

    def remove(self, running: RunningRequest) -> None:
        self._count -= 1
        self._stuck = False
        key = running if running.request.is_notification else running.request.id
        same = self._running[key]
        if len(same) == 1:
            del self._running[key]
        else:
            same.remove(running)
        self._changed.set()

    def cancel(self, request_id: Any) -> None:
        """Cancels every running request with this id; an id that is not running means nothing."""
        for running in list(self._running.get(request_id, ())):
            running.cancel()

    def cancel_all(self) -> None:
        for running in [each for same in self._running.values() for each in same]:
            running.cancel()

    async def below_limit(self) -> bool:
        """Waits until one more may begin. False when none of so many has ended for a while."""
        if self._count < self._limit:
            return True
        if self._stuck:
            return False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._until(self._limit - 1)
        except TimeoutError:
            self._stuck = self._count >= self._limit
        return not self._stuck

    async def idle(self) -> None:
        """Waits until nothing is running."""
        await self._until(0)

    async def _until(self, most: int) -> None:
        while self._count > most:
            self._changed.clear()
            await self._changed.wait()
