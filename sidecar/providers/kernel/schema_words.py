"""What any vendor's dialect of JSON Schema lacks, and how a schema is opened before it is put into one (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

UNSAYABLE = frozenset(
    {
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "patternProperties",
        "prefixItems",
        "additionalItems",
        "$dynamicRef",
        "$recursiveRef",
    }
)
ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
    }
)
_DEFINITIONS = ("$defs", "definitions")


class Unsayable(Exception):
    """The schema means something that the vendor has no words for."""


def opened(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the root, followed once where it is a reference, and the definitions. Raises Unsayable."""
    definitions = {**as_mapping(schema.get("definitions")), **as_mapping(schema.get("$defs"))}
    root: Mapping[str, Any] = {word: value for word, value in schema.items() if word not in _DEFINITIONS}
    if "$ref" in root:
        target = definitions.get(definition_name(root["$ref"]) or "")
        if not isinstance(target, Mapping) or "$ref" in target:
            raise Unsayable
        root = target
    return root, definitions


def merged(schema: Mapping[str, Any], annotations: frozenset[str]) -> dict[str, Any]:
    """Return a schema with its `allOf` of one inside it. Raises Unsayable for more, or for words that collide."""
    (only,) = schema["allOf"] if len(schema["allOf"]) == 1 else (None,)
    rest = {word: value for word, value in schema.items() if word != "allOf"}
    if not isinstance(only, Mapping) or (rest.keys() & only.keys()) - annotations:
        raise Unsayable
    return {**only, **rest}


def members(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return the properties of an object, and which are required.

    Raises Unsayable for one that is open by its own word, or has any shape: a closed one would lose its members.
    """
    properties, closed = schema.get("properties"), schema.get("additionalProperties")
    if closed is not None and closed is not False:
        raise Unsayable
    if not isinstance(properties, Mapping) or (not properties and closed is None):
        raise Unsayable
    required = list(dict.fromkeys(schema.get("required") or ()))
    if any(name not in properties for name in required):
        raise Unsayable
    return properties, required


def check_alone(schema: Mapping[str, Any], word: str, annotations: frozenset[str]) -> None:
    """Raise Unsayable when anything but annotations stands beside the word."""
    if schema.keys() - annotations - {word}:
        raise Unsayable


def definition_name(reference: Any) -> str | None:
    """Return the name behind a local reference, None for the root itself. Raises Unsayable for any other."""
    if reference == "#":
        return None
    found = re.fullmatch(r"#/(?:\$defs|definitions)/([^/~%]+)", str(reference))
    if found is None:
        raise Unsayable
    return found.group(1)
