"""Gemini models as the catalogue gives them, the provider on a script, and chunks as Google writes them."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import cache
from typing import Any

from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import ChatRequest, Event, ModelCapabilities, PreparedCall, TextDelta, Turn
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest, SimResponse
from sidecar.simulator.transport import simulated_transport
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


@cache
def catalogue() -> Catalogue:
    return Catalogue.load(None)


def traits(model: str) -> ModelCapabilities:
    """What the shipped catalogue knows; a model called plain-text can do nothing."""
    if model == "plain-text":
        return ModelCapabilities(frozenset({"streaming"}))
    entry = catalogue().resolve(f"gemini/{model}").model
    return ModelCapabilities(
        frozenset(entry.features), entry.efforts, entry.context_size, entry.max_output_tokens, entry.extra
    )


def ask(model: str, text: str = "Why?", **options: Any) -> ChatRequest:
    if "traits" not in options:
        options["traits"] = traits(model)
    return ChatRequest(model=model, **{"turns": (Turn("user", text),), **options})


def plan(model: str, text: str = "Why?", **options: Any) -> PreparedCall:
    return Gemini(HttpClient(), BASE).plan(ask(model, text, **options))


def provider(*script: Reply | Exception, **edge: Any) -> tuple[Gemini, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return Gemini(http, "https://api.example/"), transport


def in_process(sim: Simulator) -> Gemini:
    """The real provider over the simulator in place of the network."""
    return Gemini(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), BASE)


async def collect(asked: Gemini, made: PreparedCall, key: str = KEY) -> tuple[list[Event], Failure | None]:
    events: list[Event] = []
    try:
        async with asyncio.timeout(60), aclosing(asked.stream(made, key)) as stream:
            async for event in stream:
                events.append(event)
    except Failure as failure:
        return events, failure
    return events, None


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


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
