"""A small proxy that leads every address to one port of this machine: HTTP with and without tunnels, and SOCKS5."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PAGE = b"<html><title>ERROR: The requested URL could not be retrieved</title></html>"


class Proxy:
    """`seen` holds the first line of what was asked of it, and the headers of it in lower case.

    With another `status` than 200 it refuses, with a page of its own; with 0 it closes the connection.
    """

    def __init__(self, target: int, *, status: int = 200) -> None:
        self.target = target
        self.status = status
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            if first == b"\x05":
                await self._socks(reader, writer)
            else:
                await self._http(first, reader, writer)
        with suppress(ConnectionError):
            writer.close()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        top = first + await reader.readuntil(b"\r\n\r\n")
        line, *rest = top.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.seen.append(line)
        self.headers.append(
            {name.lower(): text.strip() for name, _, text in (each.partition(":") for each in rest)}
        )
        if self.status == 0:
            return
        if self.status != 200:
            head = (
                f"HTTP/1.1 {self.status} No\r\ncontent-type: text/html\r\ncontent-length: {len(PAGE)}\r\n\r\n"
            )
            writer.write(head.encode() + PAGE)
            await writer.drain()
            return
        if line.startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._hand_on(b"", reader, writer)
            return
        method, url, version = line.split(" ")
        path = "/" + url.split("/", 3)[3]
        await self._hand_on(
            top.replace(line.encode(), f"{method} {path} {version}".encode(), 1), reader, writer
        )

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        host = await reader.readexactly({1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0])
        await reader.readexactly(2)
        self.seen.append(f"SOCKS {host.decode('latin-1')}")
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await self._hand_on(b"", reader, writer)

    async def _hand_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        back.write(head)
        pumps = [asyncio.create_task(_pump(reader, back)), asyncio.create_task(_pump(there, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        back.close()


@asynccontextmanager
async def proxying(
    target: int, *, status: int = 200, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Proxy]:
    """Run a proxy for the time of a block."""
    proxy = Proxy(target, status=status)
    listening = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, ssl=tls)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
