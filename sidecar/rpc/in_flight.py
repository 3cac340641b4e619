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
        self._all: set[RunningRequest] = set()
        self._by_id: dict[Any, set[RunningRequest]] = {}
        self._changed = asyncio.Event()
        self._stuck = False

    @property
    def count(self) -> int:
        return len(self._all)

    @property
    def is_full(self) -> bool:
        """Whether the next one may have to wait."""
        return len(self._all) >= self._limit

    def add(self, running: RunningRequest) -> None:
        self._all.add(running)
        if not running.request.is_notification:
            self._by_id.setdefault(running.request.id, set()).add(running)

    def remove(self, running: RunningRequest) -> None:
        self._all.discard(running)
        self._stuck = False
        if not running.request.is_notification:
            same = self._by_id[running.request.id]
            same.discard(running)
            if not same:
                del self._by_id[running.request.id]
        self._changed.set()

    def cancel(self, request_id: Any) -> None:
        """Cancels every running request with this id; an id that is not running means nothing."""
        for running in list(self._by_id.get(request_id, ())):
            running.cancel()

    def cancel_all(self) -> None:
        for running in list(self._all):
            running.cancel()

    async def below_limit(self) -> bool:
        """Waits until one more may begin. False when none of so many has ended for a while."""
        if len(self._all) < self._limit:
            return True
        if self._stuck:
            return False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._until(self._limit - 1)
        except TimeoutError:
            self._stuck = len(self._all) >= self._limit
        return not self._stuck

    async def idle(self) -> None:
        """Waits until nothing is running."""
        await self._until(0)

    async def _until(self, most: int) -> None:
        while len(self._all) > most:
            self._changed.clear()
            await self._changed.wait()
