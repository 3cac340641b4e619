"""What OpenAI refuses in a request (pure). A simulator that takes everything would hide our mistakes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.simulator.counting import count_prompt
from sidecar.simulator.exchange import Ask, Refusal, Refused
from sidecar.simulator.models import SimModel

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check(body: Mapping[str, Any], ask: Ask, model: SimModel, *, effort_param: str) -> None:
    """Raises Refused for what the vendor would answer with a 400."""
    if "max_tokens" in body and model.reasons:
        raise _refused(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    _check_temperature(body.get("temperature"), ask, model)
    if ask.effort is not None:
        _check_effort(ask.effort, model, effort_param)
    if ask.json_mode and not any("json" in text.lower() for _, text in ask.messages):
        raise _refused("'messages' must contain the word 'json' in some form.", "messages", None)
    if ask.search and "web_search" not in model.features:
        raise _refused(f"Hosted tool 'web_search' is not supported with {model.id}.", "tools", None)
    if ask.max_output_tokens is not None and ask.max_output_tokens < 1:
        raise _refused("Invalid value: the token limit must be at least 1.", "max_completion_tokens", None)
    prompt = count_prompt(ask.messages)
    if prompt + (ask.max_output_tokens or 0) > model.context_size:
        raise _refused(
            f"This model's maximum context length is {model.context_size} tokens. "
            f"However, your messages resulted in {prompt} tokens.",
            "messages",
            "context_length_exceeded",
        )


def check_schema(form: Any, param: str) -> Mapping[str, Any]:
    """The schema of a `json_schema` format. Raises Refused as the vendor would for a wrong one."""
    if not isinstance(form, Mapping) or not _NAME.fullmatch(str(form.get("name", ""))):
        raise _refused(
            "Invalid value: the schema needs a name of letters, digits, _ and -.", f"{param}.name", None
        )
    schema = form.get("schema")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise _bad_schema("schema must be a JSON Schema of 'type: \"object\"'.", param)
    if form.get("strict"):
        _check_strict(schema, param)
    return schema


def _check_strict(schema: Any, param: str) -> None:
    if isinstance(schema, list):
        for inner in schema:
            _check_strict(inner, param)
    if not isinstance(schema, Mapping):
        return
    kinds = schema.get("type", ())
    if "object" in ([kinds] if isinstance(kinds, str) else kinds):
        if schema.get("additionalProperties") is not False:
            raise _bad_schema("'additionalProperties' is required to be supplied and to be false.", param)
        if set(schema.get("required", ())) != set(schema.get("properties", ())):
            raise _bad_schema(
                "'required' is required to be supplied and to be an array including every key.", param
            )
    for word in ("allOf", "oneOf", "not", "if", "patternProperties", "minLength", "maxLength"):
        if word in schema:
            raise _bad_schema(f"'{word}' is not permitted.", param)
    for word in ("properties", "$defs"):
        for inner in (schema.get(word) or {}).values():
            _check_strict(inner, param)
    for word in ("items", "anyOf"):
        _check_strict(schema.get(word), param)


def _check_temperature(temperature: Any, ask: Ask, model: SimModel) -> None:
    if temperature is None:
        return
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise _refused(
            "Invalid 'temperature': expected a value between 0 and 2.", "temperature", "invalid_value"
        )
    if model.reasons and ask.effort != "none" and temperature != 1:
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


def _bad_schema(problem: str, param: str) -> Refused:
    return _refused(f"Invalid schema for response_format: {problem}", param, None)


def _refused(message: str, param: str, code: str | None) -> Refused:
    return Refused(Refusal(400, message, code=code, param=param))
