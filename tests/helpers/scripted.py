"""A network that answers from a script: refusals, half a stream, a connection that breaks, one that never speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from sidecar.providers.kernel.http import HttpClient

Chunk = bytes | Exception | asyncio.Event


@dataclass(frozen=True)
class Reply:
    """One answer. A chunk that is an exception breaks the connection there; an event is waited for."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Sequence[Chunk] = ()


Step = Reply | Exception | asyncio.Event


@dataclass(frozen=True)
class Asked:
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


class _Body(httpx.AsyncByteStream):
    def __init__(self, transport: ScriptedTransport, chunks: Sequence[Chunk]) -> None:
        self._transport = transport
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            if isinstance(chunk, asyncio.Event):
                self._transport.waiting.set()
                await chunk.wait()
            else:
                yield chunk

    async def aclose(self) -> None:
        self._transport.closed += 1


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Gives the steps of its script one after the other, and writes down what was asked.

    A step that is an event is waited for, and the step behind it is the answer. `closed` counts the answers
    that were closed; `waiting` is set while one waits for an event.
    """

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self.asked: list[Asked] = []
        self.closed = 0
        self.waiting = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        self.asked.append(
            Asked(
                request.method,
                str(request.url),
                dict(request.headers),
                _read(request, content),
            )
        )
        step = self._script.pop(0)
        while isinstance(step, asyncio.Event):
            self.waiting.set()
            await step.wait()
            step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return httpx.Response(
            step.status, headers=dict(step.headers), stream=_Body(self, step.chunks), request=request
        )


def _read(request: httpx.Request, content: bytes) -> Any:
    """JSON as its value, another body as its bytes, none as None."""
    is_json = request.headers.get("content-type", "") == "application/json"
    return (json.loads(content) if is_json else content) or None


class Waits:
    """Stands in for `asyncio.sleep`: takes no time and remembers the seconds that were asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def scripted_edge(
    *script: Step, chance: float = 0.0, retries: int = 4, now_ms: int = 0
) -> tuple[HttpClient, ScriptedTransport, Waits]:
    """An HttpClient on a script, with waits that are recorded and not waited."""
    transport, waits = ScriptedTransport(*script), Waits()
    edge = HttpClient(
        lambda: transport, now_ms=lambda: now_ms, sleep=waits, chance=lambda: chance, retries=retries
    )
    return edge, transport, waits


def event_stream(*values: Any, done: bool = True) -> bytes:
    """Values as the data of an event stream."""
    events = [f"data: {json.dumps(value)}\n\n" for value in values]
    return "".join([*events, "data: [DONE]\n\n" if done else ""]).encode()
