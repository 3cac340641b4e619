"""jsonrpcserver as it comes, behind a pipe."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from jsonrpcserver import Result, Success, async_dispatch, method


@method(name="chat:abort")
async def abort(conversationId: str) -> Result:  # noqa: N803 - the name is the wire's
    return Success({"aborted": 0})


@method
async def initialize(**params: Any) -> Result:
    return Success({"protocolVersion": "1.0"})


@method
async def shutdown() -> Result:
    return Success(None)


async def answer(body: bytes, writer: asyncio.StreamWriter) -> None:
    reply = (await async_dispatch(body.decode())).encode()
    if reply:
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(reply), reply))


async def serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    running: set[asyncio.Task[None]] = set()
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        body = await reader.readexactly(int(head.split(b":")[1]))
        task = asyncio.create_task(answer(body, writer))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(serve())
