"""Questions to Grok with what the catalogue knows of each model; the provider on a script or a simulator."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.money import pricing
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import (
    ChatRequest,
    Done,
    Event,
    ModelCapabilities,
    PreparedCall,
    Provider,
    TextDelta,
    ThinkingDelta,
    Turn,
    Usage,
)
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge
from tests.helpers.simulated import NOW_MS, no_wait

KEY = "xai-test-key-123456"
CATALOGUE = Catalogue.load(None)
TODAY = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
MODELS = tuple(model.id for model in CATALOGUE.models if model.provider == "grok" and model.served_by is None)


def ask(model: str = "grok-4.3", text: str = "Why?", **options: Any) -> ChatRequest:
    found = CATALOGUE.reported("grok", model)
    assert found is not None
    known = ModelCapabilities(
        features=frozenset(found.features),
        efforts=found.efforts,
        context_size=found.context_size,
        max_output_tokens=found.max_output_tokens,
        extra=found.extra,
    )
    return ChatRequest(model=model, turns=(Turn("user", text),), traits=known, **options)


def plan(model: str = "grok-4.3", text: str = "Why?", **options: Any) -> PreparedCall:
    return Grok(HttpClient(), "https://api.x.ai/v1").plan(ask(model, text, **options))


def scripted(*script: Reply | Exception, **edge: Any) -> tuple[Grok, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return Grok(http, "https://api.x.ai/v1"), transport


def in_process(sim: Simulator) -> Grok:
    """The real provider over the simulator in place of the network."""
    return Grok(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), "https://api.x.ai/v1")


async def collect(made: Provider, request: ChatRequest, key: str = KEY) -> tuple[list[Event], Failure | None]:
    """Every event of one question, and what ended it if that was not Done."""
    events: list[Event] = []
    try:
        async with asyncio.timeout(60), aclosing(made.stream(made.plan(request), key)) as stream:
            async for event in stream:
                events.append(event)
    except Failure as failure:
        return events, failure
    return events, None


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def thinking_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ThinkingDelta))


def done_of(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def priced(usage: Usage, model: str, day: date = TODAY, *, batch: bool = False) -> Decimal | str:
    """What the usage costs by the shipped catalogue, or why that is not known."""
    found = CATALOGUE.reported("grok", model)
    assert found is not None
    cost = pricing.cost(usage, CATALOGUE.price_entry(found, day), batch=batch)
    return cost.reason if isinstance(cost, pricing.Unpriced) else cost.total_usd
