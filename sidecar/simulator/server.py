"""The simulator as an HTTP server of its own on loopback: `abai-sidecar simulator`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from sidecar.simulator.core import DEFAULT_PACE_MS, Simulator
from sidecar.simulator.exchange import ConnectionCut, SimRequest
from sidecar.simulator.registry import environment

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
MAX_BODY_BYTES = 256 * 1024 * 1024


async def start_simulator(simulator: Simulator, port: int) -> tuple[web.AppRunner, int]:
    """Serves it on 127.0.0.1; port 0 takes a free one. Gives the runner, to be cleaned up, and the port."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = SimRequest(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            query=dict(request.query),
        )
        try:
            simulated = await simulator.handle(asked)
        except ConnectionCut:
            return _cut(request)
        try:
            response = web.StreamResponse(status=simulated.status, headers=dict(simulated.headers))
            await response.prepare(request)
            async for chunk in simulated.chunks:
                await response.write(chunk)
            await response.write_eof()
        except ConnectionCut:
            return _cut(request)
        except ConnectionError:
            # The client is gone; closing the answer below says so to the ledger.
            return web.Response()
        finally:
            await simulated.aclose()
        return response

    def _cut(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.router.add_route("*", "/{path:.*}", answer)
    # A client that leaves cancels its handler at once, and so its entry in the ledger.
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    await site.start()
    return runner, runner.addresses[0][1]


async def serve_simulator(
    port: int, out: TextIO, *, pace_ms: float = DEFAULT_PACE_MS, stop: asyncio.Event | None = None
) -> None:
    """Serves until `stop`, SIGINT or SIGTERM. Writes one line of JSON to `out`: the environment to set."""
    stop = stop or asyncio.Event()
    runner, taken = await start_simulator(Simulator(pace_ms=pace_ms), port)
    try:
        _stop_on_signals(stop)
        out.write(json.dumps(environment(f"http://{HOST}:{taken}")) + "\n")
        out.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main(arguments: Sequence[str], out: TextIO) -> int:
    """`abai-sidecar simulator [--port N] [--pace-ms N]`; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="abai-sidecar simulator",
        description="Answer as the vendors do, without keys, cost or meaning.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument(
        "--pace-ms", type=float, default=DEFAULT_PACE_MS, help="milliseconds between two pieces of text"
    )
    flags = parser.parse_args(arguments)
    asyncio.run(serve_simulator(flags.port, out, pace_ms=flags.pace_ms))
    return 0


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError):
            # Windows has no signal handlers in the loop; elsewhere only the main thread has them.
            try:
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
            except ValueError:
                return
