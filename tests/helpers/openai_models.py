"""OpenAI models as the catalogue gives them, one of each sort, and the provider on a script."""

from __future__ import annotations

from typing import Any

from sidecar.providers.base import ChatRequest, ModelCapabilities, Turn
from sidecar.providers.openai.provider import OpenAI
from tests.helpers.scripted import ScriptedTransport, Step, scripted_edge

KEY = "sk-test-key-123456"

_COMMON = {"json_mode", "json_schema", "streaming", "prompt_caching", "batch"}
_REASONING = frozenset({*_COMMON, "web_search", "reasoning"})

GPT_4O = ModelCapabilities(frozenset({*_COMMON, "web_search"}), (), 128_000, 16_384)
O3_MINI = ModelCapabilities(frozenset({*_COMMON, "reasoning"}), ("low", "medium", "high"), 200_000, 100_000)
GPT_5 = ModelCapabilities(_REASONING, ("minimal", "low", "medium", "high"), 400_000, 128_000)
GPT_5_1 = ModelCapabilities(_REASONING, ("none", "low", "medium", "high"), 400_000, 128_000)
GPT_5_4_MINI = ModelCapabilities(_REASONING, (), 400_000, 128_000)
GPT_6_1_SOL = ModelCapabilities(_REASONING, ("low", "medium", "high", "xhigh", "max"), 1_050_000, 128_000)
THINKER = ModelCapabilities(frozenset({*_REASONING, "extended_thinking"}), ("low", "high"), 400_000, 128_000)
PLAIN_TEXT = ModelCapabilities(frozenset({"streaming"}))

ALL = {
    "gpt-4o": GPT_4O,
    "o3-mini": O3_MINI,
    "gpt-5": GPT_5,
    "gpt-5.1": GPT_5_1,
    "gpt-5.4-mini": GPT_5_4_MINI,
    "gpt-6.1-sol": GPT_6_1_SOL,
    "thinker": THINKER,
    "plain-text": PLAIN_TEXT,
}


def scripted(*script: Step, **edge: Any) -> tuple[OpenAI, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return OpenAI(http, "https://api.example/v1/"), transport


def ask(model: str, text: str = "Why?", **options: Any) -> ChatRequest:
    """A request to one of the models above."""
    turns = (Turn("user", text),)
    return ChatRequest(model=model, turns=turns, traits=ALL[model], **options)
