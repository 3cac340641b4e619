"""One question over HTTP to a server that speaks OpenAI's protocol: send it, read the answer, judge a key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.errors import Failure
from sidecar.providers.base import Event
from sidecar.providers.kernel.http import HttpClient, ReadRefusal
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.sse import SseEvent, SseParser
from sidecar.providers.openai_family.errors import Asked, refusal


class Reader(Protocol):
    """Turns the events of one answer into ours. `ended` is set when nothing more is to come."""

    ended: bool

    def read(self, event: SseEvent) -> Iterator[Event]: ...

    def finish(self) -> Iterator[Event]: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to put the question."""

    url: str
    body: Mapping[str, Any]


Another = Callable[[Attempt, Failure], Attempt | None]
"""Another way to put a question that was refused, and so certainly did not run; None to leave it at that."""


async def exchange(
    http: HttpClient,
    attempt: Attempt,
    headers: Mapping[str, str],
    asked: Asked,
    reader: Reader,
    *,
    pacer: RequestPacer | None = None,
    another: Another | None = None,
    read_refusal: ReadRefusal | None = None,
) -> AsyncGenerator[Event, None]:
    """Sends the question and yields events until Done. Closing the iterator closes the connection.

    Raises Failure when nothing was run, OutcomeUnknown when something may have been.
    """
    read_refusal = read_refusal or refusal_reader(http, asked)
    while True:
        accepted = False
        parser = SseParser()
        try:
            async with http.stream(
                "POST",
                attempt.url,
                {**headers, **authorization(asked)},
                attempt.body,
                read_refusal=read_refusal,
                peer=asked.title,
                pacer=pacer,
            ) as answer:
                accepted = True
                async for chunk in answer.chunks:
                    for piece in parser.feed(chunk):
                        for event in reader.read(piece):
                            yield event
                    if reader.ended:
                        break
                else:
                    for piece in parser.finish():
                        for event in reader.read(piece):
                            yield event
            for event in reader.finish():
                yield event
            return
        except Failure as failure:
            failure.provider = failure.provider or asked.provider
            failure.model = failure.model or asked.model
            refused = not accepted and not isinstance(failure, OutcomeUnknown)
            next_attempt = another(attempt, failure) if another is not None and refused else None
            if next_attempt is None:
                raise
            attempt = next_attempt


async def judge_key(http: HttpClient, url: str, asked: Asked) -> str | None:
    """None when the server at this free URL takes the key, else why not. Raises Failure when nobody can tell."""
    headers = {"accept": "application/json", **authorization(asked)}
    try:
        async with http.stream(
            "GET", url, headers, read_refusal=refusal_reader(http, asked), peer=asked.title
        ):
            return None
    except Failure as failure:
        if failure.kind == "invalid_api_key":
            # A key restricted to some calls is refused here, and yet it works for chats.
            limited = failure.status == 403 and "scope" in (failure.detail or "").lower()
            return None if limited else failure.message
        if failure.kind == "rate_limited":
            return None
        raise


def authorization(asked: Asked) -> Mapping[str, str]:
    """The header that carries the key, none without a key. Raises Failure for what can be no header."""
    key = asked.key
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()):
        raise Failure(
            "invalid_api_key",
            f"The {asked.title} API key holds characters that no key has. Paste it again in the settings.",
            provider=asked.provider,
        )
    return {"authorization": f"Bearer {key}"}


def refusal_reader(http: HttpClient, asked: Asked) -> ReadRefusal:
    def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        return refusal(status, headers, body, asked, http.now_ms())

    return read
