"""Long work in a thread that stops when nobody waits for it any more, and work that a cancellation does not cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any, TypeVar

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

    return await to_its_end(asyncio.to_thread(work, pulse), on_cancel=stopped.set)


async def to_its_end(work: Coroutine[Any, Any, T], *, on_cancel: Callable[[], object] = lambda: None) -> T:
    """Return what the work comes to. However often its caller is cancelled meanwhile, that is told once it has ended.

    `on_cancel` is called at each of those times. Raise what the work raises where nobody was cancelled.
    """
    working = asyncio.ensure_future(work)
    told: asyncio.CancelledError | None = None
    while not working.done():
        try:
            await asyncio.wait([working])
        except asyncio.CancelledError as cancelled:
            told = cancelled
            on_cancel()
    if told is not None:
        if not working.cancelled():
            working.exception()
        raise told
    return working.result()
