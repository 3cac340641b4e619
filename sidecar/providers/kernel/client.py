"""One vendor's API: every call carries the key, has its refusals read by the one table, and says who was asked."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import quote

import orjson

from sidecar.errors import Failure
from sidecar.json_stream import ArrayElements, JsonTooLarge
from sidecar.providers.kernel.bodies import Body
from sidecar.providers.kernel.charset import Narrowed
from sidecar.providers.kernel.error_fields import refuses_key, tells_error
from sidecar.providers.kernel.errors import opening_refusal, refused_response
from sidecar.providers.kernel.http import HttpClient, ReadRefusal
from sidecar.providers.kernel.json_values import as_mapping, read_document
from sidecar.providers.kernel.jsonl import LineReader
from sidecar.providers.kernel.model_rows import OTHER_JSON, is_bare_and_empty, other_json, rows_begun, rows_of
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.response_body import HttpResponse, ReadOpening, beginning_of, in_time
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked, Vendor, authorization
from sidecar.providers.kernel.web_pages import is_page, page_instead

log = logging.getLogger("sidecar.providers")

ACCEPT_JSON = {"accept": "application/json"}
# Of an answer that only tells whether a key is taken.
MOST_LOOKED_AT = 1024 * 1024


class VendorClient:
    """Calls a vendor's API, which in this run is the provider of that `name`. Addresses are whole."""

    def __init__(self, http: HttpClient, vendor: Vendor, name: str) -> None:
        self.vendor = vendor
        self.name = name
        self._http = http

    def now_ms(self) -> int:
        """The time, in milliseconds since 1970."""
        return self._http.now_ms()

    def asked(self, key: str, model: str | None = None) -> Asked:
        """Return who is asked for what, with that key."""
        return Asked(self.vendor, self.name, model, key, self._http.secrets)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        asked: Asked,
        body: Body | None = None,
        *,
        headers: Mapping[str, str] = ACCEPT_JSON,
        once: bool = False,
        pacer: RequestPacer | None = None,
        read_opening: ReadOpening | None = None,
    ) -> AsyncIterator[HttpResponse]:
        """The accepted answer; leaving the block closes its connection. Raises as `HttpClient.stream` does."""
        try:
            async with self._http.stream(
                method,
                url,
                {**headers, **authorization(asked)},
                body,
                read_refusal=self._read_refusal(asked),
                peer=asked.title,
                once=once,
                pacer=pacer,
                read_opening=read_opening,
            ) as answer:
                yield answer
        except Failure as failure:
            asked.named(failure)
            raise

    async def json(
        self,
        method: str,
        url: str,
        asked: Asked,
        body: Body | None = None,
        *,
        once: bool = False,
        pacer: RequestPacer | None = None,
    ) -> Mapping[str, Any]:
        """Return the JSON object that is the answer, alone or in a list; an empty one for JSON of another kind.

        Raises as `HttpClient.json` does.
        """
        told = await self.value(method, url, asked, body, once=once, pacer=pacer)
        return as_mapping(told[0] if isinstance(told, list) and len(told) == 1 else told)

    async def value(
        self,
        method: str,
        url: str,
        asked: Asked,
        body: Body | None = None,
        *,
        once: bool = False,
        pacer: RequestPacer | None = None,
    ) -> Any:
        """Return the JSON that is the answer. Raises as `HttpClient.json` does."""
        try:
            return await self._http.json(
                method,
                url,
                {**ACCEPT_JSON, **authorization(asked)},
                body,
                read_refusal=self._read_refusal(asked),
                peer=asked.title,
                once=once,
                pacer=pacer,
            )
        except Failure as failure:
            asked.named(failure)
            raise

    async def lines(
        self, url: str, asked: Asked, *, headers: Mapping[str, str]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a document of any size. Raises Failure when it breaks off.

        A line that is larger than anything can be comes as an empty one: the others are paid for too.
        """
        reader, narrowed = LineReader(), Narrowed()
        async with self.stream("GET", url, asked, headers=headers) as answer:
            async for chunk in answer.chunks:
                for line in reader.feed(narrowed.feed(chunk)):
                    yield line
        for line in reader.feed(narrowed.finish()):
            yield line
        for line in reader.finish():
            yield line

    async def elements(
        self, url: str, asked: Asked, member: str, rest: bytearray
    ) -> AsyncGenerator[bytes, None]:
        """Yield what the arrays called `member` hold in a document of any size, and put into `rest` what else it holds.

        `rest` is JSON. Raises Failure for a document that is not, or that breaks off.
        """
        reader, narrowed = ArrayElements(member), Narrowed()
        try:
            async with self.stream("GET", url, asked) as answer:
                async for chunk in answer.chunks:
                    for element in reader.feed(narrowed.feed(chunk)):
                        yield element
            for element in reader.feed(narrowed.finish()):
                yield element
            orjson.loads(reader.rest())
        except JsonTooLarge as error:
            raise self.failure(
                f"The answer of the {asked.title} API cannot be read. {error} Check the base URL, or try again later."
            ) from None
        except ValueError:
            raise self.failure(
                f"The {asked.title} API did not answer with JSON. Check the base URL, or try again later."
            ) from None
        rest += reader.rest()

    async def document(self, url: str, asked: Asked, without: str) -> Mapping[str, Any]:
        """Return a JSON object without the arrays of that name inside it, which may be of any size."""
        rest = bytearray()
        async with aclosing(self.elements(url, asked, without, rest)) as elements:
            async for _ in elements:
                pass
        return as_mapping(orjson.loads(rest))

    async def exists(self, url: str, asked: Asked, missing: frozenset[int]) -> bool:
        """Whether there is a document at the address for this key; `missing` are the statuses of a no."""
        try:
            await self.json("GET", url, asked)
        except Failure as failure:
            if failure.status in missing:
                return False
            raise
        return True

    async def key_refusal(self, url: str, asked: Asked, *, may_be_bare: bool = False) -> Failure | None:
        """Return how the vendor refuses the key at this free address of its list of models, None when it takes it.

        What is no such list, as the page or the JSON of a network that wants a login first, takes no key; an empty
        list alone does where it `may_be_bare`. Raises Failure when nobody can tell.
        """
        try:
            async with (
                self.stream("GET", url, asked) as answer,
                in_time(asked.title, self._http.document_seconds),
            ):
                body = await beginning_of(answer, MOST_LOOKED_AT)
            told = self._told(body, asked)
            self.refuse_error(told, asked)
            if rows_of(told) is None or (is_bare_and_empty(told) and not may_be_bare):
                raise self._other_json(asked)
        except Failure as failure:
            return about_key(failure)
        return None

    def _other_json(self, asked: Asked) -> Failure:
        failure = self.failure(other_json(asked.title))
        failure.detail = OTHER_JSON
        return failure

    def _told(self, body: bytes, asked: Asked) -> Any:
        """The value of a body: of the events of a stream the first, and the rows that one too long begins with."""
        if is_page(body):
            raise page_instead(asked.title)
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            body = next(
                (event.data.encode() for event in SseParser().feed(body + b"\n\n") if event.data), b""
            )
        try:
            return rows_begun(body) if len(body) >= MOST_LOOKED_AT else read_document(body)
        except ValueError:
            raise self.failure(
                f"The {asked.title} API did not answer with JSON. Check the base URL, or try again later."
            ) from None

    def refuse_error(self, told: Any, asked: Asked) -> None:
        """Raise the Failure that an accepted answer holds, if it is an error."""
        if tells_error(as_mapping(told)):
            refused, status = opening_refusal(told, {}, asked, self.now_ms())
            refused.status = status
            raise refused

    async def key_problem(self, url: str, key: str) -> str | None:
        """Return why the vendor does not take the key, in a sentence, None when it does. Raises as `key_refusal`."""
        refused = await self.key_refusal(url, self.asked(key))
        return None if refused is None else refused.message

    def failure(self, message: str, kind: str = "provider_unavailable") -> Failure:
        """Return a failure after which the same may be asked again."""
        return Failure(kind, message, retryable=True, provider=self.name)

    def _read_refusal(self, asked: Asked) -> ReadRefusal:
        def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
            return refused_response(status, headers, body, asked, self._http.now_ms())

        return read


def about_key(failure: Failure) -> Failure | None:
    """Return the failure when it refuses the key, None when a good key can have it; else it is raised.

    A key that was never sent, because it can be no header, is judged by nobody: that is raised too.
    """
    if failure.kind == "invalid_api_key" and failure.status is not None:
        return failure
    if failure.kind == "rate_limited":
        return None
    if failure.status == 400 and refuses_key(failure.detail or ""):
        return failure
    raise failure


def in_path(id_: str) -> str:
    """Return a vendor's id as one step of a path, which it cannot leave."""
    return quote(id_, safe="")
