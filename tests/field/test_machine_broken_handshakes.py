"""Connections that end while they are being encrypted: nothing of a request has left, whatever way it was to go."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.field.hostile import head, raw, serving
from tests.field.lab import LAB_USD, ask, own_models, refused, sidecar
from tests.field.proxy import proxying
from tests.field.test_servers_heads import BODY

# What is said to the hello of TLS before the connection is closed: nothing, two alerts, and a polite end.
ALERT = b"\x15\x03\x01\x00\x02"
SAID = {
    "nothing": b"",
    "an internal error": ALERT + b"\x02\x50",
    "an unknown name": ALERT + b"\x02\x70",
    "a close": ALERT + b"\x01\x00",
}


class Ending:
    """Ends every connection once TLS has begun, `harshly` by a reset."""

    def __init__(self, said: bytes, *, harshly: bool) -> None:
        self.met = 0
        self._said = said
        self._harshly = harshly

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(100)
            writer.write(self._said)
            await writer.drain()
        if self._harshly:
            met = writer.get_extra_info("socket")
            met.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()


@asynccontextmanager
async def ending(said: bytes, *, harshly: bool = False) -> AsyncIterator[tuple[Ending, int]]:
    server = Ending(said, harshly=harshly)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield server, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


@pytest.mark.parametrize("way", ["", "http", "socks5"])
async def test_a_connection_that_is_reset_before_it_is_encrypted_has_charged_nothing(
    way: str, tmp_path: Path
) -> None:
    async with ending(b"", harshly=True) as (server, port), proxying(port) as proxy:
        address = "https://lab.example" if way else f"https://127.0.0.1:{port}"
        set_ = {"HTTPS_PROXY": f"{way}://127.0.0.1:{proxy.port}"} if way else {}
        async with sidecar(tmp_path, models=own_models(address), environment=set_) as process:
            error = await refused(process)
    assert "Could not connect to the lab API" in error.message
    assert "ends the connection before it is encrypted" in error.message
    assert "charged" not in error.message
    assert "costAtMostUSD" not in error.data
    assert server.met > 1, "what certainly did not leave is tried again"


@pytest.mark.parametrize("way", ["", "socks5"])
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
async def test_an_alert_of_tls_is_not_told_as_a_server_that_is_not_there(
    said: bytes, way: str, tmp_path: Path
) -> None:
    async with ending(said) as (_, port), proxying(port) as proxy:
        address = "https://lab.example" if way else f"https://127.0.0.1:{port}"
        set_ = {"HTTPS_PROXY": f"{way}://127.0.0.1:{proxy.port}"} if way else {}
        async with sidecar(tmp_path, models=own_models(address), environment=set_) as process:
            error = await refused(process)
    assert "ends the connection before it is encrypted" in error.message
    assert "Nothing answers" not in error.message
    assert "costAtMostUSD" not in error.data


async def test_a_request_that_left_by_a_socks_proxy_may_have_been_charged(tmp_path: Path) -> None:
    async with serving(raw()) as server, proxying(server.port) as proxy:
        set_ = {"HTTP_PROXY": f"socks5://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models("http://lab.example"), environment=set_) as process:
            error = await refused(process)
        assert len(server.asked) == 1
    assert "It may have charged for the request" in error.message


async def test_an_answer_behind_a_socks_proxy_is_read_as_sloppily_as_any(tmp_path: Path) -> None:
    short = raw(head(200, {"content-length": str(len(BODY.decode()))}) + BODY)
    async with serving(short) as server, proxying(server.port) as proxy:
        set_ = {"HTTP_PROXY": f"socks5://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models("http://lab.example"), environment=set_) as process:
            answer = await ask(process)
        assert proxy.seen
    assert answer["content"] == "Grüße"
    assert answer["costUSD"] == pytest.approx(LAB_USD)
