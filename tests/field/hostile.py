"""A small server that says, byte for byte, what servers in the field were seen to say."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. Names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What is written back, piece by piece: bytes, or an event that is waited for.

    After the last piece the connection is closed, unless `keep_open`: then it stays open and silent until the client
    goes or the server ends.
    """

    pieces: list[bytes | asyncio.Event] = field(default_factory=list)
    keep_open: bool = False


Script = Callable[[Asked], Answer | Awaitable[Answer]]


def raw(*pieces: bytes | asyncio.Event, keep_open: bool = False) -> Answer:
    """Bytes as they are, the status line included."""
    return Answer(list(pieces), keep_open)


def head(
    status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = "application/json"
) -> bytes:
    """A status line with headers; the end of the connection is the end of the body."""
    given = {"content-type": content_type, "connection": "close", **(headers or {})}
    lines = [
        f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}",
        *(f"{name}: {value}" for name, value in given.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def whole(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON body, or text or bytes as they are."""
    if isinstance(body, bytes):
        return raw(head(status, headers, "text/html"), body)
    if isinstance(body, str):
        return raw(head(status, headers, "text/html; charset=utf-8"), body.encode())
    return raw(head(status, headers), json.dumps(body).encode())


def stream(*events: Any, headers: Mapping[str, str] | None = None, keep_open: bool = False) -> Answer:
    """Server-sent events. A mapping is an event's JSON, text is its data as it is, bytes are written as they are."""
    pieces: list[bytes | asyncio.Event] = [head(200, headers, "text/event-stream")]
    return Answer(
        [*pieces, *(each if isinstance(each, asyncio.Event) else event(each) for each in events)], keep_open
    )


def event(data: Any) -> bytes:
    """One event: a mapping with a `type` is named after it, as Anthropic and the Responses API do."""
    if isinstance(data, bytes):
        return data
    name = f"event: {data['type']}\n" if isinstance(data, dict) and isinstance(data.get("type"), str) else ""
    return f"{name}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


class HostileServer:
    """Answers the n-th request by the n-th script, and every later one by the last. `asked` holds what came."""

    def __init__(self, *scripts: Script | Answer) -> None:
        self._scripts = scripts
        self.asked: list[Asked] = []
        self.arrived = asyncio.Condition()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def requests(self, number: int, seconds: float = 20.0) -> list[Asked]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(seconds), self.arrived:
            while len(self.asked) < number:
                await self.arrived.wait()
        return self.asked

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._converse(reader, writer)
        finally:
            self._tasks.discard(task)
            with suppress(ConnectionError):
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _read(reader)
        if asked is None:
            return
        async with self.arrived:
            self.asked.append(asked)
            number = len(self.asked)
            self.arrived.notify_all()
        script = self._scripts[min(number, len(self._scripts)) - 1]
        answer = script if isinstance(script, Answer) else script(asked)
        if not isinstance(answer, Answer):
            answer = await answer
        for piece in answer.pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                writer.write(piece)
                await writer.drain()
        if answer.keep_open:
            await reader.read()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def serving(
    *scripts: Script | Answer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HostileServer]:
    """Run a server for the time of a block."""
    server = HostileServer(*scripts)
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=tls, limit=2**26)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = top.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join([part async for part in _chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


def chat_chunks(
    *texts: str, usage: Mapping[str, Any] | None = None, finish: str = "stop"
) -> Iterable[dict[str, Any]]:
    """A proper streamed chat completion of a compatible server, `usage` in a last chunk of its own, and its end."""
    for text in texts:
        yield chat_chunk({"content": text})
    yield chat_chunk({}, finish)
    yield {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [],
        "usage": usage or USAGE,
    }


def chat_chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def claude_events(*texts: str, tokens_out: int = 100) -> Iterable[dict[str, Any]]:
    """A proper streamed message of Anthropic's, with 1,000 tokens in."""
    usage = {"input_tokens": 1000, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
    yield {"type": "message_start", "message": {**message, "usage": usage}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for text in texts:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn"}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": tokens_out}}
    yield {"type": "message_stop"}


USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


class Switch:
    """A script that can be changed while its server runs: many short stories with one server and one sidecar."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: tuple[Script | Answer, ...] = ()

    def say(self, *scripts: Script | Answer) -> None:
        """Answer the next requests so, the last one for ever; what was asked before is forgotten."""
        self._scripts, self.asked = scripts, []

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        script = self._scripts[min(len(self.asked), len(self._scripts)) - 1]
        answer = script if isinstance(script, Answer) else script(asked)
        assert isinstance(answer, Answer)
        return answer
