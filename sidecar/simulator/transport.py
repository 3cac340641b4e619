"""The simulator in place of the network: httpx's transport over it, in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import ConnectionCut, SimRequest, SimResponse
from sidecar.simulator.registry import COMPATIBLE, prefixes

if TYPE_CHECKING:
    import httpx


def simulated_transport(simulator: Simulator) -> httpx.AsyncBaseTransport:
    """A transport that answers every request from the simulator, streaming, and tells it when the client leaves."""
    import httpx

    hosts = prefixes()

    class SimulatedBody(httpx.AsyncByteStream):
        def __init__(self, response: SimResponse) -> None:
            self._response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._response.chunks:
                    yield chunk
            except ConnectionCut:
                raise httpx.ReadError("the simulated connection was cut") from None

        async def aclose(self) -> None:
            await self._response.aclose()

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            body = await request.aread()
            asked = SimRequest(
                method=request.method,
                # Any other host is a server of the person's own.
                path=hosts.get(request.url.host, COMPATIBLE.prefix) + request.url.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                query=dict(request.url.params),
            )
            try:
                response = await simulator.handle(asked)
            except ConnectionCut:
                raise httpx.ReadError("the simulated connection was cut", request=request) from None
            return httpx.Response(
                response.status,
                headers=dict(response.headers),
                stream=SimulatedBody(response),
                request=request,
            )

    return Transport()
