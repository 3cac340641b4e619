"""The adapter of Gemini's batches on a simulator, and rows for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sidecar.providers.base import ChatRequest
from sidecar.providers.gemini.batch import GeminiBatch
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.gemini import BASE, ask
from tests.helpers.simulated import no_wait, on_loopback

PLANNER = Gemini(HttpClient(), BASE)
FLASH = "gemini-3.8-flash"
# Any part is too large for its create request, or none is.
SORTS = {"inline": 20_000_000, "file": 0}
both_sorts = pytest.mark.parametrize("sort", SORTS)
both_ways = pytest.mark.parametrize("how", ["in process", "loopback"])


def adapter_on(sim: Simulator, sort: str = "inline") -> GeminiBatch:
    edge = HttpClient(lambda: simulated_transport(sim), sleep=no_wait)
    return GeminiBatch(edge, f"{BASE}/", largest_inline=SORTS[sort])


@asynccontextmanager
async def reached(sim: Simulator, how: str, sort: str) -> AsyncIterator[GeminiBatch]:
    """The adapter, in process or over loopback."""
    async with asyncio.timeout(60):
        if how == "in process":
            yield adapter_on(sim, sort)
            return
        async with on_loopback(sim) as base:
            edge = HttpClient(sleep=no_wait)
            yield GeminiBatch(edge, f"{base}/gemini", largest_inline=SORTS[sort])
            await edge.aclose()


def exactly(count: int, model: str = FLASH) -> dict[str, ChatRequest]:
    return {f"row-{n}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(count)
    rows["row-0"] = ask(FLASH, f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows
