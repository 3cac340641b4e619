"""The way out through a SOCKS proxy: what fails before the connection is there failed before anything left."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiohttp import BaseConnector, ClientConnectorError, ClientRequest
from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType

from sidecar.providers.kernel.lenient import LenientHandler
from sidecar.providers.kernel.proxies import Proxy


class _Connector(ProxyConnector):
    """The library's, whose connections tell of TLS that was not agreed on as aiohttp's own do."""

    async def _wrap_create_connection(
        self, *args: Any, req: ClientRequest, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        try:
            return await super()._wrap_create_connection(*args, req=req, **kwargs)
        except TimeoutError:
            raise
        except OSError as error:
            # As it comes it would look like the end of a connection that the request had been written to.
            raise ClientConnectorError(req.connection_key, error) from error

    async def _connect_via_proxy(
        self, *args: Any, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        transport, made = await super()._connect_via_proxy(*args, **kwargs)
        handler = LenientHandler(asyncio.get_running_loop())
        # What it holds would close the connection when nothing holds it.
        handler.stands_for = made
        transport.set_protocol(handler)
        handler.connection_made(transport)
        return transport, handler


def socks_connector(proxy: Proxy, trusted: ssl.SSLContext | bool) -> BaseConnector:
    """Return what makes connections by way of the proxy. How many there are at once is decided elsewhere."""
    return _Connector(
        proxy_type=ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5,
        host=proxy.host,
        port=proxy.port,
        username=proxy.login or None,
        password=proxy.password or None,
        # Names are resolved by the proxy: inside a company only it may know them.
        rdns=True,
        limit=0,
        ssl=trusted,
    )
