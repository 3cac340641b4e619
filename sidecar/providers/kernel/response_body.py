"""The body of a response: its beginning, its bytes unpacked in bounded pieces, what is read of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from sidecar.errors import Failure
from sidecar.known_secrets import KnownSecrets
from sidecar.providers.kernel.charset import Charset, named_charset
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.unpack import Unpacker

if TYPE_CHECKING:
    import httpx


REFUSAL_SECONDS = 10.0
MAX_REFUSAL_BYTES = 256 * 1024
MOST_OPENING_PIECES = 1024  # all that comes is kept until it is known that the answer is no refusal


class OpeningReader(Protocol):
    """Reads the beginning of an accepted answer, which may be a refusal all the same: `refusal` says so.

    `status` is the one that the refusal should have come with.
    """

    refusal: Failure | None
    status: int | None

    def feed(self, chunk: bytes) -> bool:
        """Whether it is decided."""

    def finish(self) -> None:
        """The answer has ended before it was decided."""


ReadOpening = Callable[[Mapping[str, str]], OpeningReader]
"""Headers with lower-case names -> what reads the beginning of that answer."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A 2xx answer whose body is still to come. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


async def read_beginning(
    response: httpx.Response,
    headers: Mapping[str, str],
    chunks: AsyncGenerator[bytes, None],
    beginning: list[bytes],
    read_opening: ReadOpening | None,
) -> tuple[OpeningReader | None, AsyncGenerator[bytes, None]]:
    """What has read the beginning of an accepted answer, whose bytes are then in `beginning`, and what is to come.

    The names of the `headers` are in lower case. The connection of one that is a refusal is closed. One that breaks
    when something has come of an answer is the reader's to judge: all of it may be there, behind a length that was
    told too large.
    """
    if read_opening is None:
        return None, chunks
    opening = read_opening(headers)
    kept = False
    try:
        async for chunk in chunks:
            beginning.append(chunk)
            if opening.feed(chunk) or len(beginning) >= MOST_OPENING_PIECES:
                break
            await asyncio.sleep(0)
        else:
            opening.finish()
        kept = opening.refusal is None
    except Failure as failure:
        if not beginning:
            raise
        opening.finish()
        kept, chunks = opening.refusal is None, _broken_off(failure)
    finally:
        if not kept:
            await chunks.aclose()
            await close_response(response)
    return opening, chunks


async def _broken_off(failure: Failure) -> AsyncGenerator[bytes, None]:
    raise failure
    yield b""  # what makes it a generator


async def after_beginning(
    beginning: list[bytes], rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    while beginning:
        yield beginning.pop(0)
        await asyncio.sleep(0)  # it is here already, and others want their turn
    async for chunk in rest:
        yield chunk


async def unpacked(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body in pieces that are bounded, whatever it was packed from, as UTF-8 whatever charset it is in.

    Raises CannotUnpack.
    """
    name = named_charset(response.headers.get("content-type", ""))
    charset = None if name is None else Charset(name)
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    async for data in cast("httpx.AsyncByteStream", response.stream):
        for number, piece in enumerate(unpacker.feed(data)):
            if number:
                # Little data may hold very much, and others want their turn.
                await asyncio.sleep(0)
            if letters := piece if charset is None else charset.feed(piece):
                yield letters
    rest = unpacker.finish()
    if letters := rest if charset is None else charset.feed(rest, final=True):
        yield letters


def unreadable(why: str, method: str, peer: str, secrets: KnownSecrets) -> Failure:
    message = f"The {peer} API sent an answer that cannot be unpacked."
    if method == "GET":
        return Failure("provider_unavailable", f"{message} Try again.", detail=secrets.hide(why))
    return OutcomeUnknown(
        "provider_unavailable", f"{message} It may have charged for it; try again.", detail=secrets.hide(why)
    )


async def refusal_body(response: httpx.Response) -> bytes:
    """What arrives of an error body in reasonable time and size: the status says enough without it."""
    body = bytearray()
    try:
        with suppress(Exception):
            async with asyncio.timeout(REFUSAL_SECONDS):
                async for chunk in unpacked(response):
                    body += chunk
                    if len(body) > MAX_REFUSAL_BYTES:
                        break
    finally:
        await close_response(response)
    return bytes(body[:MAX_REFUSAL_BYTES])


async def beginning_of(answer: HttpResponse, most: int) -> bytes:
    """What an accepted answer holds, cut off where it is longer than so many bytes. Raises Failure where it breaks."""
    body = bytearray()
    async for chunk in answer.chunks:
        body += chunk
        if len(body) >= most:
            break
    return bytes(body[:most])


@asynccontextmanager
async def in_time(peer: str, seconds: float) -> AsyncIterator[None]:
    """Let a document come for so many seconds: one that says something now and then is never silent, nor whole."""
    patience = asyncio.timeout(seconds)
    try:
        async with patience:
            yield
    except TimeoutError:
        if not patience.expired():
            raise
        raise Failure(
            "timeout",
            f"The {peer} API did not end its answer in {seconds:.0f} seconds. Check the base URL, or try again later.",
            retryable=True,
        ) from None


async def close_response(response: httpx.Response) -> None:
    # A connection that breaks while it is closed is closed.
    with suppress(Exception):
        await response.aclose()


def lower_names(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
