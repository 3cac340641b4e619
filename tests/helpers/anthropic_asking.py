"""Anthropic's models as the shipped catalogue has them, and short ways to ask them."""

from __future__ import annotations

import json
from typing import Any

import httpx

from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import ChatRequest, PreparedCall
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers import models
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge
from tests.helpers.simulated import no_wait

KEY = "sk-ant-test-key-123456"
BASE = "https://api.anthropic.com"

# One of each sort, as section 2.3 of the vendor's table has them.
ALWAYS, BETWEEN, THINKS, QUIET = "claude-opus-5-5", "claude-sonnet-5-5", "claude-sonnet-5", "claude-opus-4-8"
EITHER, BUDGET_EFFORT, BUDGET = "claude-sonnet-4-6", "claude-opus-4-5", "claude-haiku-4-5"
RETIRED = "claude-3-5-haiku-20241022"
SERVED = (
    ALWAYS,
    BETWEEN,
    THINKS,
    QUIET,
    EITHER,
    BUDGET_EFFORT,
    BUDGET,
    "claude-fable-5-2",
    "claude-haiku-5-5",
)


def ask(model: str = BETWEEN, text: str = "Why?", **options: Any) -> ChatRequest:
    return models.ask("anthropic", model, text, **options)


def plan(model: str = BETWEEN, text: str = "Why?", **options: Any) -> PreparedCall:
    return Anthropic(HttpClient(), BASE).plan(ask(model, text, **options))


def provider(*script: Reply | Exception, **edge: Any) -> tuple[Anthropic, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return Anthropic(http, "https://api.example/"), transport


class Recorded(httpx.AsyncBaseTransport):
    """A transport that remembers the bodies that went through it."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.bodies: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(await request.aread()))
        return await self._inner.handle_async_request(request)


def on_simulator(sim: Simulator) -> Anthropic:
    """The real provider over the simulator in place of the network."""
    return over(simulated_transport(sim))


def over(transport: httpx.AsyncBaseTransport) -> Anthropic:
    return Anthropic(HttpClient(lambda: transport, sleep=no_wait), BASE)


def events_of(*values: dict[str, Any]) -> bytes:
    """Values as the vendor's event stream, each event named by its type."""
    return "".join(f"event: {value['type']}\ndata: {json.dumps(value)}\n\n" for value in values).encode()
