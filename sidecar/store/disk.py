"""Asks the disk beside the loop, and waits no longer for it than one is willing to.

A drive of the network that is gone keeps whoever asks it for minutes, and nobody can be called back from there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sidecar.errors import Failure

T = TypeVar("T")

SILENT = (
    "The disk that the data folder is on does not answer. If it is on the network or can be unplugged, connect it "
    "again; otherwise restart the computer."
)


class Disk:
    """One question at a time: however often a disk that hangs is asked, it holds one thread.

    Nobody waits for that thread when the process ends, as for an executor's.
    """

    def __init__(self) -> None:
        self._asked: asyncio.Future[Any] | None = None
        self._late = False

    async def ask(self, question: Callable[[], T], seconds: float) -> T:
        """Return what the question, which blocks, gives. Raise what it raises.

        Raise Failure("storage_error") where it has no answer in so many seconds, and as long as an earlier one has
        none.
        """
        until = asyncio.get_running_loop().time() + seconds
        while self._asked is not None and not self._asked.done():
            await self._wait(self._asked, until)
        asked = asyncio.wrap_future(_begun(question))
        self._asked = asked
        await self._wait(asked, until)
        return await asked

    async def _wait(self, asked: asyncio.Future[T], until: float) -> None:
        left = 0.0 if self._late else until - asyncio.get_running_loop().time()
        await asyncio.wait({asked}, timeout=max(0.0, left))
        self._late = not asked.done()
        if self._late:
            raise Failure("storage_error", SILENT, retryable=True)


def _begun(question: Callable[[], T]) -> Future[T]:
    answer: Future[T] = Future()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(question())
        except Exception as problem:
            answer.set_exception(problem)

    threading.Thread(target=run, name="disk", daemon=True).start()
    return answer
