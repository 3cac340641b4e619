"""Pauses that are over when a test says so."""

from __future__ import annotations

import asyncio

from tests.helpers.asking import Clock


class Rest:
    """The pauses of a worker: the first is over at once, each later one when the test wants, or somebody has it look.

    Else its own look may find the part in the moment before a person starts the job, who is then told that it runs.
    """

    def __init__(self, clock: Clock) -> None:
        self.over = asyncio.Event()
        self._clock = clock
        self._pauses = 0

    async def __call__(self, seconds: float) -> None:
        self._pauses += 1
        if self._pauses > 1:
            await self.over.wait()
        self._clock.ms += round(seconds * 1000)
        await asyncio.sleep(0)
