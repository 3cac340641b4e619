"""What came of a request that was paid for reaches the disk: nothing cuts it off, and a full disk is tried again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sidecar.errors import Failure
from sidecar.store.store import Store

log = logging.getLogger("sidecar.chat")

Result = TypeVar("Result")
Write = Callable[[sqlite3.Connection], None]


class ShieldedWrites:
    """The writes of one service. `close` is to be awaited before the store closes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[asyncio.Task[Any]] = set()
        self._unsaved: list[Write] = []

    async def save(self, write: Write) -> None:
        """Write it. Raise the store's Failure; what the disk did not take is kept for `save_again`."""
        try:
            await self._store.write(write)
        except Failure as failure:
            if failure.kind == "storage_error":
                self._unsaved.append(write)
            raise

    async def save_again(self) -> None:
        """Try once more what the disk did not take. What it still does not take is kept."""
        if self._unsaved:
            await self.shielded(self._save_unsaved())

    async def shielded(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that goes on when whoever waits is cancelled. Its exceptions are logged, not raised."""
        task = asyncio.create_task(work)
        self.see_to_its_end(task)
        await asyncio.wait({task})

    async def to_its_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what the work comes to. Who is cancelled meanwhile goes on once it has ended. Raise what it raises."""
        task = asyncio.create_task(work)
        self.see_to_its_end(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    def see_to_its_end(self, task: asyncio.Task[Any] | None) -> None:
        """Have `close` wait for it, where there is any."""
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Wait until everything has ended, and try once more what was not saved."""
        while self._running:
            await asyncio.wait(self._running)
        await self._save_unsaved()

    async def _save_unsaved(self) -> None:
        waiting, self._unsaved = self._unsaved, []
        for write in waiting:
            with contextlib.suppress(Failure):
                await self.save(write)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an answer that broke off could not be settled", exc_info=task.exception())
