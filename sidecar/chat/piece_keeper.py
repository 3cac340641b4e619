"""Keeps what has arrived of an answer on the disk while it is being written, in few writes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from sidecar.chat.live_answers import Delay, LiveAnswer
from sidecar.clock import Now
from sidecar.errors import Failure
from sidecar.spending import settlement
from sidecar.store import answer_pieces
from sidecar.store.answer_pieces import AnswerPiece, joined
from sidecar.store.store import Store

# A process that is killed loses no more of an answer than came in this time. Answers side by side share a commit.
KEEP_SECONDS = 1.0


class PieceKeeper:
    """Writes the pieces of one answer: each once, at most one write in `seconds` and one at a time.

    To be made inside the loop. Questions outside of conversations leave nothing behind.
    """

    def __init__(
        self, store: Store, answer: LiveAnswer, label: str, now_ms: Now, seconds: float = KEEP_SECONDS
    ) -> None:
        self._store, self._answer, self._label = store, answer, label
        self._now_ms, self._seconds = now_ms, seconds
        self._kept = 0
        self._stopped = answer.entry.conversation_id is None
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._stop_listening = answer.listen(self._came)

    def stop(self) -> asyncio.Task[None] | None:
        """Begin no further write: the answer is about to be stored. Return the one that is under way, if any."""
        self._stopped = True
        self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        return self._writing

    def _came(self, news: AnswerPiece | Delay | None) -> None:
        if (
            not self._stopped
            and isinstance(news, AnswerPiece)
            and self._timer is None
            and self._writing is None
        ):
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write())
        self._writing.add_done_callback(self._written)

    async def _write(self) -> None:
        pieces = self._answer.pieces[self._kept :]
        # A disk that does not take it is in no answer's way; the next write tries again.
        with suppress(Failure):
            await self._store.write(self._keep, joined(pieces), self._answer.cost_so_far(), self._now_ms())
            self._kept += len(pieces)

    def _keep(
        self, conn: sqlite3.Connection, pieces: Sequence[AnswerPiece], least: Decimal | None, now: int
    ) -> None:
        answer = self._answer
        answer_pieces.append(conn, answer.request_id, answer.message_id, self._label, pieces, now)
        settlement.so_far(conn, answer.request_id, least)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None
        if self._answer.seq > self._kept:
            self._came(self._answer.pieces[-1])
