"""What a call about a job waits for: what the last run left goes on first, then the calls come one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from sidecar.errors import Failure
from sidecar.store.store import AGAIN_SECONDS, Store

log = logging.getLogger("sidecar.batch")

# How long the handshake waits for the database before it answers without the jobs that go on.
RESUME_SECONDS = 2.0


class Resumption:
    """Going on with what the last run left. Every other call waits until that is `over`.

    `recover` goes on and gives the ids of the jobs that do. It may be called again after a part of it was done: a disk
    that has no room for what it notes has some later.
    """

    def __init__(self, store: Store, recover: Callable[[], Coroutine[Any, Any, tuple[str, ...]]]) -> None:
        self._store = store
        self._recover = recover
        self._task: asyncio.Task[tuple[str, ...]] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._ending = False

    def begin(self) -> None:
        """Begin to go on. To be called inside the loop: once, and again when another database is in place."""
        self._wait_no_more()
        self._task = asyncio.create_task(self._attempt())
        # Its failure is the store's, which every call that needs the store tells.
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def over(self) -> None:
        """Wait until all that goes on has begun, or could not."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def end(self) -> None:
        """Begin nothing anew any more, and wait until all that goes on has begun."""
        self._ending = True
        self._wait_no_more()
        await self.over()

    async def ready(self) -> None:
        """Wait until a job can be asked about. Raises Failure where the database cannot be opened."""
        await self.over()
        await self._store.database()

    async def jobs(self) -> tuple[str, ...]:
        """Return the jobs that go on by themselves, none where that is not known within reasonable time."""
        if self._task is None:
            return ()
        await asyncio.wait({self._task}, timeout=RESUME_SECONDS)
        done = self._task.done() and not self._task.cancelled()
        return self._task.result() if done and self._task.exception() is None else ()

    async def _attempt(self) -> tuple[str, ...]:
        # Where it cannot be opened, whoever opens it later begins anew.
        await self._store.database()
        try:
            return await self._recover()
        except Failure as failure:
            if failure.retryable and not self._ending:
                log.warning("what the last run left goes on later: %s", failure.message)
                self._later = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.begin)
            raise

    def _wait_no_more(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None


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
