"""Who takes a connection and then says nothing: a server that never begins with TLS, and proxies of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.lab import own_models, refused, sidecar

# More than it may take, on a machine that does other things too; it was 33 seconds, and minutes behind a proxy.
SOON_SECONDS = 25


class Silent:
    """Takes connections; lets through what a proxy is asked for, if it is one that does."""

    def __init__(self, lets_through: bool) -> None:
        self._lets_through = lets_through
        self.met = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        if self._lets_through:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while await reader.read(65_536):
            pass
        writer.close()


@asynccontextmanager
async def silence(*, lets_through: bool = False) -> AsyncIterator[tuple[Silent, int]]:
    silent = Silent(lets_through)
    listening = await asyncio.start_server(silent.serve, "127.0.0.1", 0)
    try:
        yield silent, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


@field("machine", "a server takes the connection and never answers the TLS handshake")
async def test_a_server_that_never_begins_with_tls_is_told_soon(tmp_path: Path) -> None:
    async with silence() as (silent, port):
        models = own_models(f"https://127.0.0.1:{port}")
        async with sidecar(tmp_path, models=models) as process, asyncio.timeout(SOON_SECONDS):
            error = await refused(process)
    assert f"127.0.0.1:{port} was silent" in error.message
    assert "charged" not in error.message
    assert 1 < silent.met < 4


@field("machine", "a proxy takes the connection and says nothing")
@pytest.mark.parametrize(
    ("scheme", "lets_through"), [("http", False), ("http", True), ("https", False), ("socks5", False)]
)
async def test_a_silent_proxy_is_named_soon(scheme: str, lets_through: bool, tmp_path: Path) -> None:
    async with silence(lets_through=lets_through) as (_, port):
        proxy = {"HTTPS_PROXY": f"{scheme}://127.0.0.1:{port}"}
        models = own_models("https://ai.example")
        async with (
            sidecar(tmp_path, models=models, environment=proxy) as process,
            asyncio.timeout(SOON_SECONDS),
        ):
            error = await refused(process)
    assert f"The proxy 127.0.0.1:{port}, which HTTPS_PROXY names," in error.message
    assert "Nothing was sent" in error.message
    assert "[key hidden]" not in error.message
