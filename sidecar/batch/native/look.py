"""What is asked of a vendor about a part: so many questions at a time, and none that keeps anybody waiting."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# A look is small, and those that a silent vendor does not answer must leave room for others.
LOOKS_AT_ONCE = 32
# Several batches may end at once, and their rows take memory and the disk.
LOADS_AT_ONCE = 2


class Places:
    """Where parts take turns, for each vendor apart: one that is silent keeps no other's batches waiting."""

    def __init__(self) -> None:
        self._looks = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(LOOKS_AT_ONCE))
        self._stops = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(LOOKS_AT_ONCE))
        self._loads = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(LOADS_AT_ONCE))

    def to_look(self, provider: str) -> asyncio.Semaphore:
        """Return what is held while a vendor is asked how a part is."""
        return self._looks[provider]

    def to_stop(self, provider: str) -> asyncio.Semaphore:
        """Return what is held while a vendor is asked to stop a part: no look is in its way."""
        return self._stops[provider]

    def to_load(self, provider: str) -> asyncio.Semaphore:
        """Return what is held while rows are sent once more, or their results are read."""
        return self._loads[provider]


class BrokenOff(Exception):
    """Nobody wants the part any more, and what was asked about it was not waited for."""


class Look:
    """One look at a part, which is broken off when the part is called back: a stop does not wait for the answer."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[Any] | None = None
        self._unwanted = False

    async def ask(self, question: Coroutine[Any, Any, T], place: asyncio.Semaphore) -> T:
        """Return what the question gives, once there is a place. Raises what it does, and BrokenOff."""

        async def in_turn() -> T:
            async with place:
                return await question

        if self._unwanted:
            question.close()
            raise BrokenOff
        task: asyncio.Task[T] = asyncio.create_task(in_turn())
        self._asking = task
        try:
            return await task
        except asyncio.CancelledError:
            ours = asyncio.current_task()
            if not self._unwanted or (ours is not None and ours.cancelling()):
                raise
            raise BrokenOff from None
        finally:
            self._asking = None
            # One that never had a place was not begun.
            question.close()

    def break_off(self) -> None:
        """Have nobody wait for the answer, nor ask for it."""
        self._unwanted = True
        if self._asking is not None:
            self._asking.cancel()
