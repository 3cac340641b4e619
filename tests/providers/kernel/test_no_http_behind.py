"""A body that is no HTTP any more: aiohttp closes its connection and tells no reader."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.http import HttpClient, network

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DEADLINE_SECONDS = 60.0


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    return Failure("provider_rejected", "Refused.")


@pytest.mark.parametrize("behind", [b"zzzz\r\nrest", b"-5\r\nabc", b"5\r\nhelloXX\r\n"])
async def test_an_answer_that_stops_being_http_gives_what_came_and_is_told_as_broken(behind: bytes) -> None:
    read = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"5\r\nfirst\r\n")
        await read.wait()
        writer.write(behind)
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    client = HttpClient(lambda: network({}))
    came: list[bytes] = []

    async def read_all() -> None:
        async with client.stream("GET", url, {}, read_refusal=refusal, peer="Lab") as response:
            async for piece in response.chunks:
                came.append(piece)
                read.set()

    try:
        with pytest.raises(Failure, match="broke the connection"):
            await asyncio.wait_for(read_all(), DEADLINE_SECONDS)
    finally:
        await client.aclose()
        listening.close()
    assert came[0] == b"first"
