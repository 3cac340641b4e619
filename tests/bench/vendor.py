"""A vendor faster than every client: canned answers in OpenAI's two protocols, for the benchmark alone.

The path says how it answers: `/20-50-5/v1/…` is twenty pieces after 50 ms, 5 ms apart. Paced pieces hold the moment
at which they left, in nanoseconds of the machine's monotonic clock, which any process here can read.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from functools import cache

_PATH = re.compile(rb"^POST /(\d+)-(\d+)-(\d+)/v1/(chat/completions|responses)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"x-request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n"
)
_WORDS = "and so the answer goes on "


def _event(data: object, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    text = data if isinstance(data, str) else json.dumps(data)
    body = f"{head}data: {text}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(body), body)


def _chat(model: str, texts: Iterator[str]) -> Iterator[tuple[bytes, bool]]:
    """Yield what is sent, and whether it is a piece of the text."""

    def chunk(delta: object, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        shape = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
        return _event({**shape, "choices": [choice], "usage": None})

    yield chunk({"role": "assistant", "content": ""}), False
    count = 0
    for text in texts:
        count += 1
        yield chunk({"content": text}), True
    yield chunk({}, "stop"), False
    usage = {"prompt_tokens": 12, "completion_tokens": 6 * count, "total_tokens": 12 + 6 * count}
    shape = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    yield _event({**shape, "choices": [], "usage": usage}), False
    yield _event("[DONE]"), False


def _responses(model: str, texts: Iterator[str]) -> Iterator[tuple[bytes, bool]]:
    def of(kind: str, **members: object) -> bytes:
        return _event({"type": kind, "sequence_number": 1, **members}, kind)

    shape = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": model,
        "output": [],
        "usage": None,
    }
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    yield of("response.created", response={**shape, "status": "in_progress"}), False
    said = []
    for text in texts:
        said.append(text)
        yield of("response.output_text.delta", delta=text, logprobs=[], **where), True
    part = {"type": "output_text", "text": "".join(said), "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 6 * len(said),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 12 + 6 * len(said),
    }
    yield (
        of("response.completed", response={**shape, "status": "completed", "output": [item], "usage": usage}),
        False,
    )


@cache
def _canned(kind: bytes, model: str, pieces: int) -> tuple[bytes, ...]:
    write = _chat if kind.startswith(b"chat") else _responses
    return tuple(part for part, _ in write(model, iter([_WORDS] * pieces)))


class Vendor(asyncio.Protocol):
    """One connection, kept open over any number of requests."""

    def __init__(self) -> None:
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._out = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._seen = body[int(length[1]) :]
        asked = _PATH.match(head)
        if asked is None:
            self._out.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}")
            return
        pieces, latency, pace = (int(asked[n]) for n in (1, 2, 3))
        model = json.loads(body[: int(length[1])]).get("model", "")
        if not latency and not pace:
            self._out.write(_HEAD)
            for part in _canned(asked[4], model, pieces):
                self._out.write(part)
            self._out.write(b"0\r\n\r\n")
            return
        write = _chat if asked[4].startswith(b"chat") else _responses
        answering = self._slowly(write(model, self._stamped(pieces, pace)), latency, pace)
        self._answering = asyncio.create_task(answering)

    def _stamped(self, pieces: int, pace: int) -> Iterator[str]:
        for _ in range(pieces):
            yield f"{time.perf_counter_ns()} " if pace else _WORDS

    async def _slowly(self, parts: Iterator[tuple[bytes, bool]], latency: int, pace: int) -> None:
        await asyncio.sleep(latency / 1000)
        self._out.write(_HEAD)
        due = time.perf_counter()
        for part, is_piece in parts:
            self._out.write(part)
            if is_piece and pace:
                due += pace / 1000
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self._out.write(b"0\r\n\r\n")


async def serve() -> None:
    """Print the port, then serve until the end of the input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Vendor, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
