"""An answer ends before its connection does: what has read it is closed then, not whenever it is collected."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from sidecar.providers.base import Done, PreparedCall, TextDelta
from sidecar.providers.kernel.http import HttpClient, network
from sidecar.providers.openai.provider import OpenAI

_BODY = {"model": "m", "messages": [], "max_completion_tokens": 5, "stream": True}
PLAN = PreparedCall(path="/chat/completions", headers={}, body=_BODY, max_output_tokens=5)
_PIECE = {"id": "c", "object": "chat.completion.chunk", "model": "m"}
_SAID = {**_PIECE, "choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}
_USED = {**_PIECE, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(int(length.split(b":")[1]))
    stream = b"".join(b"data: %s\n\n" % json.dumps(piece).encode() for piece in (_SAID, _USED))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + stream + b"data: [DONE]\n\n")
    # It is the client that ends the connection.
    await reader.read()
    writer.close()


@asynccontextmanager
async def _asked() -> AsyncIterator[OpenAI]:
    listening = await asyncio.start_server(_answer, "127.0.0.1", 0)
    client = HttpClient(lambda: network({}))
    try:
        yield OpenAI(client, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    finally:
        await client.aclose()
        listening.close()


@pytest.mark.parametrize("until", [TextDelta, Done])
async def test_an_answer_that_is_left_before_its_connection_ends_leaves_nothing_to_be_closed_later(
    until: type[TextDelta | Done],
) -> None:
    left: list[str] = []
    before = sys.get_asyncgen_hooks()
    async with _asked() as provider:
        sys.set_asyncgen_hooks(finalizer=lambda generator: left.append(repr(generator)))
        try:
            async with aclosing(provider.stream(PLAN, "sk-one")) as events:
                async for event in events:
                    if isinstance(event, until):
                        break
            gc.collect()
        finally:
            sys.set_asyncgen_hooks(*before)
    assert left == []
