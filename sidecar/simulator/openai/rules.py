"""What OpenAI refuses in a request (pure). A simulator that takes everything would hide our mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.counting import count_prompt
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.models import SimModel


def check(body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel, *, effort_param: str) -> None:
    """Raises Refused for what the vendor would answer with a 400."""
    if "max_tokens" in body and model.reasons:
        raise _refused(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    _check_temperature(body.get("temperature"), parsed, model)
    if parsed.effort is not None:
        _check_effort(parsed.effort, model, effort_param)
    if parsed.json_mode and not any("json" in text.lower() for _, text in parsed.messages):
        raise _refused("'messages' must contain the word 'json' in some form.", "messages", None)
    if parsed.search and "web_search" not in model.features:
        raise _refused(f"Hosted tool 'web_search' is not supported with {model.id}.", "tools", None)
    if parsed.max_output_tokens is not None and parsed.max_output_tokens < 1:
        raise _refused("Invalid value: the token limit must be at least 1.", "max_completion_tokens", None)
    prompt = count_prompt(parsed.messages)
    if prompt + (parsed.max_output_tokens or 0) > model.context_size:
        raise _refused(
            f"This model's maximum context length is {model.context_size} tokens. "
            f"However, your messages resulted in {prompt} tokens.",
            "messages",
            "context_length_exceeded",
        )


def _check_temperature(temperature: Any, parsed: ParsedRequest, model: SimModel) -> None:
    if temperature is None:
        return
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise _refused(
            "Invalid 'temperature': expected a value between 0 and 2.", "temperature", "invalid_value"
        )
    if model.reasons and parsed.effort != "none" and temperature != 1:
        raise _refused(
            "Unsupported value: 'temperature' does not support this value with this model. "
            "Only the default (1) value is supported.",
            "temperature",
            "unsupported_value",
        )


def _check_effort(effort: str, model: SimModel, param: str) -> None:
    if not model.reasons:
        raise _refused(f"Unrecognized request argument supplied: {param}", param, "unsupported_parameter")
    if model.efforts and effort not in model.efforts:
        listed = ", ".join(f"'{one}'" for one in model.efforts)
        raise _refused(
            f"Unsupported value: '{param}' does not support '{effort}' with the '{model.id}' model. "
            f"Supported values are: {listed}.",
            param,
            "unsupported_value",
        )


def _refused(message: str, param: str, code: str | None) -> Refused:
    return Refused(Refusal(400, message, code=code, param=param))
