"""One request to the transport and its answer, after whatever redirects stay at the same host."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from sidecar import __version__
from sidecar.providers.kernel import redirects
from sidecar.providers.kernel.bodies import RawBody
from sidecar.providers.kernel.response_body import close_response
from sidecar.providers.kernel.unpack import ACCEPTED

if TYPE_CHECKING:
    import httpx

Content = bytes | RawBody | None

CONNECT_SECONDS = 5.0
# Getting a connection at all: names to resolve, a proxy to be let through by, TLS to agree on.
OPEN_SECONDS = 15.0
READ_SECONDS = 600.0
# A model may think for minutes; what is only looked up is there, or comes piece by piece.
LOOK_SECONDS = 60.0
_TIMEOUT = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": OPEN_SECONDS}
_LOOK_TIMEOUT = _TIMEOUT | {"read": LOOK_SECONDS}
_ALWAYS = {
    "accept": "*/*",
    "accept-encoding": ACCEPTED,
    "connection": "keep-alive",
    "user-agent": f"abai-sidecar/{__version__}",
}


async def answer_of(
    transport: httpx.AsyncBaseTransport,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: Content,
) -> httpx.Response:
    """The answer of the address, or of the place at the same host to which it has moved: nothing ran at the old one."""
    for _ in range(redirects.MOST):
        response = await transport.handle_async_request(_request(method, url, headers, content))
        if response.status_code not in redirects.STATUSES:  # most of all
            return response
        there = redirects.followed(url, response.status_code, response.headers)
        if there is None:
            return response
        await close_response(response)
        url = there
    return await transport.handle_async_request(_request(method, url, headers, content))


def _request(method: str, url: str, headers: Mapping[str, str], content: Content) -> httpx.Request:
    """The request as the transport takes it.

    httpx's client would add logins, cookies, redirects and hooks, none of which may happen here, and took a tenth of
    the time of a row of a batch.
    """
    import httpx

    told = _ALWAYS | {name.lower(): value for name, value in headers.items()}
    if isinstance(content, RawBody):
        # Without a length the body would be sent in chunks, which not every vendor's upload takes.
        told |= {"content-type": content.content_type, "content-length": str(content.length)}
    elif content is not None:
        told["content-type"] = "application/json"
    sent = _sent(content) if isinstance(content, RawBody) else content
    timeout = _LOOK_TIMEOUT if method == "GET" else _TIMEOUT
    return httpx.Request(method, _address(url), headers=told, content=sent, extensions={"timeout": timeout})


@lru_cache(maxsize=64)
def _address(url: str) -> httpx.URL:
    """The address as httpx reads it, letter by letter: all rows of a batch go to one."""
    import httpx

    return httpx.URL(url)


async def _sent(body: RawBody) -> AsyncGenerator[bytes, None]:
    for piece in body.pieces():
        yield piece
