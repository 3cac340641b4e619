"""aiohttp's side of a connection, behind which heads of answers are mended before the library reads them."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientConnectionError
from aiohttp.client_proto import ResponseHandler

from sidecar.providers.kernel.chunk_sizes import ChunkSizes
from sidecar.providers.kernel.dead_peers import watch_other_side
from sidecar.providers.kernel.heads import (
    MOST_BYTES,
    announces_body,
    comes_in_chunks,
    end_of_head,
    is_interim,
    length_of,
    may_be_http,
    mended,
    with_length,
)


class TunnelClosed(ClientConnectionError):
    """A proxy closed the connection that was to become a tunnel: nothing of the request had left."""


class LenientHandler(ResponseHandler):
    """Holds back what arrives until a head is whole, and cuts off what stands behind the body that it tells of.

    A server that counts letters instead of bytes tells too small a length: what arrives at once with the head is
    counted here instead. Of a way with a `tunnel_by`, which names the proxy's host, what speaks no TLS, or TLS with
    that host, is the connection that is to become a tunnel. `stands_for` is another that it took the place of.
    """

    stands_for: ResponseHandler | None = None
    _held: bytearray | None = None
    _left: int | None = None
    _sizes: ChunkSizes | None = None
    _heard_at = 0.0
    _timed_for: float | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop, *, tunnel_by: str | None = None) -> None:
        super().__init__(loop)
        self._tunnel_by = tunnel_by
        self._tunnels = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know whether this is the tunnel itself, and have the other side watched."""
        tls = transport.get_extra_info("ssl_object")
        self._tunnels = self._tunnel_by is not None and (
            tls is None or tls.server_hostname == self._tunnel_by
        )
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            watch_other_side(sock)

    def set_response_params(self, **params: Any) -> None:
        """Expect the next answer's head."""
        self._held = bytearray()
        self._left = self._sizes = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what the connection brings, cut anywhere."""
        if self._parser is None or not data:
            super().data_received(data)
        elif self._held is None:
            self._body(data)
        else:
            self._reschedule_timeout()
            self._held += data
            self._head()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on where reading was paused. The library asks for it with each piece that is taken of an answer."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _reschedule_timeout(self) -> None:
        """Begin the wait for the next bytes. The library makes a timer for each piece; here one goes on."""
        self._heard_at = self._loop.time()
        if self._read_timeout_handle is None or self._timed_for != self._read_timeout:
            self._timed_for = self._read_timeout
            super()._reschedule_timeout()

    def _on_read_timeout(self) -> None:
        """Give up what has been silent for long enough by now; what was not is waited for anew."""
        left = self._heard_at + (self._read_timeout or 0.0) - self._loop.time()
        if left > 0:
            self._read_timeout_handle = self._loop.call_later(left, self._on_read_timeout)
        else:
            self._read_timeout_handle = None
            super()._on_read_timeout()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Hand on what was held back of a head that never ended."""
        held, self._held = self._held, None
        if held and self._parser is not None:
            super().data_received(mended(bytes(held)))
        if self._sizes is not None and self._parser is not None and (rest := self._sizes.finish()):
            super().data_received(rest)
        super().connection_lost(TunnelClosed() if self._tunnels else exc)

    def _head(self) -> None:
        while self._held is not None:
            end = end_of_head(self._held)
            if end is None:
                if may_be_http(self._held) and len(self._held) < MOST_BYTES:
                    return
                end = len(self._held)
            head, rest = mended(bytes(self._held[:end])), bytes(self._held[end:])
            if not rest and announces_body(head):
                # It is waited for: whether its length is right is seen with its beginning.
                return
            if is_interim(head):
                self._held = bytearray(rest)
                super().data_received(head)
                if not rest:
                    return
                continue
            self._held = None
            self._left = length_of(head)
            self._sizes = ChunkSizes() if comes_in_chunks(head) else None
            if rest and self._left is not None and len(rest) > self._left:
                self._left = len(rest)
                head = with_length(head, self._left)
            super().data_received(head)
            if rest:
                self._body(rest)

    def _body(self, data: bytes) -> None:
        if self._sizes is not None:
            data = self._sizes.feed(data)
            if self._sizes.usual:
                self._sizes = None
            elif self._sizes.usual is False:
                # Nobody knows what else such a server does with its connection.
                self.force_close()
        if self._left is None:
            if data:
                super().data_received(data)
            return
        if len(data) > self._left:
            # The library would take it for the next answer, and this one for none.
            self.force_close()
            data = data[: self._left]
        self._left -= len(data)
        if data:
            super().data_received(data)
