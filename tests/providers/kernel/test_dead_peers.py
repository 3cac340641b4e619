"""Connections whose other side is gone without a word."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from typing import Any, cast

import httpx

from sidecar.network_options import machine_options
from sidecar.providers.kernel.dead_peers import UNANSWERED, watch_other_side
from sidecar.providers.kernel.network import Network
from tests.field.hostile import Answer, serving, whole


async def test_the_system_watches_every_connection_of_ours() -> None:
    gate = asyncio.Event()
    async with serving(lambda _: _held(gate)) as server:
        network = Network({}, machine_options)
        times = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
        asked = httpx.Request("GET", server.url, extensions={"timeout": times})
        response = await network.handle_async_request(asked)
        connection = cast(Any, response.stream)._response.connection
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        gate.set()
        assert await response.aread() == b"{}"
        await network.aclose()


def _held(gate: asyncio.Event) -> Answer:
    answer = whole({})
    answer.pieces.insert(1, gate)
    return answer


def test_a_system_that_has_no_such_options_is_left_alone() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as sock:
        watch_other_side(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPCNT"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == UNANSWERED

    class Refusing:
        def setsockopt(self, level: int, name: int, value: int, /) -> None:
            raise OSError(92, "Protocol not available")

    watch_other_side(Refusing())
