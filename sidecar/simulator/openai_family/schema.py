"""The JSON Schemas that OpenAI's structured outputs take (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.simulator.exchange import Refusal, Refused

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_schema(form: Any, param: str) -> Mapping[str, Any]:
    """Return the schema of a `json_schema` format. Raise Refused as the vendor would for a wrong one."""
    if not isinstance(form, Mapping) or not _NAME.fullmatch(str(form.get("name", ""))):
        raise Refused(
            Refusal(
                400,
                "Invalid value: the schema needs a name of letters, digits, _ and -.",
                param=f"{param}.name",
            )
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


def _bad_schema(problem: str, param: str) -> Refused:
    return Refused(Refusal(400, f"Invalid schema for response_format: {problem}", param=param))
