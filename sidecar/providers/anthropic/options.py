"""What a request asks, what the model takes, and what is therefore sent (pure).

Asked for by name and impossible is a Failure; a saved setting or a hint that does not apply is left out and noted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sidecar.providers.anthropic import thinking as thinking_rules
from sidecar.providers.anthropic.schema import enforceable
from sidecar.providers.anthropic.thinking import SMALLEST_BUDGET, Thinking
from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.options import leave_out, output_limit

# For a model of which the catalogue does not say how much it writes: the oldest ones write this much.
UNKNOWN_MAXIMUM = 8_192
# What a budget must leave for the answer itself.
SMALLEST_ANSWER = 1_024

JSON_ONLY = "Answer with one JSON object and nothing else: no introduction, no explanation, no code fence."
SCHEMA_ONLY = (
    "Answer with one JSON value that follows this JSON Schema and nothing else: "
    "no introduction, no explanation, no code fence.\n"
)

_ABILITIES = {
    "json_schema": "JSON schemas",
    "web_search": "web search",
    "extended_thinking": "extended thinking",
    "reasoning": "reasoning efforts",
    "prompt_caching": "prompt caching",
}


@dataclass(frozen=True, slots=True)
class AnthropicOptions:
    """The request after every decision. None is not sent. `instruction` asks for JSON in words."""

    max_tokens: int
    thinking: Thinking | None
    effort: str | None
    temperature: float | None
    search_max_uses: int | None
    schema: Mapping[str, Any] | None
    instruction: str | None
    cache_ttl: Literal["5m", "1h"] | None
    notes: tuple[str, ...]


def resolve_options(request: ChatRequest) -> AnthropicOptions:
    """Raises Failure("unsupported") for what was asked by name and the model cannot do."""
    notes: list[str] = []
    searches = _search(request, notes)
    thinking = _thinking(request, notes)
    limit, thinking = _limits(request, thinking, notes)
    schema, instruction = _json(request, searches is not None, notes)
    return AnthropicOptions(
        max_tokens=limit,
        thinking=thinking,
        effort=thinking_rules.effort(request, thinking is not None, notes),
        temperature=thinking_rules.temperature(request, thinking is not None, notes),
        search_max_uses=searches,
        schema=schema,
        instruction=instruction,
        cache_ttl=_cache(request, notes),
        notes=tuple(notes),
    )


def schema_only(schema: Mapping[str, Any]) -> str:
    """The instruction that asks for a schema in words."""
    return SCHEMA_ONLY + json.dumps(schema, ensure_ascii=False)


def _search(request: ChatRequest, notes: list[str]) -> int | None:
    if request.web_search_max_uses is None:
        return None
    if "web_search" in request.traits.features:
        return max(1, request.web_search_max_uses)
    leave_out(request, "enableWebSearch", "cannot search the web", "web search", notes, _ABILITIES)
    return None


def _thinking(request: ChatRequest, notes: list[str]) -> Thinking | None:
    if not request.thinking or "extended_thinking" in request.traits.features:
        return thinking_rules.thinking(request)
    leave_out(request, "enableExtendedThinking", "has no extended thinking", "it", notes, _ABILITIES)
    return None


def _limits(request: ChatRequest, thinking: Thinking | None, notes: list[str]) -> tuple[int, Thinking | None]:
    """The one limit that the vendor knows, which holds thinking and answer, and the thinking that fits into it."""
    most = request.traits.max_output_tokens
    wanted = output_limit(request, most, notes)
    answer = wanted or most or UNKNOWN_MAXIMUM
    if thinking is None or not thinking.budget:
        return answer, thinking
    room = most or answer + thinking.budget
    limit = min(answer + thinking.budget, room)
    budget = max(SMALLEST_BUDGET, min(thinking.budget, limit - min(answer, SMALLEST_ANSWER)))
    if wanted is not None and "maxOutputTokens" in request.asked:
        notes.append(f"Up to {budget:,} tokens of thinking come on top of the answer's limit.")
    return limit, Thinking({**thinking.wire, "budget_tokens": budget}, budget)


def _json(
    request: ChatRequest, searching: bool, notes: list[str]
) -> tuple[Mapping[str, Any] | None, str | None]:
    """A schema to enforce, or an instruction in words: the vendor has no JSON mode without a schema."""
    schema = request.json_schema
    if schema is None:
        return None, JSON_ONLY if request.json_mode else None
    instruction = schema_only(schema)
    if "json_schema" not in request.traits.features:
        notes.append(f"{request.model} enforces no JSON schema; the answer is checked instead.")
        return None, instruction
    if searching:
        # What is found is cited, and the vendor refuses citations in enforced JSON.
        notes.append("Anthropic enforces no schema while it searches the web; the answer is checked instead.")
        return None, instruction
    said = enforceable(schema)
    if said is None:
        notes.append("Anthropic cannot enforce this schema; the answer is checked instead.")
        return None, instruction
    return said, None


def _cache(request: ChatRequest, notes: list[str]) -> Literal["5m", "1h"] | None:
    if request.cache_ttl is None or "prompt_caching" in request.traits.features:
        return request.cache_ttl
    notes.append(f"{request.model} has no prompt cache, so caching was left out.")
    return None
