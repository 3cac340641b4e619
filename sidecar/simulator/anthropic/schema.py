"""The JSON Schemas that Anthropic's structured outputs take (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.simulator.anthropic.errors import refused
from sidecar.simulator.bodies import mapping

MOST_OPTIONAL = 24
MOST_UNIONS = 16
_REFUSED_LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise Refused as the vendor would for a schema that it cannot compile."""
    optional = unions = 0
    for node in _nodes(schema, 0):
        kinds = node.get("type")
        if kinds == "object":
            if node.get("additionalProperties") is not False:
                raise refused(
                    "output_config.format.schema: For 'object' type, 'additionalProperties' must be "
                    "explicitly set to false"
                )
            optional += len(mapping(node.get("properties")).keys() - set(node.get("required") or ()))
        unions += isinstance(kinds, list) or "anyOf" in node
        for word in _REFUSED_LIMITS:
            if word in node:
                raise refused(f"output_config.format.schema: property '{word}' is not supported")
        if node.get("minItems", 0) not in (0, 1):
            raise refused(
                "output_config.format.schema: 'minItems' values other than 0 or 1 are not supported"
            )
        if "oneOf" in node or not str(node.get("$ref", "#")).startswith("#"):
            raise refused("output_config.format.schema: 'oneOf' and external '$ref' are not supported")
    if optional > MOST_OPTIONAL or unions > MOST_UNIONS:
        raise refused("The compiled grammar is too complex. Simplify the schema.")


def _nodes(schema: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping) or depth > 100:
        return
    yield schema
    for word in ("properties", "$defs", "definitions"):
        for inner in mapping(schema.get(word)).values():
            yield from _nodes(inner, depth + 1)
    yield from _nodes(schema.get("items"), depth + 1)
    for word in ("anyOf", "allOf"):
        for branch in schema.get(word) or ():
            yield from _nodes(branch, depth + 1)
