"""Keeps on the disk, in few writes, what an answer of which no piece is kept has cost at least by now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from sidecar.errors import Failure
from sidecar.spending import settlement
from sidecar.store.store import Store

# As for the pieces of a conversation: a process that is killed loses no more than came in this time. Most rows of a
# batch end before it, and are not written once more.
KEEP_SECONDS = 1.0


class LeastKeeper:
    """Writes the least of one answer: at most once in `seconds`, and only where it became more.

    Rows of batches and questions outside of conversations have no pieces on the disk that tell what had arrived.
    """

    def __init__(
        self, store: Store, entry_id: str, least: Callable[[], Decimal | None], seconds: float = KEEP_SECONDS
    ) -> None:
        self._store, self._entry_id, self._least, self._seconds = store, entry_id, least, seconds
        self._kept = Decimal(0)
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def came(self) -> None:
        """Take note that something has arrived."""
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    async def stop(self) -> None:
        """Begin no further write, and wait for the one that is under way: the answer is about to be settled."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write())
        self._writing.add_done_callback(self._written)

    async def _write(self) -> None:
        least = self._least() or Decimal(0)
        if least <= self._kept:
            return
        # A disk that does not take it is in no answer's way; what comes next tries again.
        with suppress(Failure):
            await self._store.write(settlement.so_far, self._entry_id, least)
            self._kept = least

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None
