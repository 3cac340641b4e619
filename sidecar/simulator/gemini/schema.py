"""The JSON Schemas that Google takes for an answer (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.gemini.errors import invalid

MOST_DEPTH = 30


def check_schema(schema: Any, depth: int = 0) -> None:
    """Raise Refused for a schema that Google does not take.

    A reference stands alone, what is required is there, and nothing is too deep.
    """
    if depth > MOST_DEPTH:
        raise invalid(
            "A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth."
        )
    if isinstance(schema, list):
        for inner in schema:
            check_schema(inner, depth + 1)
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema and any(not name.startswith("$") for name in schema):
        raise invalid("A schema with $ref may have no other field.")
    properties = schema.get("properties") or {}
    if isinstance(schema.get("required"), list) and set(schema["required"]) - set(properties):
        raise invalid("The schema's required[0]: property is not defined.")
    for inner in (*properties.values(), *(schema.get("$defs") or {}).values()):
        check_schema(inner, depth + 1)
    for word in ("items", "prefixItems", "anyOf", "oneOf", "additionalProperties"):
        check_schema(schema.get(word), depth + 1)
