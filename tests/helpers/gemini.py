"""Gemini models as the catalogue gives them, the provider on a script, and chunks as Google writes them."""

from __future__ import annotations

import json
from typing import Any

from sidecar.providers.base import ChatRequest, ModelCapabilities, PreparedCall
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest, SimResponse
from sidecar.simulator.transport import simulated_transport
from tests.helpers import models
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge
from tests.helpers.simulated import no_wait

KEY = "AIzaSy-test-key-0123456789"
BASE = "https://generativelanguage.googleapis.com"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

# One of each sort: levels without minimal, levels with it, the older line with sampling, budgets.
MODELS = (
    "gemini-4-argon",
    "gemini-3.8-flash",
    "gemini-3.6-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-pro-preview",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
)


def traits(model: str) -> ModelCapabilities:
    """What the shipped catalogue knows; a model called plain-text can do nothing."""
    return models.UNABLE if model == "plain-text" else models.traits("gemini", model)


def ask(model: str, text: str = "Why?", **options: Any) -> ChatRequest:
    return models.ask("gemini", model, text, **{"traits": options.get("traits") or traits(model), **options})


def plan(model: str, text: str = "Why?", **options: Any) -> PreparedCall:
    return Gemini(HttpClient(), BASE).plan(ask(model, text, **options))


def provider(*script: Reply | Exception, **edge: Any) -> tuple[Gemini, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return Gemini(http, "https://api.example/"), transport


def in_process(sim: Simulator) -> Gemini:
    """The real provider over the simulator in place of the network."""
    return Gemini(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), BASE)


async def post(sim: Simulator, path: str, body: Any, key: str = KEY) -> SimResponse:
    """One request to the simulator itself, as it would come from a client."""
    return await sim.handle(
        SimRequest("POST", f"/gemini/v1beta{path}", {"x-goog-api-key": key}, json.dumps(body).encode())
    )


def chunk(
    text: str = "", finish: str | None = None, *, thought: bool = False, usage: Any = None, **members: Any
) -> dict[str, Any]:
    """One chunk of an answer; `members` go into its candidate."""
    parts = [{"text": text, **({"thought": True} if thought else {})}] if text else []
    candidate = {"content": {"role": "model", **({"parts": parts} if parts else {})}, "index": 0, **members}
    if finish is not None:
        candidate["finishReason"] = finish
    made = {"candidates": [candidate], "modelVersion": "gemini-3.8-flash", "responseId": "r1"}
    return made if usage is None else {**made, "usageMetadata": usage}


def sse(*values: Any) -> bytes:
    """Values as Google frames them."""
    return "".join(f"data: {json.dumps(value)}\r\n\r\n" for value in values).encode()
