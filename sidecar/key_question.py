"""A question to where keys are saved, which may never be answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class KeyQuestion:
    """A question to the store that has not been answered; `since` in seconds of the loop's clock."""

    answer: asyncio.Task[str | None]
    since: float
    _late: dict[float, asyncio.Event] = field(default_factory=dict)

    async def answered_or_late(self, patience: float) -> None:
        """Wait for the answer, but not for longer than `patience` seconds since it was asked for.

        All who wait do so on one event: on the task itself each of them would look through all the others.
        """
        waiting = self._late.get(patience)
        if waiting is None:
            waiting = self._late[patience] = asyncio.Event()
            self.answer.get_loop().call_at(self.since + patience, waiting.set)
            self.answer.add_done_callback(lambda _: waiting.set())
        await waiting.wait()
