"""What xAI refuses in a request (pure). A simulator that takes everything would hide our mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.bodies import mapping
from sidecar.simulator.counting import count_prompt
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.models import SimModel

_NEVER = ("stop", "presence_penalty", "frequency_penalty")
_CHAT_FIELDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "n",
        "user",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
    }
)
_RESPONSES_FIELDS = frozenset(
    {
        "model",
        "input",
        "instructions",
        "stream",
        "store",
        "include",
        "max_output_tokens",
        "temperature",
        "top_p",
        "user",
        "reasoning",
        "text",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "service_tier",
    }
)
_TOOLS = frozenset({"web_search", "x_search"})


def check(body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel, *, on_chat: bool) -> None:
    """Raises Refused for what the vendor would answer with a 400."""
    for field in _NEVER:
        if field in body:
            raise _refused(f"Model {model.id} does not support parameter {field}.")
    unknown = body.keys() - (_CHAT_FIELDS if on_chat else _RESPONSES_FIELDS)
    if unknown:
        raise _refused(f"Argument not supported: {', '.join(sorted(unknown))}.")
    if on_chat and "multi-agent" in model.id:
        raise _refused(f"Model {model.id} is not supported on this endpoint. Use /v1/responses.")
    if any(role == "developer" for role, _ in parsed.messages):
        raise _refused("messages: unknown variant `developer`.")
    if parsed.effort is not None and parsed.effort not in model.efforts:
        raise _refused(f"Model {model.id} does not support parameter reasoningEffort.")
    temperature = body.get("temperature")
    if temperature is not None and not (isinstance(temperature, (int, float)) and 0 <= temperature <= 2):
        raise _refused("temperature must be between 0 and 2.")
    for tool in body.get("tools") or ():
        if mapping(tool).get("type") not in _TOOLS or "web_search" not in model.features or on_chat:
            raise _refused(f"Model {model.id} does not support this tool on this endpoint.")
    if {"response_format", "text"} & body.keys() and "json_mode" not in model.features:
        raise _refused(f"Model {model.id} does not support response_format.")
    if count_prompt(parsed.messages) + (parsed.max_output_tokens or 0) > model.context_size:
        raise _refused(
            f"This model's maximum prompt length is {model.context_size} but the request contains more tokens."
        )


def _refused(message: str) -> Refused:
    return Refused(Refusal(400, message))
