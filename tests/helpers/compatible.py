"""Questions to a server of a person's own, and the provider on a script or on the simulator."""

from __future__ import annotations

from typing import Any

from sidecar.providers.base import ChatRequest, ModelCapabilities, PreparedCall, Turn
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.scripted import Reply, ScriptedTransport, Waits, scripted_edge
from tests.helpers.simulated import no_wait

URL = "https://lab.example:8000/v1"
CHAT = "/compatible/v1/chat/completions"
PLAIN = ModelCapabilities(frozenset({"streaming"}), (), 32_768)
ABLE = ModelCapabilities(frozenset({"streaming", "json_mode", "json_schema"}), (), 32_768, 4_096)
THINKER = ModelCapabilities(frozenset({"streaming", "reasoning"}), ("low", "high"), 32_768)


def ask(
    text: str = "Why?", traits: ModelCapabilities = PLAIN, model: str = "llama", **options: Any
) -> ChatRequest:
    return ChatRequest(model=model, turns=(Turn("user", text),), traits=traits, **options)


def plan(traits: ModelCapabilities = PLAIN, **options: Any) -> PreparedCall:
    made = Compatible(HttpClient(), URL, name="lab", title="Lab")
    return made.plan(ask(traits=traits, **options))


def scripted(
    *script: Reply | Exception, url: str = URL, **edge: Any
) -> tuple[Compatible, ScriptedTransport, Waits]:
    http, transport, waits = scripted_edge(*script, **edge)
    return Compatible(http, url, name="lab", title="Lab"), transport, waits


def in_process(sim: Simulator, url: str = URL) -> Compatible:
    """The real provider over the simulator in place of the network."""
    edge = HttpClient(lambda: simulated_transport(sim), sleep=no_wait)
    return Compatible(edge, url, name="lab", title="Lab")
