"""A JSON Schema out of what is quick to type: `name, age int, tags [string]`, or the schema itself (pure)."""

from __future__ import annotations

import json
import re
from typing import Any

_TYPES = {
    "str": "string",
    "string": "string",
    "text": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}
_FIELD = re.compile(r"(?P<name>[\w-]+)(?:\s*:?\s*(?P<list>\[)?\s*(?P<kind>\w+)\s*\]?)?")


class BadShape(ValueError):
    """What is no schema; the text says what it must be."""


def read_shape(text: str) -> dict[str, Any]:
    """Return a JSON Schema. Raise BadShape for what is neither one nor a list of names with their types."""
    if text.lstrip().startswith("{"):
        try:
            schema = json.loads(text)
        except ValueError as problem:
            raise BadShape(f"The schema is no JSON: {problem}.") from None
        return dict(schema)
    properties = dict(_field(each) for each in text.split(",") if each.strip())
    if not properties:
        raise BadShape("Name at least one field, as in: name, age int, tags [string].")
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _field(text: str) -> tuple[str, dict[str, Any]]:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise BadShape(f"A field is a name and a type, as in: age int. This is none: {text.strip()}")
    kind = match["kind"] or "string"
    if kind not in _TYPES:
        raise BadShape(f"There is no type {kind}. The types are string, int, number and bool.")
    inner = {"type": _TYPES[kind]}
    return match["name"], {"type": "array", "items": inner} if match["list"] else inner
