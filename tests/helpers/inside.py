"""The whole sidecar in mock mode inside the test's own process: everything but the pipe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sidecar import app
from sidecar.clock import Now
from sidecar.config import Config
from sidecar.container import Container
from sidecar.contract.errors import ERRORS
from sidecar.key_stores import MemoryKeys
from sidecar.methods.routes import build_routes
from sidecar.providers.kernel.http import HttpClient
from sidecar.rpc.dispatch import Dispatcher, Route
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.outbox import Outbox
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.watched_store import SERVED, WatchedStore

DEADLINE_SECONDS = 60.0


class Inside:
    """Messages in, messages out, in order; `services` and `simulator` for a look behind."""

    def __init__(self, dispatcher: Dispatcher, services: Container, simulator: Simulator) -> None:
        self.services = services
        assert isinstance(services.store, WatchedStore)
        self.store = services.store
        self.simulator = simulator
        self._dispatcher = dispatcher
        self._came: asyncio.Queue[Any] = asyncio.Queue()
        self._taking: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._calls: dict[Any, asyncio.Future[Any]] = {}

    def send(self, message: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._dispatcher.accept(message))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def next_message(self) -> Any:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._came.get()

    async def ask(self, method: str, params: Any = ...) -> Any:
        """The whole response to one request; what comes before it is passed over."""
        self._last_id += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": f"ask-{self._last_id}", "method": method}
        self.send(message if params is ... else {**message, "params": params})
        while True:
            answer = await self.next_message()
            if answer.get("id") == message["id"]:
                return answer

    async def call(self, method: str, params: Any = ...) -> Any:
        """The whole response to one request of several at once; nothing else is passed over."""
        self._last_id += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": f"call-{self._last_id}", "method": method}
        reply = self._calls[message["id"]] = asyncio.get_running_loop().create_future()
        self.send(message if params is ... else {**message, "params": params})
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await reply

    async def ended(self, job_id: str) -> None:
        """Returns when a job runs no more. It is asked for: the last notification may come before such an answer."""

        async def over() -> bool:
            job = await self.call("batch:get", {"jobId": job_id})
            return bool(job["result"]["status"] != "processing")

        await self.store.until(over)

    async def take(self, frames: bytes) -> None:
        for line in frames.splitlines():
            message = json.loads(line)
            reply = self._calls.pop(message.get("id"), None)
            if reply is None:
                self._came.put_nowait(message)
            elif not reply.done():
                reply.set_result(message)


@dataclass(frozen=True, slots=True)
class World:
    """What is outside and outlives a sidecar: the vendors and the clock."""

    simulator: Simulator
    now_ms: Now


@asynccontextmanager
async def inside(
    data_dir: Path,
    *,
    day: str | None = None,
    batch_poll_ms: int | None = None,
    world: World | None = None,
    more_keys: Mapping[str, str] | None = None,
) -> AsyncIterator[Inside]:
    mock_day = date.fromisoformat(day) if day else None
    config = Config(data_dir=data_dir, mock=True, mock_day=mock_day, batch_poll_ms=batch_poll_ms)
    now_ms = world.now_ms if world else app.run_clock(config)
    outbox, in_flight = Outbox(), InFlight()
    simulator = world.simulator if world else Simulator(pace_ms=0, now_ms=now_ms)
    http = HttpClient(lambda: simulated_transport(simulator))
    vendors = ("openai", "anthropic", "gemini", "grok")
    keys = MemoryKeys({**dict.fromkeys(vendors, app.SIMULATED_KEY), **(more_keys or {})})
    services = Container(config, lambda options: http, keys, outbox, in_flight, now_ms, WatchedStore)
    dispatcher = Dispatcher(_named(build_routes()), services, outbox, errors=ERRORS, in_flight=in_flight)
    reached = Inside(dispatcher, services, simulator)
    outbox.framing = "newline"
    writing = asyncio.create_task(outbox.run(reached.take))
    try:
        yield reached
    finally:
        await services.close(batch_grace_seconds=0)
        outbox.close()
        await writing


def _named(routes: Mapping[str, Route]) -> dict[str, Route]:
    """The routes, whose requests say for whom they look into the store."""

    def named(route: Route) -> Route:
        def serve(call: Any, params: Any) -> Any:
            SERVED.set(call.method)
            return route.handler(call, params)

        return replace(route, handler=serve)

    return {name: named(route) for name, route in routes.items()}
