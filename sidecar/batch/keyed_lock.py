"""What is asked about a job comes one after the other, and what nobody waits for any more is undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class KeyedLock:
    """A turn for each job: a cancel that is sent after a start is obeyed after it, and two starts are one."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, job_id: str) -> AsyncIterator[None]:
        """Waits until nobody else has the job's turn; first come, first served."""
        lock = self._locks.get(job_id)
        if lock is None:
            lock = self._locks[job_id] = asyncio.Lock()
        async with lock:
            yield


async def unless_cancelled(begin: Awaitable[T], undo: Callable[[], Awaitable[object]]) -> T:
    """What `begin` gives. When whoever waits for it is cancelled, it comes to its end and is undone."""
    beginning = asyncio.ensure_future(begin)
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.wait({beginning})
        if not beginning.cancelled() and beginning.exception() is None:
            await undo()
        raise
