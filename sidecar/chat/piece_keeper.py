"""Keeps on the disk, in few writes, what has arrived of an answer on its way: its pieces, or what it cost at least."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from sidecar.chat.live_answers import Delay, LiveAnswer
from sidecar.clock import Now
from sidecar.errors import Failure
from sidecar.providers.base import Begun
from sidecar.spending import settlement
from sidecar.store import answer_pieces
from sidecar.store.answer_pieces import AnswerPiece, joined
from sidecar.store.store import Store

# A process that is killed loses no more of an answer than came in this time. Answers side by side share a commit, and
# most rows of a batch end before it and are not written once more.
KEEP_SECONDS = 1.0


class PacedWrites:
    """Has `write` run at most once in `seconds` and one at a time, as long as something comes.

    `more` says whether more has come than was written.
    """

    def __init__(
        self,
        write: Callable[[], Coroutine[Any, Any, None]],
        seconds: float,
        more: Callable[[], bool] = lambda: False,
    ) -> None:
        self._write, self._seconds, self._more = write, seconds, more
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def came(self) -> None:
        """Take note that something has arrived."""
        if not self._stopped and self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    def stop(self) -> asyncio.Task[None] | None:
        """Begin no further write: the answer is about to be stored. Return the one that is under way, if any."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        return self._writing

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write())
        self._writing.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None
        if self._more():
            self.came()


class PieceKeeper:
    """Writes the pieces of one answer, each once. Questions outside of conversations leave nothing behind."""

    def __init__(
        self, store: Store, answer: LiveAnswer, label: str, now_ms: Now, seconds: float = KEEP_SECONDS
    ) -> None:
        self._store, self._answer, self._label, self._now_ms = store, answer, label, now_ms
        self._kept = 0
        self._writes = PacedWrites(self._write, seconds, lambda: answer.seq > self._kept)
        if answer.entry.conversation_id is None:
            self._writes.stop()
        self._stop_listening = answer.listen(self._came)

    def stop(self) -> asyncio.Task[None] | None:
        """As `PacedWrites.stop`."""
        self._stop_listening()
        return self._writes.stop()

    def _came(self, news: AnswerPiece | Delay | None) -> None:
        if isinstance(news, AnswerPiece):
            self._writes.came()

    async def _write(self) -> None:
        pieces = self._answer.pieces[self._kept :]
        # A disk that does not take it is in no answer's way; the next write tries again.
        with suppress(Failure):
            await self._store.write(self._keep, joined(pieces), self._answer.cost_so_far(), self._now_ms())
            self._kept += len(pieces)

    def _keep(
        self,
        conn: sqlite3.Connection,
        pieces: Sequence[AnswerPiece],
        least: settlement.SoFar | None,
        now: int,
    ) -> None:
        answer = self._answer
        answer_pieces.append(conn, answer.request_id, answer.message_id, self._label, pieces, now)
        settlement.so_far(conn, answer.request_id, least)


class BegunKeeper:
    """Has `keep` write the vendor's id of an answer that has begun, where others have a turn before it is whole.

    What arrived whole at once is settled at once, with its id: a write before that one would bring nothing to the disk
    sooner. An answer that ends otherwise is settled after its id is kept.
    """

    def __init__(self, keep: Callable[[Begun], Coroutine[Any, Any, None]]) -> None:
        self._keep = keep
        self._soon: dict[asyncio.Handle, Begun] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def came(self, event: Begun) -> None:
        """Have it kept. Nobody waits for the disk meanwhile."""
        soon = asyncio.get_running_loop().call_soon(self._begin)
        self._soon[soon] = event

    def whole(self) -> None:
        """The answer is about to be settled as it is: what no write has begun of is left out."""
        for soon in self._soon:
            soon.cancel()
        self._soon.clear()

    async def stop(self) -> None:
        """Wait until all is kept that is to be."""
        self._begin()
        if self._writing:
            await asyncio.wait(self._writing)

    def _begin(self) -> None:
        for soon, event in self._soon.items():
            soon.cancel()
            self._writing.add(asyncio.create_task(self._keep(event)))
        self._soon.clear()


class LeastKeeper:
    """Writes what one answer has cost at least by now, where it became more.

    Rows of batches and questions outside of conversations have no pieces on the disk that tell what had arrived.
    """

    def __init__(
        self,
        store: Store,
        entry_id: str,
        least: Callable[[], settlement.SoFar | None],
        seconds: float = KEEP_SECONDS,
    ) -> None:
        self._store, self._entry_id, self._least = store, entry_id, least
        self._kept = Decimal(0)
        self._writes = PacedWrites(self._write, seconds)
        self.came = self._writes.came

    async def stop(self) -> None:
        """Begin no further write, and wait for the one that is under way: the answer is about to be settled."""
        if (writing := self._writes.stop()) is not None:
            await asyncio.wait({writing})

    async def _write(self) -> None:
        least = self._least()
        if least is not None and least.usd > self._kept:
            # A disk that does not take it is in no answer's way; what comes next tries again.
            with suppress(Failure):
                await self._store.write(settlement.so_far, self._entry_id, least)
                self._kept = least.usd
