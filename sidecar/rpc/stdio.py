"""The wire's own copies of standard input and output, read and written by two threads.

Only threads can read a pipe on every system. Nothing here is slow to import: the streams are taken first.
"""

from __future__ import annotations

import os
import queue
import select
import stat
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

READ_BYTES = 256 * 1024
MAX_UNREAD_BYTES = 1024 * 1024
# A large write is made in pieces, so that it can be seen whether the client still reads.
PIECE_BYTES = 64 * 1024


class ClientGone(Exception):
    """Nobody reads what is written any more."""


def take_standard_streams() -> tuple[int, int]:
    """Private duplicates of descriptors 0 and 1, for the wire alone.

    Afterwards 1 points at stderr and 0 at the null device, for us and for every child process: no print, no
    C library and no child can touch the wire.
    """
    wire_in, wire_out = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(wire_in, os.O_BINARY)
        msvcrt.setmode(wire_out, os.O_BINARY)
    else:
        for descriptor in (wire_in, wire_out):
            os.set_blocking(descriptor, True)
    # It was made for a pipe and would hold back what is printed; stderr is read line by line.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    return wire_in, wire_out


class WireReader:
    """Reads from the moment it is made, before there is a loop, and never more than about 1 MiB ahead."""

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
        """The next bytes, or b"" at the end of the stream. Not reading is what slows the client down."""
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
        """Calls it at the end of the stream, in the thread that sees it: at once where that has come."""
        with self._state:
            ended, self._on_end = self._ended, on_end
        if ended:
            on_end()

    def end(self) -> None:
        """Nothing that comes from now on is read: whoever wrote it is gone, even where the pipe is still open."""
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
            _wake(*waiting, None)
        if not chunk and on_end is not None:
            on_end()


class WireWriter:
    """Writes off the loop: a client that stops reading blocks this thread and nothing else."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._jobs: queue.SimpleQueue[tuple[bytes, asyncio.AbstractEventLoop, asyncio.Future[None]]] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._poll: Any = None
        mode = os.fstat(descriptor).st_mode
        if hasattr(select, "poll") and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)
        self.bytes_written = 0

    async def write(self, data: bytes) -> None:
        """Returns when the operating system has all of it. Raises ClientGone. One call at a time."""
        import asyncio

        if self._fits_now(len(data)):
            self._write_all(data)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wire-writer", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put((data, loop, done))
        await done

    def _fits_now(self, size: int) -> bool:
        """Whether a write cannot block: a writable pipe takes PIPE_BUF bytes. Saves two thread switches."""
        return self._poll is not None and size <= select.PIPE_BUF and bool(self._poll.poll(0))

    def _run(self) -> None:
        while True:
            data, loop, done = self._jobs.get()
            problem: ClientGone | None = None
            try:
                self._write_all(data)
            except ClientGone as gone:
                problem = gone
            _wake(loop, done, problem)

    def _write_all(self, data: bytes) -> None:
        try:
            with memoryview(data) as view:
                position = 0
                while position < len(view):
                    written = os.write(self._descriptor, view[position : position + PIECE_BYTES])
                    position += written
                    self.bytes_written += written
        except OSError as problem:
            raise ClientGone(str(problem)) from None


class WireStreams:
    """Both directions of the wire. The reading has begun when this exists."""

    def __init__(self, in_descriptor: int, out_descriptor: int) -> None:
        self.reader = WireReader(in_descriptor)
        self.writer = WireWriter(out_descriptor)

    @classmethod
    def take(cls) -> WireStreams:
        """The process's own standard streams; see take_standard_streams."""
        return cls(*take_standard_streams())


def _wake(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], problem: BaseException | None
) -> None:
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
        # The loop was closed while the descriptor was blocked: nobody waits for this any more.
        return
