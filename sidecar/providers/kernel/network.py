"""The way out: each request by the proxy that is set for its address, trusting what this machine trusts."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import NamedTuple, cast

import httpx

from sidecar.providers.kernel.certificates import without_certificates

# aiohttp makes two contexts of certificates that nobody uses while it is loaded, and these want to write the keys of
# their connections into the file that this variable names: where it cannot be written, nothing could be asked.
os.environ.pop("SSLKEYLOGFILE", None)

with without_certificates():
    import aiohttp
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions

from sidecar.errors import Failure
from sidecar.network_options import Options
from sidecar.providers.kernel import certificates, proxies
from sidecar.providers.kernel.broken import is_unmade_tunnel
from sidecar.providers.kernel.lenient import LenientHandler, TunnelClosed
from sidecar.providers.kernel.lookups import Lookups
from sidecar.providers.kernel.proxies import Proxy

# How often a silent connection is looked at.
LOOK_SECONDS = 2.0
# Of one line of an answer's head: company proxies and clouds write policies of many thousand letters.
MAX_HEADER_BYTES = 64 * 1024


class _Way(NamedTuple):
    """By which proxy, and trusting which files, an address is asked, and whether through a tunnel."""

    proxy: Proxy | None
    files: tuple[tuple[str, str], ...] | None
    tunnels: bool


class Network(httpx.AsyncBaseTransport):
    """httpx on aiohttp's connections: httpx's own pool looks at every connection for every request.

    aiohttp reads nothing of the environment itself: it would take logins from a `.netrc` that nobody named.
    """

    def __init__(self, environment: Mapping[str, str], options: Options) -> None:
        self._environment = environment
        self._options = options
        self._system = {} if _any_proxy(environment) else urllib.request.getproxies()
        self._ways: dict[_Way, AiohttpTransport] = {}
        self._opening = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise Failure for a proxy or a file of certificates that cannot be used, and what a proxy refuses."""
        options, url = await self._options(), request.url
        table = proxies.table_of(self._environment, options.proxy, self._system)
        proxy = proxies.proxy_for(url.scheme, url.host, url.port, table)
        encrypted = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
        files = certificates.named_files(self._environment, options.ca_file) if encrypted else None
        way = _Way(proxy, files, tunnels=proxy is not None and url.scheme == "https")
        transport = self._ways.get(way) or await self._open(way)
        if proxy is not None and url.scheme == "http" and proxy.login and not proxy.is_socks:
            # Without a tunnel the proxy reads the request itself.
            request.headers["proxy-authorization"] = _basic(proxy)
        try:
            response = await transport.handle_async_request(request)
        except Exception as error:
            refused = None if proxy is None else _proxy_failure(error, proxy)
            if refused is None:
                if proxy is not None:
                    error.add_note(proxy.told)
                raise
            raise refused from error
        if proxy is not None and response.status_code == 407:
            await response.aclose()
            raise _login_wanted(proxy)
        if proxy is not None:
            response.extensions["proxy"] = proxy.told
        response.stream = _Watched(response.stream)
        return response

    async def aclose(self) -> None:
        ways, self._ways = list(self._ways.values()), {}
        await asyncio.gather(*(way.aclose() for way in ways))

    async def _open(self, way: _Way) -> AiohttpTransport:
        async with self._opening:
            if way not in self._ways:
                files = way.files
                context = None if files is None else await asyncio.to_thread(certificates.trust, files)
                self._ways[way] = _transport(way, context)
            return self._ways[way]


_CLOSED = "the connection was closed before the answer was complete"


class _Watched(httpx.AsyncByteStream):
    """A body whose end is noticed: of one that is no HTTP aiohttp may close the connection and tell no reader.

    Whoever waits for a piece is told within two looks. One timer for the body does it, not one for each piece.
    """

    def __init__(self, stream: object) -> None:
        assert isinstance(stream, AiohttpResponseStream)
        self._stream = stream
        self._response = stream._aiohttp_response
        self._waiting = False
        self._next_look: asyncio.TimerHandle | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        # No generator: one that is left before its end is closed by a task of its own, whenever it is collected.
        return self

    async def __anext__(self) -> bytes:
        if self._next_look is None:
            self._look_later()
        self._waiting = True
        try:
            piece = await self._response.content.readany()
        except RuntimeError:
            # What aiohttp raises where it has closed the connection before it is read from.
            raise httpx.ReadError(_CLOSED) from None
        except Exception:
            with map_aiohttp_exceptions():
                raise
        finally:
            self._waiting = False
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        await self._stream.aclose()

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        body = self._response.content
        if self._waiting and not body.is_eof() and self._is_gone():
            body.set_exception(httpx.ReadError(_CLOSED))
        else:
            self._look_later()

    def _is_gone(self) -> bool:
        connection = self._response.connection
        return connection is None or connection.transport is None or connection.transport.is_closing()


def _any_proxy(environment: Mapping[str, str]) -> bool:
    return any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in environment)


def _transport(way: _Way, context: ssl.SSLContext | None) -> AiohttpTransport:
    trusted, proxy = True if context is None else context, way.proxy

    def session() -> aiohttp.ClientSession:
        # How many requests run at once is decided above, not by a pool.
        connector: aiohttp.BaseConnector
        if proxy is not None and proxy.is_socks:
            # Its libraries take their time, and few need them.
            from sidecar.providers.kernel.socks import socks_connector

            connector = socks_connector(proxy, trusted)
        else:
            connector = aiohttp.TCPConnector(limit=0, ssl=trusted, keepalive_timeout=30, resolver=Lookups())
            # It has no other door for what is to stand between a connection and its parser.
            host = proxy.host if proxy is not None and by is not None and way.tunnels else None
            handlers = partial(LenientHandler, loop=asyncio.get_running_loop(), tunnel_by=host)
            connector._factory = cast("partial[ResponseHandler]", handlers)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )

    by = None
    if proxy is not None and not proxy.is_socks:
        login = {"proxy-authorization": _basic(proxy)} if proxy.login else None
        by = httpx.Proxy(f"{proxy.scheme}://{proxy.shown}", headers=login)
    # An own context of certificates, which the adapter would make and nobody uses, takes its time.
    return AiohttpTransport(verify=False, proxy=by, client=session)


def _basic(proxy: Proxy) -> str:
    return "Basic " + base64.b64encode(f"{proxy.login}:{proxy.password}".encode()).decode("ascii")


def _proxy_failure(error: Exception, proxy: Proxy) -> Failure | None:
    """What is told of a proxy that is in the way; None for what is not the proxy's fault."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        if cause.status == 407:
            return _login_wanted(proxy)
        return _in_the_way(proxy, f"does not let the request through (status {cause.status})")
    if isinstance(cause, TunnelClosed) or is_unmade_tunnel(cause):
        return _in_the_way(
            proxy, "closed the connection instead of letting the request through", retryable=True
        )
    if isinstance(cause, aiohttp.ClientProxyConnectionError):
        return _in_the_way(proxy, "cannot be reached", retryable=True)
    if isinstance(cause, aiohttp.ConnectionTimeoutError) or isinstance(error, aiohttp.ConnectionTimeoutError):
        return _in_the_way(
            proxy, "does not answer in time, or what is asked for behind it does not", retryable=True
        )
    if proxy.is_socks and type(cause or error).__module__.startswith(("python_socks", "aiohttp_socks")):
        return _in_the_way(proxy, "cannot be reached, or refuses the request", retryable=True)
    return None


def _login_wanted(proxy: Proxy) -> Failure:
    return _in_the_way(proxy, "wants a login, or another one than it was given")


def _in_the_way(proxy: Proxy, what: str, *, retryable: bool = False) -> Failure:
    return Failure(
        "provider_unavailable",
        f"The proxy {proxy.told}, {what}. Correct the proxy, for example to "
        "http://proxy.example:3128 (with name:password@ before the host, where it wants a login), or remove it. "
        "Nothing was sent.",
        retryable=retryable,
    )
