"""A JSON Schema as OpenAI's structured outputs take it (pure).

Strict mode enforces a schema, but only in its own dialect. A schema that cannot be said in that dialect
without changing its meaning is sent as it is and not enforced; the reply is validated in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.schema_words import (
    ANNOTATIONS,
    UNSAYABLE,
    Unsayable,
    check_alone,
    definition_name,
    members,
    merged,
    opened,
)

MAX_PROPERTIES = 5_000
MAX_DEPTH = 10
MAX_NAME_CHARS = 120_000
MAX_ENUM_VALUES = 1_000
LONG_ENUM = 250
MAX_LONG_ENUM_CHARS = 15_000

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_COPIED = (
    "title",
    "description",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
)
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])")
_TYPE_OF = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


@dataclass(frozen=True, slots=True)
class SchemaFormat:
    """What goes into the request. `name` is one that the vendor accepts."""

    name: str
    schema: Mapping[str, Any]
    strict: bool


def schema_format(schema: Mapping[str, Any]) -> SchemaFormat | None:
    """The schema, strict where it can be, else as it is but for a `type` at its root.

    None when its root cannot be an object: the format has no words for that.
    """
    if not _may_be_object(schema):
        return None
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", str(schema.get("title") or "")).strip("_")[:64] or "answer"
    try:
        strict = _strict_root(schema)
    except Unsayable:
        return SchemaFormat(name, {"type": "object", **schema}, strict=False)
    return SchemaFormat(name, strict, strict=True)


def _may_be_object(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return schema is True
    if "type" in schema:
        return "object" in (schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        return any(isinstance(value, Mapping) for value in values)
    unions = [schema[word] for word in ("anyOf", "oneOf") if word in schema]
    return all(any(map(_may_be_object, branches)) for branches in unions)


def _strict_root(schema: Mapping[str, Any]) -> dict[str, Any]:
    root, definitions = opened(schema)
    strict = _strict(root, 0)
    if strict.get("type") != "object":
        raise Unsayable
    if definitions:
        strict["$defs"] = {name: _strict(inner, 0) for name, inner in definitions.items()}
    if not _within_limits(strict):
        raise Unsayable
    return strict


def _strict(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or depth > 2 * MAX_DEPTH:
        raise Unsayable
    if UNSAYABLE & schema.keys() or "$defs" in schema or "definitions" in schema:
        raise Unsayable
    if "allOf" in schema:
        return _strict(merged(schema, ANNOTATIONS), depth + 1)
    if "$ref" in schema:
        check_alone(schema, "$ref", ANNOTATIONS)
        name = definition_name(schema["$ref"])
        reference = {"$ref": "#" if name is None else f"#/$defs/{name}"}
        # Nothing may stand beside a reference, and yet the model is to know what the member is.
        told = {word: schema[word] for word in ("description",) if word in schema}
        return {**told, "anyOf": [reference]} if told else reference
    for union in ("anyOf", "oneOf"):
        if union in schema:
            # What tells the branches apart is in the branches too; the reply is held against all of it.
            check_alone(schema, union, ANNOTATIONS | {"discriminator"})
            kept = {word: schema[word] for word in ("title", "description") if word in schema}
            return {**kept, "anyOf": [_strict(branch, depth + 1) for branch in schema[union]]}
    return _strict_value(schema, depth)


def _strict_value(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    kinds = _types(schema)
    strict: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    strict.update({word: schema[word] for word in _COPIED if word in schema})
    if _LOOKS_AROUND.search(str(schema.get("pattern", ""))):
        # The vendor's own patterns cannot; the reply is held against this one here.
        del strict["pattern"]
    if schema.get("format") in _FORMATS:
        strict["format"] = schema["format"]
    for word in ("enum", "const"):
        if word in schema:
            strict[word] = schema[word]
    if "array" in kinds:
        strict["items"] = _strict(schema.get("items"), depth + 1)
    if "object" in kinds:
        strict.update(_strict_object(schema, depth))
    return strict


def _strict_object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties, required = members(schema)
    return {
        "properties": {
            name: _strict(inner, depth + 1) if name in required else _nullable(_strict(inner, depth + 1))
            for name, inner in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _types(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list) and named:
        return list(named)
    if "properties" in schema:
        return ["object"]
    if "items" in schema:
        return ["array"]
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else []
    kinds = {_TYPE_OF.get(type(value), "") for value in values}
    if not kinds or "" in kinds:
        raise Unsayable
    return sorted(kinds)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Strict mode knows no optional member, only one that may be null."""
    if "$ref" in schema or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "anyOf" in schema:
        branches = schema["anyOf"]
        known = any(branch.get("type") == "null" for branch in branches)
        return schema if known else {**schema, "anyOf": [*branches, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    widened = dict(schema)
    if "null" not in kinds:
        widened["type"] = [*kinds, "null"]
    if "enum" in schema and None not in schema["enum"]:
        widened["enum"] = [*schema["enum"], None]
    return widened


def _within_limits(schema: Mapping[str, Any]) -> bool:
    properties = chars = values = 0
    for node, depth in _nodes(schema, 0):
        if depth > MAX_DEPTH:
            return False
        names = list(as_mapping(node.get("properties"))) + list(as_mapping(node.get("$defs")))
        members = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        enum_chars = sum(len(str(value)) for value in members)
        properties += len(as_mapping(node.get("properties")))
        values += len(members)
        chars += sum(map(len, names)) + enum_chars
        if len(members) > LONG_ENUM and enum_chars > MAX_LONG_ENUM_CHARS:
            return False
    return properties <= MAX_PROPERTIES and values <= MAX_ENUM_VALUES and chars <= MAX_NAME_CHARS


def _nodes(schema: Mapping[str, Any], depth: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Every schema inside, with the number of objects it stands in."""
    yield schema, depth
    for name in ("properties", "$defs"):
        inside = depth + 1 if name == "properties" else 0
        for inner in as_mapping(schema.get(name)).values():
            yield from _nodes(inner, inside)
    if "items" in schema:
        yield from _nodes(schema["items"], depth)
    for branch in schema.get("anyOf", ()):
        yield from _nodes(branch, depth)
