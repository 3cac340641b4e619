"""Anthropic: decide, send, read, and go on where the vendor paused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.errors import PROVIDER, TITLE, Asked, refusal
from sidecar.providers.anthropic.options import resolve_options
from sidecar.providers.anthropic.request import continued, message_body
from sidecar.providers.anthropic.stream import MessageReader
from sidecar.providers.base import ChatRequest, Event, PreparedCall
from sidecar.providers.kernel.http import HttpClient, ReadRefusal
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.kernel.sse import SseParser

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

# Later versions refuse every temperature.
VERSION = "2023-06-01"
# A turn that searches is paused every ten steps or so; one that needs more of them than this goes round in circles.
MOST_CONTINUATIONS = 6


class Anthropic:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, without a version."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = PROVIDER) -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/").removesuffix("/v1")

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = resolve_options(request)
        return PreparedCall(
            path="/v1/messages",
            headers={"accept": "text/event-stream"},
            body=message_body(request, choices),
            notes=choices.notes,
            max_output_tokens=choices.max_tokens,
        )

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        A turn that the vendor pauses is continued, a bounded number of times; its usage is that of all its requests.
        Raises Failure when nothing was run, OutcomeUnknown when something may have been.
        """
        asked = Asked(str(plan.body["model"]), key)
        reader = MessageReader(asked)
        body: Mapping[str, Any] | None = plan.body
        left = MOST_CONTINUATIONS
        try:
            while body is not None:
                parser = SseParser()
                async with self._http.stream(
                    "POST",
                    self._base_url + plan.path,
                    {**plan.headers, **authorization(key)},
                    body,
                    read_refusal=refusal_reader(self._http, asked),
                    peer=TITLE,
                    pacer=pacer,
                ) as answer:
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
                body = _continuation(plan, reader) if reader.paused and left else None
                if body is not None:
                    reader.resume()
                    left -= 1
            for event in reader.finish():
                yield event
        except Failure as failure:
            failure.provider = failure.provider or self.name
            failure.model = failure.model or asked.model
            raise

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        headers = {"accept": "application/json", **authorization(key)}
        try:
            async with self._http.stream(
                "GET",
                f"{self._base_url}/v1/models?limit=1",
                headers,
                read_refusal=refusal_reader(self._http, Asked(None, key)),
                peer=TITLE,
            ):
                return None
        except Failure as failure:
            if failure.kind == "invalid_api_key":
                return failure.message
            if failure.kind == "rate_limited":
                return None
            raise


def make(http: HttpClient, row: Row, base_url: str) -> Anthropic:
    """For the registry."""
    return Anthropic(http, base_url, name=row.name)


def authorization(key: str) -> Mapping[str, str]:
    """The headers that every request carries. Raises Failure for a key that can be no header."""
    if not (key.isascii() and key.isprintable()):
        raise Failure(
            "invalid_api_key",
            f"The {TITLE} API key holds characters that no key has. Paste it again in the settings.",
            provider=PROVIDER,
        )
    return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}


def refusal_reader(http: HttpClient, asked: Asked) -> ReadRefusal:
    def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        return refusal(status, headers, body, asked, http.now_ms())

    return read


def _continuation(plan: PreparedCall, reader: MessageReader) -> dict[str, Any] | None:
    usage = reader.usage
    return continued(
        plan.body,
        reader.content(),
        written=usage.out_total if usage else 0,
        searches=usage.searches if usage else 0,
    )
