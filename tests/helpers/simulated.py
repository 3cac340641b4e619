"""Simulators for tests: in the process with no pace, or on loopback with the real network in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest, SimResponse
from sidecar.simulator.server import start_simulator
from sidecar.simulator.transport import simulated_transport

# Pieces that a simulated vendor sends in a tenth of a second at the pace of one in 20 ms. On a machine that has other
# things to do both sides are late alike; a clock on the wall would blame the one that is looked at.
A_TENTH_OF_A_SECOND = 5
# A day on which every model that the tests name is served: 2026-11-23.
NOW_MS = 1_795_392_000_000


def simulator(**options: Any) -> Simulator:
    return Simulator(**{"pace_ms": 0, "now_ms": lambda: NOW_MS, **options})


async def post(
    sim: Simulator, path: str, body: dict[str, Any] | bytes, key: str = "sk-simulated"
) -> SimResponse:
    """One request to the simulator itself, as it would come from a client."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await sim.handle(SimRequest("POST", path, {"authorization": f"Bearer {key}"}, content))


async def read(response: SimResponse) -> bytes:
    try:
        return b"".join([chunk async for chunk in response.chunks])
    finally:
        await response.aclose()


async def no_wait(seconds: float) -> None:
    """In place of `asyncio.sleep`, where a wait is not what is tested."""
    await asyncio.sleep(0)


def in_process(sim: Simulator) -> OpenAI:
    """The real provider over the simulator in place of the network."""
    return OpenAI(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), "https://api.openai.com/v1")


@asynccontextmanager
async def on_loopback(sim: Simulator) -> AsyncIterator[str]:
    """The simulator's HTTP server; gives its address without a path."""
    runner, port = await start_simulator(sim, 0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def pieces_until_noticed(sim: Simulator) -> int:
    """How many more pieces a simulated vendor sends to a client that has left, until it notices. Unbounded."""
    entry = sim.ledger.entries[-1]
    before = len(entry.sent)
    while entry.state != "cancelled":
        await asyncio.sleep(0)
    return len(entry.sent) - before
