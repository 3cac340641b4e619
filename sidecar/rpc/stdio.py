"""The wire's own copies of standard input and output, and their writer.

Nothing here is slow to import: the streams are taken first.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import stat
import sys
import threading
from typing import TYPE_CHECKING

from sidecar.rpc.wire_reader import WireReader, reader_of, wake

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

# A large write is made in pieces, so that it can be seen whether the client still reads.
PIECE_BYTES = 64 * 1024
# Far less than the free part of a socket that is writable.
SOCKET_BYTES = 16 * 1024


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


class WireWriter:
    """Writes off the loop: a client that stops reading blocks this thread and nothing else."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._jobs: queue.SimpleQueue[tuple[bytes, asyncio.AbstractEventLoop, asyncio.Future[None]]] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._room = _room_in(descriptor)
        self.bytes_written = 0

    async def write(self, data: bytes) -> None:
        """Returns when the operating system has all of it. Raises ClientGone. One call at a time."""
        import asyncio

        if self.write_now(data):
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wire-writer", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put((data, loop, done))
        await done

    def write_now(self, data: bytes) -> bool:
        """Write all of it where that cannot block, which saves two switches between threads. Not beside a `write`."""
        if self._room is None or len(data) > self._room():
            return False
        with contextlib.suppress(ClientGone):
            self._write_all(data)
            return True
        return False

    def _run(self) -> None:
        while True:
            data, loop, done = self._jobs.get()
            problem: ClientGone | None = None
            try:
                self._write_all(data)
            except ClientGone as gone:
                problem = gone
            wake(loop, done, problem)

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


def _room_in(descriptor: int) -> Callable[[], int] | None:
    """What tells how many bytes a pipe or a socket takes for certain; None where nothing does.

    One that is writable takes PIPE_BUF bytes. On Linux it is known when the client has read all: then a whole pipe is
    free, as long as nobody else writes into it.
    """
    mode = os.fstat(descriptor).st_mode
    if not hasattr(select, "poll") or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if sys.platform != "linux":
        return lambda: select.PIPE_BUF if poll.poll(0) else 0
    import fcntl
    import termios

    pipe = stat.S_ISFIFO(mode)
    unread = termios.FIONREAD if pipe else termios.TIOCOUTQ
    whole = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) if pipe else SOCKET_BYTES

    def room() -> int:
        if not poll.poll(0):
            return 0
        waiting = int.from_bytes(fcntl.ioctl(descriptor, unread, bytes(4)), sys.byteorder)
        return select.PIPE_BUF if waiting else whole

    return room


class WireStreams:
    """Both directions of the wire. The reading has begun when this exists."""

    def __init__(self, in_descriptor: int, out_descriptor: int) -> None:
        self.reader: WireReader = reader_of(in_descriptor)
        self.writer = WireWriter(out_descriptor)

    @classmethod
    def take(cls) -> WireStreams:
        """The process's own standard streams; see take_standard_streams."""
        return cls(*take_standard_streams())
