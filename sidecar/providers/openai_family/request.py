"""The body of a request, in chat completions and in the Responses API (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sidecar.providers.base import ChatRequest, Turn
from sidecar.providers.openai_family.options import Dialect, OpenAIOptions

JSON_REMINDER = "Answer in JSON."


def messages(request: ChatRequest, choices: OpenAIOptions, dialect: Dialect) -> list[dict[str, str]]:
    """The instructions, then the conversation. Reasoning models take instructions from a `developer`."""
    reasons = "reasoning" in request.traits.features
    role = "developer" if reasons and dialect.developer_role else "system"
    instructions = [text for text in (request.system, request.developer, choices.instruction) if text]
    spoken = [*instructions, *(turn.text for turn in request.turns)]
    # The vendor refuses JSON mode when no message has the word in it.
    if choices.json_mode and not any("json" in text.lower() for text in spoken):
        instructions.append(JSON_REMINDER)
    if not dialect.developer_role and instructions:
        instructions = ["\n\n".join(instructions)]
    return [{"role": role, "content": text} for text in instructions] + _alternating(request.turns)


def _alternating(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The turns, neighbours of one role made one: many templates refuse two questions without an answer between."""
    made: list[dict[str, str]] = []
    for turn in turns:
        if made and made[-1]["role"] == turn.role:
            made[-1] = {"role": turn.role, "content": f"{made[-1]['content']}\n\n{turn.text}"}
        else:
            made.append({"role": turn.role, "content": turn.text})
    return made


def chat_body(request: ChatRequest, choices: OpenAIOptions, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages(request, choices, dialect),
        "stream": True,
    }
    if dialect.chat_stream_options is not None:
        body["stream_options"] = dict(dialect.chat_stream_options)
    if choices.max_output_tokens is not None:
        body[dialect.limit_field] = choices.max_output_tokens
    if choices.temperature is not None:
        body["temperature"] = choices.temperature
    if choices.effort is not None:
        body["reasoning_effort"] = choices.effort
    if choices.schema is not None:
        form = choices.schema
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": form.name, "schema": form.schema, "strict": form.strict},
        }
    elif choices.json_mode:
        body["response_format"] = {"type": "json_object"}
    return body


def responses_body(request: ChatRequest, choices: OpenAIOptions, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        # Everything goes into the input: the word "json" in `instructions` does not count for JSON mode.
        "input": messages(request, choices, dialect),
        "stream": True,
        # The default keeps every answer for a month.
        "store": False,
    }
    if dialect.responses_stream_options is not None:
        body["stream_options"] = dict(dialect.responses_stream_options)
    if choices.max_output_tokens is not None:
        body["max_output_tokens"] = choices.max_output_tokens
    if choices.temperature is not None:
        body["temperature"] = choices.temperature
    reasoning: dict[str, str] = {}
    if choices.effort is not None:
        reasoning["effort"] = choices.effort
    if choices.summaries:
        reasoning["summary"] = "auto"
    if reasoning:
        body["reasoning"] = reasoning
    if choices.search_max_uses is not None:
        body["tools"] = [{"type": "web_search"}]
        if dialect.search_limit_field is not None:
            body[dialect.search_limit_field] = choices.search_max_uses
    if choices.schema is not None:
        form = choices.schema
        body["text"] = {
            "format": {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": form.strict}
        }
    elif choices.json_mode:
        body["text"] = {"format": {"type": "json_object"}}
    return body
