"""What Anthropic, and servers that speak its protocol, refuse for its form, and how to do without it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.anthropic.options import SMALLEST_ANSWER, schema_only
from sidecar.providers.anthropic.thinking import ADAPTIVE, DEFAULT_BUDGET, SMALLEST_BUDGET
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.refused_fields import (
    INSTRUCTIONS,
    STREAMING,
    most_told,
    no_effort,
    no_room,
    no_search,
    no_temperature,
    no_thinking,
    room_told,
    too_high,
    without_anywhere,
    without_field,
    without_inside,
)
from sidecar.providers.kernel.refused_forms import Attempt, Body, Rule, on_body

_NO_CACHE = "{model} has no such prompt cache, so caching was left out."


def not_streamed(body: Body) -> dict[str, Any] | None:
    """Ask for the answer as a whole."""
    return {**body, "stream": False} if body.get("stream") is True else None


def uncached(word: str) -> Any:
    """Return what asks for no cache, or leaves its lifetime to the vendor."""

    def change(body: Body) -> dict[str, Any] | None:
        return dict(without_anywhere(body, word))

    return change


def other_thinking(body: Body) -> dict[str, Any] | None:
    """Let the model decide how much it thinks where it takes no budget, and give it one where it cannot decide."""
    kind = as_mapping(body.get("thinking")).get("type")
    if kind == "enabled":
        return {**body, "thinking": dict(ADAPTIVE)}
    budget = min(DEFAULT_BUDGET, body["max_tokens"] - SMALLEST_ANSWER)
    if kind != "adaptive" or budget < SMALLEST_BUDGET:
        return None
    return {**body, "thinking": {"type": "enabled", "budget_tokens": budget}}


def in_words(body: Body) -> dict[str, Any] | None:
    """Ask for the schema in words: the reply is held against it here."""
    schema = as_mapping(as_mapping(body.get("output_config")).get("format")).get("schema")
    if schema is None:
        return None
    told = {"type": "text", "text": schema_only(schema)}
    rest = without_inside("output_config", "format")(body) or {}
    return {**rest, "system": [*body.get("system", ()), told]}


def texts_alone(body: Body) -> dict[str, Any] | None:
    """Write each list of texts as one text: servers that speak the protocol in part know nothing else."""
    changed = dict(body)
    if isinstance(body.get("system"), list):
        changed["system"] = _joined(body["system"])
    changed["messages"] = [{**turn, "content": _joined(turn["content"])} for turn in body["messages"]]
    return changed


def instructions_in_question(body: Body) -> dict[str, Any] | None:
    """Put the instructions in front of the first question."""
    system = body.get("system")
    if not system or not body["messages"]:
        return None
    first, *rest = body["messages"]
    told = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    spoken = first["content"]
    content = [*told, *([{"type": "text", "text": spoken}] if isinstance(spoken, str) else spoken)]
    kept = without_field("system")(body) or {}
    together = _joined(content) if isinstance(spoken, str) else content
    return {**kept, "messages": [{**first, "content": together}, *rest]}


def limit_in(body: Body) -> int | None:
    """Return the limit of the answer, which the vendor asks of every question."""
    return body.get("max_tokens") or None


def lower_limit(attempt: Attempt, said: str) -> Attempt | None:
    """Lower the limit to what the vendor says that it takes."""
    return _limited(attempt, most_told(said, attempt.body["max_tokens"]))


def fitting_limit(attempt: Attempt, said: str) -> Attempt | None:
    """Lower the limit to what the prompt leaves of the model's window."""
    return _limited(attempt, room_told(said, attempt.body["max_tokens"]))


def _limited(attempt: Attempt, most: int | None) -> Attempt | None:
    """A budget to think with must leave room for an answer, else the model does without."""
    if most is None:
        return None
    body = {**attempt.body, "max_tokens": most}
    budget = as_mapping(body.get("thinking")).get("budget_tokens")
    if budget and budget >= most:
        body["thinking"] = {**body["thinking"], "budget_tokens": most // 2}
        if most // 2 < SMALLEST_BUDGET:
            del body["thinking"]
    return replace(attempt, body=body)


def _joined(blocks: Any) -> Any:
    if not isinstance(blocks, list) or any(
        set(block) - {"type", "text", "cache_control"} for block in blocks
    ):
        return blocks
    return "\n\n".join(block["text"] for block in blocks)


def _schema(body: Body) -> Mapping[str, Any]:
    return as_mapping(as_mapping(body.get("output_config")).get("format"))


_OUTPUT_CONFIG = re.compile(
    r"\boutput_(?:config|format)\b|schema|structured output|\bgrammar\b", re.IGNORECASE
)

# What does least comes first: a refusal may name several things, and mean only one of them.
RULES = (
    Rule("the cache's lifetime", re.compile(r"\bttl\b"), on_body(uncached("ttl"))),
    Rule(
        "the cache",
        re.compile(r"\bcache_control\b|prompt caching", re.IGNORECASE),
        on_body(uncached("cache_control")),
        note=_NO_CACHE,
    ),
    Rule("thinking.display", re.compile(r"\bdisplay\b"), on_body(without_inside("thinking", "display"))),
    no_temperature(without_field("temperature")),
    Rule(
        "the sort of thinking",
        re.compile(r"\badaptive\b|thinking\.type|\bbudget_tokens\b"),
        on_body(other_thinking),
    ),
    no_effort("effort", re.compile(r"\beffort\b", re.IGNORECASE), without_inside("output_config", "effort")),
    no_thinking(re.compile(r"\bthinking\b", re.IGNORECASE), without_field("thinking")),
    Rule("the schema", _OUTPUT_CONFIG, on_body(in_words), about=_schema),
    no_effort("output_config", _OUTPUT_CONFIG, without_field("output_config")),
    Rule("streaming", STREAMING, on_body(not_streamed)),
    Rule(
        "lists of texts",
        re.compile(r"\b(?:system|content)\b.{0,80}\bstr(?:ing)?\b", re.IGNORECASE | re.DOTALL),
        on_body(texts_alone),
    ),
    Rule("the role of the instructions", INSTRUCTIONS, on_body(instructions_in_question)),
    no_search(re.compile(r"\bweb[_ ]search|\btools?\b", re.IGNORECASE)),
    no_room(fitting_limit),
    too_high(re.compile(r"\bmax_tokens\b|output tokens"), lower_limit),
)
