"""Questions to Grok with what the catalogue knows of each model; the provider on a script or a simulator."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import (
    ChatRequest,
    Event,
    PreparedCall,
    Provider,
    Usage,
)
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers import answers, models
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge
from tests.helpers.simulated import no_wait

KEY = "xai-test-key-123456"
CATALOGUE = models.catalogue()
MODELS = tuple(model.id for model in CATALOGUE.models if model.provider == "grok" and model.served_by is None)


def ask(model: str = "grok-4.3", text: str = "Why?", **options: Any) -> ChatRequest:
    return models.ask("grok", model, text, **options)


async def collect(made: Provider, request: ChatRequest, key: str = KEY) -> tuple[list[Event], Failure | None]:
    return await answers.collect(made, made.plan(request), key)


def priced(usage: Usage, model: str, day: date = models.TODAY, *, batch: bool = False) -> Decimal | str:
    return models.priced("grok", model, usage, day, batch=batch)


def plan(model: str = "grok-4.3", text: str = "Why?", **options: Any) -> PreparedCall:
    return Grok(HttpClient(), "https://api.x.ai/v1").plan(ask(model, text, **options))


def scripted(*script: Reply | Exception, **edge: Any) -> tuple[Grok, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return Grok(http, "https://api.x.ai/v1"), transport


def in_process(sim: Simulator) -> Grok:
    """The real provider over the simulator in place of the network."""
    return Grok(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), "https://api.x.ai/v1")
