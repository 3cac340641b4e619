"""Messages: the request body (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.providers.anthropic.options import AnthropicOptions
from sidecar.providers.base import ChatRequest

# The oldest search tool is the one that every model takes.
SEARCH_TOOL = {"type": "web_search_20250305", "name": "web_search"}


def message_body(request: ChatRequest, choices: AnthropicOptions) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": choices.max_tokens,
        "messages": messages(request, choices),
        "stream": True,
    }
    system = _system(request, choices)
    if system:
        body["system"] = system
    if choices.temperature is not None:
        body["temperature"] = choices.temperature
    if choices.thinking is not None:
        body["thinking"] = dict(choices.thinking.wire)
    output: dict[str, Any] = {}
    if choices.effort is not None:
        output["effort"] = choices.effort
    if choices.schema is not None:
        output["format"] = {"type": "json_schema", "schema": choices.schema}
    if output:
        body["output_config"] = output
    if choices.search_max_uses is not None:
        body["tools"] = [{**SEARCH_TOOL, "max_uses": choices.search_max_uses}]
    return body


def messages(request: ChatRequest, choices: AnthropicOptions) -> list[dict[str, Any]]:
    """The conversation, from its first user turn on. Turns of one role are one message; empty texts are refused."""
    made: list[dict[str, Any]] = []
    for turn in request.turns:
        if not turn.text.strip() or (not made and turn.role != "user"):
            continue
        if not made or made[-1]["role"] != turn.role:
            made.append({"role": turn.role, "content": []})
        made[-1]["content"].append({"type": "text", "text": turn.text})
    if made:
        _mark(made[-1]["content"], choices)
    return made


def _system(request: ChatRequest, choices: AnthropicOptions) -> list[dict[str, Any]]:
    """There is no developer role: whoever instructs does it here. The last block ends what is cached."""
    texts = (request.system, request.developer, choices.instruction)
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts if text and text.strip()]
    _mark(blocks, choices)
    return blocks


def _mark(blocks: list[dict[str, Any]], choices: AnthropicOptions) -> None:
    """Everything up to the last of these blocks is cached. A prefix too short for it stays uncached by itself."""
    if blocks and choices.cache_ttl is not None:
        blocks[-1]["cache_control"] = {"type": "ephemeral", "ttl": choices.cache_ttl}


def caches_an_hour(body: Mapping[str, Any]) -> bool:
    """Whether the request asks for a cache that lives an hour."""
    blocks = [*body.get("system", ()), *(block for each in body["messages"] for block in each["content"])]
    return any(block.get("cache_control", {}).get("ttl") == "1h" for block in blocks)
