"""Reads the client's end of a pipe, never more than about 1 MiB ahead: by a thread, or by the loop where that is safe.

A thread can read on every system, and sees that the input has ended when the loop does not move. It costs each message
two switches between threads, which is a quarter of a small call. On Linux the `sentinel` sees the end by itself, and
what a pipe or a socket has can be waited for: there the loop reads.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

READ_BYTES = 256 * 1024
MAX_UNREAD_BYTES = 1024 * 1024


class WireReader(Protocol):
    """What has come through a pipe, in its order."""

    async def read(self) -> bytes:
        """Return the next bytes, or b"" at the end of the stream. Not reading is what slows the client down."""

    def when_ended(self, on_end: Callable[[], None]) -> None:
        """Call it at the end of the stream, in the thread that sees it: at once where that has come."""

    def end(self) -> None:
        """Read nothing that comes from now on: whoever wrote it is gone, even where the pipe is still open."""


def reader_of(descriptor: int) -> WireReader:
    """Return what reads this descriptor best on this system."""
    mode = os.fstat(descriptor).st_mode
    can_be_waited_for = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return (
        LoopReader(descriptor) if sys.platform == "linux" and can_be_waited_for else ThreadReader(descriptor)
    )


class LoopReader:
    """Reads when the loop is told that something has come. For the loop's thread only."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._on_end: Callable[[], None] | None = None

    async def read(self) -> bytes:
        import asyncio

        while not self._chunks:
            if self._ended:
                return b""
            loop = asyncio.get_running_loop()
            self._watch(loop)
            self._waiter = loop.create_future()
            await self._waiter
        chunk = self._chunks.popleft()
        self._unread -= len(chunk)
        return chunk

    def when_ended(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        if self._ended:
            on_end()

    def end(self) -> None:
        self._take(b"")

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            self._loop = loop
            loop.add_reader(self._descriptor, self._read_now)

    def _pause(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop = None

    def _read_now(self) -> None:
        """Something has come, so that this does not block."""
        try:
            chunk = os.read(self._descriptor, READ_BYTES)
        except OSError:
            chunk = b""
        self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        if self._ended:
            return
        if chunk:
            self._chunks.append(chunk)
            self._unread += len(chunk)
        else:
            self._ended = True
        if self._ended or self._unread >= MAX_UNREAD_BYTES:
            self._pause()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._ended and self._on_end is not None:
            self._on_end()


class ThreadReader:
    """Reads from the moment it is made, before there is a loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._state = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._ended = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
        self._on_end: Callable[[], None] | None = None
        threading.Thread(target=self._run, name="wire-reader", daemon=True).start()

    async def read(self) -> bytes:
        import asyncio

        while True:
            with self._state:
                if self._chunks:
                    chunk = self._chunks.popleft()
                    self._unread -= len(chunk)
                    self._state.notify()
                    return chunk
                if self._ended:
                    return b""
                loop = asyncio.get_running_loop()
                waiter = loop.create_future()
                self._waiter = (loop, waiter)
            await waiter

    def when_ended(self, on_end: Callable[[], None]) -> None:
        with self._state:
            ended, self._on_end = self._ended, on_end
        if ended:
            on_end()

    def end(self) -> None:
        self._take(b"")

    def _run(self) -> None:
        while True:
            try:
                chunk = os.read(self._descriptor, READ_BYTES)
            except OSError:
                chunk = b""
            self._take(chunk)
            if not chunk:
                return
            with self._state:
                self._state.wait_for(lambda: self._unread < MAX_UNREAD_BYTES)

    def _take(self, chunk: bytes) -> None:
        with self._state:
            if self._ended:
                return
            if chunk:
                self._chunks.append(chunk)
                self._unread += len(chunk)
            else:
                self._ended = True
            waiting, self._waiter = self._waiter, None
            on_end = self._on_end
        if waiting is not None:
            wake(*waiting, None)
        if not chunk and on_end is not None:
            on_end()


def wake(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], problem: BaseException | None
) -> None:
    """Settle a future of a loop's from a thread; nothing where the loop was closed while the thread was blocked."""

    def settle() -> None:
        if future.done():
            return
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(problem)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return
