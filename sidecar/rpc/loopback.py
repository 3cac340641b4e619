"""The client's end of a pipe whose other end is served inside this process."""

from __future__ import annotations

import contextlib
import os

from sidecar.rpc.framing import FrameReader, encode
from sidecar.rpc.stdio import ClientGone, WireStreams


class LoopbackClient:
    """`streams` are for the server. To be closed when the server has ended."""

    def __init__(self, max_bytes: int) -> None:
        server_in, self._out = os.pipe()
        self._in, server_out = os.pipe()
        self._server = (server_in, server_out)
        self.streams = WireStreams(server_in, server_out)
        self._wire = WireStreams(self._in, self._out)
        self._frames = FrameReader(max_bytes)
        self._came: list[bytes] = []
        self._ended = False

    async def send(self, body: bytes) -> None:
        """One message, as a line. Where nobody serves any more it is lost, as in any pipe."""
        with contextlib.suppress(ClientGone):
            await self._wire.writer.write(encode(body, "newline"))

    async def receive(self) -> bytes | None:
        """The next message, or None after the last."""
        while not self._came and not self._ended:
            chunk = await self._wire.reader.read()
            self._ended = not chunk
            frames = self._frames.feed(chunk) if chunk else self._frames.finish()
            self._came += [frame for frame in frames if isinstance(frame, bytes)]
        return self._came.pop(0) if self._came else None

    def close_input(self) -> None:
        """Tells the server that nothing more comes."""
        if self._out >= 0:
            os.close(self._out)
            self._out = -1

    def server_ended(self) -> None:
        """What the server has written is all there is."""
        if self._server[1] >= 0:
            os.close(self._server[1])
            self._server = (self._server[0], -1)

    async def aclose(self) -> None:
        self.close_input()
        self.server_ended()
        # A descriptor that a thread still reads from must not be given to somebody else.
        for reader in (self.streams.reader, self._wire.reader):
            while await reader.read():
                pass
        for descriptor in (self._server[0], self._in):
            with contextlib.suppress(OSError):
                os.close(descriptor)
