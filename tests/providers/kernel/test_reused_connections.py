"""A connection that is used again and dies at that moment: asked again where nothing can have been run, else said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import httpx
import pytest
from aiohttp.http_writer import StreamWriter

from sidecar.errors import Failure
from sidecar.providers.kernel.broken import never_left
from sidecar.providers.kernel.http import HttpClient, network
from sidecar.providers.kernel.outcome import OutcomeUnknown

GOOD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Answers one request of each connection, and closes it without a word at the second one."""

    def __init__(self) -> None:
        self.asked = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for answer in (GOOD, b""):
            top = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2 if top.startswith(b"POST") else 0)
            self.asked += 1
            writer.write(answer)
        writer.close()


@asynccontextmanager
async def edge() -> AsyncIterator[tuple[HttpClient, Server, str]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    client = HttpClient(lambda: network({}), sleep=at_once)
    try:
        yield client, server, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        await client.aclose()
        listening.close()


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    return Failure("provider_rejected", "Refused.")


async def test_a_get_on_a_connection_that_dies_is_asked_again() -> None:
    async with edge() as (client, server, url):
        for _ in range(2):
            assert await client.json("GET", url, {}, read_refusal=refusal, peer="Lab") == {}
    assert (server.asked, server.connections) == (3, 2)


async def test_a_post_that_was_written_before_its_connection_died_is_not_asked_again() -> None:
    async with edge() as (client, server, url):
        assert await client.json("POST", url, {}, {}, read_refusal=refusal, peer="Lab") == {}
        with pytest.raises(OutcomeUnknown, match="may have charged"):
            await client.json("POST", url, {}, {}, read_refusal=refusal, peer="Lab")
    assert (server.asked, server.connections) == (2, 1)


class _Closed:
    """The protocol of a connection that is gone, as aiohttp's writer sees it."""

    transport = None


@pytest.mark.parametrize(("written", "certain"), [(False, True), (True, False)])
async def test_a_request_that_met_a_closed_connection_never_left(written: bool, certain: bool) -> None:
    met: Exception = aiohttp.ClientConnectionResetError("Connection lost")
    if not written:
        writer = StreamWriter(_Closed(), asyncio.get_running_loop())  # type: ignore[arg-type]
        with pytest.raises(aiohttp.ClientConnectionResetError) as caught:
            await writer.write(b"{}")
        met = caught.value
    cause = aiohttp.ClientOSError(None, "Can not write request body")
    cause.__cause__ = met
    error = httpx.ReadError("broken")
    error.__cause__ = cause
    assert never_left(error) is certain
