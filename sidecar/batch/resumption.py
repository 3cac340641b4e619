"""What a service of batches does at its start, beside everything else: it goes on with what the last run left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

# How long the handshake waits for the database before it answers without the jobs that go on.
RESUME_SECONDS = 2.0


class Resumption:
    """Going on, which gives the ids of the jobs that do. Every other call waits until it is `over`."""

    def __init__(self) -> None:
        self._task: asyncio.Task[tuple[str, ...]] | None = None

    def begin(self, going_on: Coroutine[Any, Any, tuple[str, ...]]) -> None:
        """Begin to go on. To be called inside the loop: once, and again when another database is in place."""
        self._task = asyncio.create_task(going_on)
        # Its failure is the store's, which every call that needs the store tells.
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def over(self) -> None:
        """Wait until all that goes on has begun, or could not."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def jobs(self) -> tuple[str, ...]:
        """Return the jobs that go on by themselves, none where that is not known within reasonable time."""
        if self._task is None:
            return ()
        await asyncio.wait({self._task}, timeout=RESUME_SECONDS)
        done = self._task.done() and not self._task.cancelled()
        return self._task.result() if done and self._task.exception() is None else ()
