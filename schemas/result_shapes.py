"""Of which kinds the values of each method's result are: the words of its schema that decide that, no others (pure).

The whole document is five times as long, and the first answer of a process would wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_AS_THEY_ARE = ("type", "enum", "const", "minimum", "maximum", "required")


def shapes(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return them by the names of the methods. References in the document have been put in."""
    results = {each["name"]: each["result"]["schema"] for each in document["methods"] if "result" in each}
    return {name: shape(schema) for name, schema in results.items()}


def shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of one schema."""
    found: dict[str, Any] = {name: schema[name] for name in _AS_THEY_ARE if name in schema}
    if "anyOf" in schema:
        found["anyOf"] = [shape(each) for each in schema["anyOf"]]
    if "properties" in schema:
        found["properties"] = {name: shape(each) for name, each in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found[name] = shape(schema[name])
    return found
