"""The network answered from a recording: each request by the first recorded one that is like it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from sidecar.known_secrets import HIDDEN
from sidecar.recorder.matching import Bindings
from sidecar.recorder.reading import Exchange, RecordedChunk
from sidecar.recorder.redaction import Redaction

if TYPE_CHECKING:
    import httpx


class Pacing(Protocol):
    """Says when recorded things happen again."""

    async def begins(self, exchange: Exchange) -> None:
        """Waits until the answer may begin."""

    async def comes(self, exchange: Exchange, chunk: RecordedChunk) -> None:
        """Waits until this piece may come."""

    def came(self, line: int) -> None:
        """What stands at this line has been taken."""

    async def left_open(self) -> None:
        """What happens where the client was the one that went away."""


class RecordedAnswers:
    """Which recorded exchange answers a request. `problems` are the differences between the two."""

    def __init__(self, exchanges: Iterable[Exchange], bindings: Bindings, *, again: bool = False) -> None:
        self._exchanges = list(exchanges)
        self._used: set[int] = set()
        self._bindings = bindings
        self._again = again
        self._redaction = Redaction()
        self.problems: list[str] = []

    def find(self, method: str, url: str, body: bytes) -> Exchange | None:
        """The exchange, used up. What is looked at again and again (GET) repeats its last answer."""
        url = self._redaction.url(url)
        like = [each for each in self._exchanges if each.method == method and self._same_url(each, url)]
        unused = [each for each in like if id(each) not in self._used]
        for exchange in unused:
            trial = self._bindings.copy()
            if exchange.cut or body_mismatch(trial, exchange.body, body) is None:
                self._bindings.names.update(trial.names)
                return self._use(exchange)
        if unused:
            found = self._use(unused[0])
            problem = body_mismatch(self._bindings.copy(), found.body, body)
            self.problems.append(f"line {found.line}: {method} {url} was sent with something else: {problem}")
            return found
        if like and (self._again or method == "GET"):
            return like[-1]
        self.problems.append(f"{method} {url} was sent, which the recording does not have (again)")
        return None

    def in_this_run(self, piece: bytes) -> bytes:
        """A piece of a recorded answer, as it is in this run. Pieces are whole lines, so that no id is cut in two."""
        return self._bindings.in_this_run(piece)

    def unused(self) -> list[Exchange]:
        return [each for each in self._exchanges if id(each) not in self._used]

    def _same_url(self, exchange: Exchange, url: str) -> bool:
        trial = self._bindings.copy()
        return trial.mismatch(exchange.url, url) is None

    def _use(self, exchange: Exchange) -> Exchange:
        self._used.add(id(exchange))
        return exchange


def body_mismatch(bindings: Bindings, recorded: bytes, now: bytes) -> str | None:
    """Where a body is not the recorded one. Only JSON is looked into: a form has another boundary each time."""
    before, after = _parsed(recorded), _parsed(now)
    if before is None or after is None:
        return None if bool(recorded) == bool(now) else "there is a body in one of them only"
    return bindings.mismatch(before, after)


def answering_transport(answers: RecordedAnswers, pacing: Pacing) -> httpx.AsyncBaseTransport:
    """The recorded network. A request that was never recorded finds no connection."""
    import httpx

    class RecordedBody(httpx.AsyncByteStream):
        def __init__(self, exchange: Exchange) -> None:
            self._exchange = exchange

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._exchange.chunks:
                await pacing.comes(self._exchange, chunk)
                yield answers.in_this_run(chunk.data)
                pacing.came(chunk.line)
            await _end(self._exchange)

        async def aclose(self) -> None:
            # Whoever knows enough does not read to the end.
            for chunk in self._exchange.chunks:
                pacing.came(chunk.line)

    class Recorded(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            body = await request.aread()
            exchange = answers.find(request.method, str(request.url), body)
            if exchange is None:
                raise httpx.ConnectError("the recording has no such request", request=request)
            pacing.came(exchange.line)
            await pacing.begins(exchange)
            if exchange.status is None:
                await _end(exchange)
                raise httpx.ConnectError("the recording has no answer", request=request)
            pacing.came(exchange.status_line)
            return httpx.Response(
                exchange.status,
                headers=_plain(exchange.headers),
                stream=RecordedBody(exchange),
                request=request,
            )

    async def _end(exchange: Exchange) -> None:
        if exchange.end == "complete":
            return
        if isinstance(exchange.end, dict):
            unsent, late = exchange.end.get("unsent"), exchange.end.get("late")
            kinds: dict[tuple[bool, bool], type[httpx.TransportError]] = {
                (True, True): httpx.ConnectTimeout,
                (True, False): httpx.ConnectError,
                (False, True): httpx.ReadTimeout,
                (False, False): httpx.ReadError,
            }
            raise kinds[bool(unsent), bool(late)]("as it was recorded")
        await pacing.left_open()
        raise httpx.ReadError("the recording ends here")

    return Recorded()


class Paced:
    """Answers as fast as they once came, or with `pace_ms` between two pieces."""

    def __init__(self, pace_ms: float | None = None, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        self._pace_ms = pace_ms
        self._sleep = sleep

    async def begins(self, exchange: Exchange) -> None:
        if exchange.chunks and self._pace_ms is None:
            await self._sleep(max(0, exchange.chunks[0].at - exchange.at) / 1000)

    async def comes(self, exchange: Exchange, chunk: RecordedChunk) -> None:
        number = exchange.chunks.index(chunk)
        if number:
            recorded = chunk.at - exchange.chunks[number - 1].at
            await self._sleep(max(0, recorded if self._pace_ms is None else self._pace_ms) / 1000)

    def came(self, line: int) -> None:
        """Nobody waits for it."""

    async def left_open(self) -> None:
        """The client of that time went away. This one is told that the answer broke off."""


def _plain(headers: dict[str, str]) -> dict[str, str]:
    """Headers of an answer whose pieces are as they were read: neither encoded nor counted."""
    left_out = {"content-length", "content-encoding", "transfer-encoding"}
    return {name: value for name, value in headers.items() if name not in left_out and value != HIDDEN}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
