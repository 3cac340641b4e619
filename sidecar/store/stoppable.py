"""Long work in a thread that stops when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")
# Raises StoppedError once the work is unwanted.
Pulse = Callable[[], None]

STEPS_A_PULSE = 10_000  # of SQLite's machine: some tenth of a millisecond


class StoppedError(Exception):
    """Raised by a pulse: whoever asked for the work has been cancelled."""


async def in_thread(work: Callable[[Pulse], T]) -> T:
    """Runs `work` in a thread. It calls the pulse it is given every so often, and is stopped by it when cancelled.

    A cancellation waits until the work has ended, so that what it was writing is put away.
    """
    stopped = Event()

    def pulse() -> None:
        if stopped.is_set():
            raise StoppedError

    working = asyncio.ensure_future(asyncio.to_thread(work, pulse))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([working])
        if not working.cancelled():
            working.exception()
        raise
