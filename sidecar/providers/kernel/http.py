"""The network, and nothing else: one client, its timeouts, and the only retry loop.

It knows no vendor. What a refusal means is the caller's `read_refusal`; whether to ask again is retry.py.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sidecar import clock
from sidecar.errors import Failure
from sidecar.known_secrets import KnownSecrets
from sidecar.network_options import Options, machine_options
from sidecar.providers.kernel.bodies import Body, RawBody, json_body
from sidecar.providers.kernel.broken import broken, never_left, page_on_the_way
from sidecar.providers.kernel.json_values import read_document
from sidecar.providers.kernel.outcome import (
    LONGEST_HINT_MS,
    OutcomeUnknown,
    certainly_not_run,
    wait_before_retry_ms,
)
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.response_body import (
    HttpResponse,
    ReadOpening,
    after_beginning,
    close_response,
    in_time,
    lower_names,
    read_beginning,
    refusal_body,
    unpacked,
    unreadable,
)
from sidecar.providers.kernel.sites import Sites
from sidecar.providers.kernel.transport_request import Content, answer_of
from sidecar.providers.kernel.unpack import CannotUnpack
from sidecar.providers.kernel.web_pages import WEB_PAGE, is_page, page_instead

if TYPE_CHECKING:
    import httpx

# How long a connection is tried for again and again: whoever was silent so long is silent for longer than one waits.
TRY_SECONDS = 10.0
# In memory a document of nothing but brackets takes twenty times its size.
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
DOCUMENT_SECONDS = 60.0

ReadRefusal = Callable[[int, Mapping[str, str], bytes], Failure]
"""Status, headers with lower-case names, body (at most MAX_REFUSAL_BYTES) -> what to tell the person."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked, as often as it takes: `HttpClient.stream` says what each is."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: Content
    read_refusal: ReadRefusal
    peer: str
    once: bool
    pacer: RequestPacer | None
    read_opening: ReadOpening | None


class _Accepted(NamedTuple):
    """An answer that is no refusal, its headers by names in lower case, what has been read, and what is to come."""

    response: httpx.Response
    headers: Mapping[str, str]
    beginning: list[bytes]
    rest: AsyncGenerator[bytes, None]


class _Refused(NamedTuple):
    """Why an attempt has no answer. `unsent`: nothing of the request had left when that was known.

    `waited_for`: somebody took the request, and was silent for as long as anybody waits.
    """

    failure: Failure
    unsent: bool = False
    waited_for: bool = False


class HttpClient:
    """The one HTTP client of the process. It opens on first use and belongs to the loop it was used on.

    `make_transport` replaces the network; it is called once, on a thread, because imports take their time.
    `secrets` are what no word of a peer is repeated with.
    """

    def __init__(
        self,
        make_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        *,
        now_ms: clock.Now = clock.now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        retries: int = 4,
        secrets: KnownSecrets | None = None,
        document_seconds: float = DOCUMENT_SECONDS,
    ) -> None:
        self.secrets = secrets if secrets is not None else KnownSecrets()
        self.now_ms = now_ms
        self.sites = Sites()
        # How long a small document that costs nothing may be on its way, once it has begun.
        self.document_seconds = document_seconds
        self._make_transport = make_transport or network
        self._sleep = sleep
        self._chance = chance
        self._retries = retries
        self._transport: httpx.AsyncBaseTransport | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        read_refusal: ReadRefusal,
        peer: str,
        once: bool = False,
        pacer: RequestPacer | None = None,
        read_opening: ReadOpening | None = None,
    ) -> AsyncIterator[HttpResponse]:
        """The accepted answer, after retries; leaving the block closes its connection at once.

        `peer` is who is spoken to, for sentences. Raises what `read_refusal` made, Failure when nothing was
        run, and OutcomeUnknown when a POST may have been. What must not happen twice is asked `once`: only
        what was certainly not run is asked again, and a server error or a timeout is OutcomeUnknown. `pacer` is
        consulted around each attempt, and left at the end. What `read_opening` finds to be a refusal is one.
        """
        url, headers = self.sites.completed(url, headers, peer)
        content = body if body is None or isinstance(body, RawBody) else json_body(body)
        call = _Call(method, url, headers, content, read_refusal, peer, once, pacer, read_opening)
        try:
            response, names, beginning, rest = await self._accepted(call)
            try:
                async with aclosing(rest), aclosing(after_beginning(beginning, rest)) as chunks:
                    yield HttpResponse(response.status_code, names, chunks)
            finally:
                await close_response(response)
        finally:
            if pacer is not None:
                pacer.leave()

    async def json(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        read_refusal: ReadRefusal,
        peer: str,
        once: bool = False,
        pacer: RequestPacer | None = None,
    ) -> Any:
        """A small JSON document. Raises Failure as `stream` does, and for an answer that is not JSON."""
        document = bytearray()
        async with (
            self.stream(
                method, url, headers, body, read_refusal=read_refusal, peer=peer, once=once, pacer=pacer
            ) as answer,
            in_time(peer, self.document_seconds) if method == "GET" else nullcontext(),
        ):
            async for chunk in answer.chunks:
                document += chunk
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise _unread(f"The {peer} API sent more than can be read. Check its base URL.", once)
        try:
            return read_document(bytes(document))
        except ValueError:
            if is_page(bytes(document)):
                page = page_instead(peer)
                raise page if method == "GET" else _unread(page.message, once) from None
            words = f"The {peer} API did not answer with JSON. Check the base URL, or try again later."
            raise _unread(words, once) from None

    async def open(self) -> None:
        """Opens the client ahead of its first use, which then need not wait for libraries to be loaded."""
        await self._opened()

    async def aclose(self) -> None:
        """Closes every connection. The edge opens again when it is used again."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def _accepted(self, call: _Call) -> _Accepted:
        """The answer of the first attempt that is not refused. Raises what the last one was refused with."""
        attempt, now = 0, asyncio.get_running_loop().time
        began = now()
        while True:
            came = await self._attempt(call)
            if isinstance(came, _Accepted):
                return came
            failure = came.failure
            failure.out_of_reach |= came.unsent
            given_up = came.waited_for or (came.unsent and now() - began > TRY_SECONDS)
            wait_ms = None if given_up else self._wait_ms(failure, attempt, call.pacer)
            if wait_ms is None:
                raise failure
            if call.pacer is not None:
                call.pacer.back_off(wait_ms, failure.kind)
            await self._sleep(wait_ms / 1000)
            attempt += 1

    async def _attempt(self, call: _Call) -> _Accepted | _Refused:
        """The answer, or why there is none."""
        transport = await self._opened()
        if call.pacer is not None:
            await call.pacer.enter()
        try:
            response = await answer_of(transport, call.method, call.url, call.headers, call.content)
        except Failure as refused:
            return _Refused(refused, unsent=True)  # by the way out
        except Exception as error:
            unsent = never_left(error)
            failure = broken(error, call.method, call.peer, self.secrets, sent=not unsent, url=call.url)
            return _Refused(failure, unsent, waited_for=failure.kind == "timeout" and not unsent)
        came = await self._judged(call, response)
        return came if isinstance(came, _Accepted) else _Refused(came)

    async def _judged(self, call: _Call, response: httpx.Response) -> _Accepted | Failure:
        """The answer, unless its status or its beginning refuses, or it is somebody else's page."""
        status, names = response.status_code, lower_names(response.headers)
        if 200 <= status < 300:
            rest = self._chunks(response, call.method, call.peer)
            beginning: list[bytes] = []
            opening, rest = await read_beginning(response, names, rest, beginning, call.read_opening)
            if opening is None or opening.refusal is None:
                if call.pacer is not None:
                    call.pacer.observe(status, names, None)
                return _Accepted(response, names, beginning, rest)
            failure, status = opening.refusal, opening.status or status
        else:
            failure = call.read_refusal(status, names, await refusal_body(response))
        if failure.detail == WEB_PAGE or 300 <= status < 400:
            page_on_the_way(failure, status, response.extensions.get("proxy"))
        if call.pacer is not None:
            call.pacer.observe(status, names, failure.retry_after_ms)
        return OutcomeUnknown.instead_of(failure) if call.once and not certainly_not_run(status) else failure

    def _wait_ms(self, failure: Failure, attempt: int, pacer: RequestPacer | None) -> int | None:
        """Milliseconds until the next attempt, or None where there is none."""
        longest, retries = LONGEST_HINT_MS, self._retries
        if pacer is not None and failure.kind == "rate_limited":
            longest, retries = pacer.longest_hint_ms, pacer.retries
        wait_ms = wait_before_retry_ms(failure, attempt, self._chance(), longest)
        return None if attempt >= retries else wait_ms

    async def _chunks(self, response: httpx.Response, method: str, peer: str) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(unpacked(response)) as pieces:
                async for chunk in pieces:
                    yield chunk
        except CannotUnpack as problem:
            raise unreadable(str(problem), method, peer, self.secrets) from None
        except Exception as error:
            raise broken(error, method, peer, self.secrets, sent=True) from None

    async def _opened(self) -> httpx.AsyncBaseTransport:
        if self._transport is None:
            async with self._opening:
                if self._transport is None:
                    self._transport = await asyncio.to_thread(self._make_transport)
        return self._transport


def _unread(message: str, once: bool) -> Failure:
    return (OutcomeUnknown if once else Failure)("provider_unavailable", message)


def network(
    environment: Mapping[str, str] = os.environ, options: Options = machine_options
) -> httpx.AsyncBaseTransport:
    """The real way out. Imported on first use: its libraries take their time."""
    from sidecar.providers.kernel.network import Network

    return Network(environment, options)
