"""Takes what a client sends, in its order and no faster than it reads, and sees its `exit` before its turn has come."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from sidecar.errors import Failure
from sidecar.rpc import codec
from sidecar.rpc.dispatch import RETRY_AFTER_MS, Dispatcher
from sidecar.rpc.envelope import refusal
from sidecar.rpc.framing import Frame, FrameReader
from sidecar.rpc.large_messages import loads_in_turns
from sidecar.rpc.large_requests import TOO_MUCH_AT_ONCE, LargeRequests
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.wire_reader import WireReader

log = logging.getLogger("sidecar.rpc")

# After so many frames the handlers get a turn, so that limits see what the frames before have done, and the client
# reads the first answers while the others are made.
FRAMES_A_TURN = 32
# A larger frame is read in pieces, with turns for everybody else.
LARGE_BYTES = 128 * 1024
# How much is read of what must wait because the client does not read: an `exit` in it is to end the process.
LOOK_AHEAD_BYTES = 1024 * 1024
# How long a client that wants the end may read nothing before what stands before its `exit` is given up.
STUCK_SECONDS = 1.0
# Whoever says goodbye says nothing else.
_LONGEST_EXIT = 1024


class Intake:
    """Reads frames and hands them to the dispatcher until the end of the stream, or until `stop` is set, which it does
    when it ends. `arrived` sees each frame as it is taken, and None at the end of the input.

    `on_exit_seen` is called when the client wants the end, be it that other frames come first.
    """

    def __init__(
        self,
        reader: WireReader,
        dispatcher: Dispatcher,
        outbox: Outbox,
        max_bytes: int,
        stop: asyncio.Event,
        *,
        arrived: Callable[[Frame | None], None],
        on_exit_seen: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._max_bytes = max_bytes
        self._stop = stop
        self._arrived = arrived
        self._on_exit_seen = on_exit_seen
        self._cutter = FrameReader(max_bytes)
        self._frames: deque[Frame] = deque()
        self._large = LargeRequests()
        self._ahead_bytes = 0
        self._ended = False
        self._leaving = False
        self._aside: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Raise nothing: what goes wrong is logged, and ends the serving."""
        taken = 0
        try:
            while await self._has_frame():
                await self._room()
                if self._stop.is_set():
                    return
                await self._take(self._frames.popleft())
                taken += 1
                if taken % FRAMES_A_TURN == 0:
                    await asyncio.sleep(0)
            if not self._stop.is_set():
                self._arrived(None)
                if self._aside:
                    await asyncio.wait(self._aside)
        except Exception:
            log.exception("reading has failed")
        finally:
            for task in self._aside:
                task.cancel()
            self._stop.set()

    async def _has_frame(self) -> bool:
        """Whether there is one to take; wait for it. False at the end."""
        while not self._frames and not self._stop.is_set():
            if self._ended:
                return False
            self._ahead_bytes = 0
            self._feed(await self._reader.read())
        return not self._stop.is_set()

    def _feed(self, chunk: bytes) -> None:
        """Cut frames out of what has come; nothing is the end."""
        self._ended = not chunk
        self._frames += self._cutter.feed(chunk) if chunk else self._cutter.finish()
        if self._outbox.framing is None:
            self._outbox.framing = self._cutter.framing

    async def _room(self) -> None:
        """Wait while the client does not read, and look meanwhile whether it wants the end.

        Who wants that, and reads nothing for a while, gets it.
        """
        while self._outbox.full and self._outbox.framing is not None and not self._stop.is_set():
            self._leaving = self._leaving or any(map(_is_exit, self._frames))
            if self._leaving:
                self._on_exit_seen()
            room = asyncio.ensure_future(self._outbox.room())
            reading = None
            if not (self._leaving or self._ended or self._ahead_bytes >= LOOK_AHEAD_BYTES):
                reading = asyncio.ensure_future(self._reader.read())
            waiting = {room} if reading is None else {room, reading}
            try:
                done, _ = await asyncio.wait(
                    waiting,
                    timeout=STUCK_SECONDS if self._leaving else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if reading is not None and reading in done:
                    self._ahead_bytes += len(reading.result())
                    self._feed(reading.result())
            finally:
                # What a reading that is broken off would have given is still there for the next one.
                for each in waiting:
                    each.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            if not done:
                log.warning(
                    "the client wants the end and does not read; what it asked for before is given up"
                )
                self._stop.set()

    async def _take(self, frame: Frame) -> None:
        self._arrived(frame)
        if not isinstance(frame, bytes):
            log.warning("bytes were passed over: %s", type(frame).__name__)
            self._dispatcher.refuse(*refusal(frame, self._max_bytes))
        elif len(frame) > LARGE_BYTES:
            await self._take_large(frame)
        else:
            await self._accept(frame)

    async def _take_large(self, frame: bytes) -> None:
        if not await self._large.take(len(frame)):
            refused = Failure("overloaded", TOO_MUCH_AT_ONCE, retry_after_ms=RETRY_AFTER_MS)
            self._dispatcher.refuse(refused, codec.recover_id(frame[:4096], frame[-256:]))
        elif self._dispatcher.is_aside(codec.method_of(frame[:4096])):
            task = asyncio.create_task(self._accept_large(frame))
            self._aside.add(task)
            task.add_done_callback(self._aside.discard)
        else:
            await self._accept_large(frame)

    async def _accept(self, frame: bytes) -> None:
        try:
            message = codec.loads(frame)
            if not self._dispatcher.accepted_at_once(message):
                await self._dispatcher.accept(message)
        except codec.BadJson as problem:
            self._cannot_read(frame, problem)

    async def _accept_large(self, frame: bytes) -> None:
        over = partial(self._large.give_back, len(frame))
        try:
            request_id = codec.recover_id(frame[:4096], frame[-256:])
            await self._dispatcher.accept_later(request_id, loads_in_turns(frame), over)
        except codec.BadJson as problem:
            over()
            self._cannot_read(frame, problem)

    def _cannot_read(self, frame: bytes, problem: codec.BadJson) -> None:
        log.warning("a frame of %d bytes cannot be read: %s", len(frame), problem)
        self._dispatcher.refuse(*refusal(problem, self._max_bytes))


def _is_exit(frame: Frame) -> bool:
    return isinstance(frame, bytes) and len(frame) < _LONGEST_EXIT and codec.method_of(frame) == "exit"
