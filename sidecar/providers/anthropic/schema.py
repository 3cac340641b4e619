"""A JSON Schema as Anthropic's structured outputs take it (pure).

The vendor enforces shapes and values, not limits: those are told in the description instead. A schema that
cannot be said without forbidding what it allows is asked for in words; the reply is validated in any case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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

MAX_OPTIONAL = 24
MAX_UNIONS = 16
MAX_DEPTH = 40

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
# Limits that the vendor refuses: without them more is allowed, never less.
_LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
_UNSAYABLE = UNSAYABLE | {"contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "$anchor"}
_ANNOTATIONS = ANNOTATIONS | {"$schema", "$id"}


def enforceable(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the vendor's dialect, or None when it cannot be said there."""
    try:
        return _root(schema)
    except Unsayable:
        return None


def _root(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        check_alone(schema, "$ref", _ANNOTATIONS | {"$defs", "definitions"})
    root, definitions = opened(schema)
    said = _said(root, 0)
    if said.get("type") != "object":
        raise Unsayable
    if definitions:
        said["$defs"] = {name: _said(inner, 0) for name, inner in definitions.items()}
    _check_references(said)
    optional = sum(
        len(node["properties"]) - len(set(node.get("required", ())))
        for node in _nodes(said)
        if "properties" in node
    )
    unions = sum(1 for node in _nodes(said) if "anyOf" in node)
    if optional > MAX_OPTIONAL or unions > MAX_UNIONS:
        raise Unsayable
    return said


def _said(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        raise Unsayable
    if _UNSAYABLE & schema.keys() or "$defs" in schema or "definitions" in schema:
        raise Unsayable
    if "allOf" in schema:
        return _said(merged(schema, _ANNOTATIONS), depth + 1)
    if "$ref" in schema:
        check_alone(schema, "$ref", _ANNOTATIONS)
        name = definition_name(schema["$ref"])
        if name is None:
            # The root itself would be recursion, which the vendor refuses.
            raise Unsayable
        return {"$ref": f"#/$defs/{name}"}
    for union in ("anyOf", "oneOf"):
        if union in schema:
            check_alone(schema, union, _ANNOTATIONS)
            branches = [_said(branch, depth + 1) for branch in schema[union]]
            return {"anyOf": branches, **_labels(schema, ())}
    return _value(schema, depth)


def _value(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if "enum" in schema or "const" in schema:
        return _choice(schema)
    kinds = _kinds(schema)
    if len(kinds) > 1:
        branches = [_typed({**schema, "type": kind}, kind, depth) for kind in kinds]
        bare = [{word: inner for word, inner in one.items() if word != "description"} for one in branches]
        described = next((one["description"] for one in branches if "description" in one), None)
        return {"anyOf": bare, **({"description": described} if described else {})}
    return _typed(schema, kinds[0], depth)


def _typed(schema: Mapping[str, Any], kind: str, depth: int) -> dict[str, Any]:
    said: dict[str, Any] = {"type": kind}
    kept: set[str] = set()
    if kind == "object":
        said.update(_object(schema, depth))
    elif kind == "array":
        said["items"] = _said(schema.get("items"), depth + 1)
        if schema.get("minItems") in (0, 1):
            said["minItems"] = schema["minItems"]
            kept.add("minItems")
    elif kind == "string" and schema.get("format") in _FORMATS:
        said["format"] = schema["format"]
        kept.add("format")
    return {**said, **_labels(schema, [word for word in _LIMITS if word in schema and word not in kept])}


def _object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Always closed, as the vendor wants it."""
    properties, required = members(schema)
    return {
        "properties": {name: _said(inner, depth + 1) for name, inner in properties.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _choice(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Values need no type beside them; objects and arrays among them cannot be said."""
    word = "const" if "const" in schema else "enum"
    values = [schema["const"]] if word == "const" else schema["enum"]
    if any(isinstance(value, (Mapping, list)) for value in values):
        raise Unsayable
    return {word: schema[word], **_labels(schema, ())}


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    kinds = [named] if isinstance(named, str) else list(named) if isinstance(named, list) else []
    if not kinds:
        kinds = ["object"] if "properties" in schema else ["array"] if "items" in schema else []
    if not kinds or set(kinds) - _TYPES:
        raise Unsayable
    return kinds


def _labels(schema: Mapping[str, Any], dropped: list[str] | tuple[()]) -> dict[str, Any]:
    """Title and description; the limits that are not enforced stand in it, so that the model knows them."""
    said = {word: schema[word] for word in ("title", "description") if isinstance(schema.get(word), str)}
    if dropped:
        limits = ", ".join(f"{word}: {json.dumps(schema[word], ensure_ascii=False)}" for word in dropped)
        said["description"] = f"{said.get('description', '')}\n({limits})".strip()
    return said


def _check_references(schema: Mapping[str, Any]) -> None:
    """Every reference leads somewhere, and none back to where it stands."""
    uses = {name: _references(inner) for name, inner in as_mapping(schema.get("$defs")).items()}
    reached = _references({word: value for word, value in schema.items() if word != "$defs"})
    if not set().union(reached, *uses.values()) <= uses.keys():
        raise Unsayable
    done: set[str] = set()
    while len(done) < len(uses):
        free = {name for name in uses.keys() - done if uses[name] <= done}
        if not free:
            raise Unsayable
        done |= free


def _references(schema: Mapping[str, Any]) -> set[str]:
    return {node["$ref"].rpartition("/")[2] for node in _nodes(schema) if "$ref" in node}


def _nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for word in ("properties", "$defs"):
        for inner in as_mapping(schema.get(word)).values():
            yield from _nodes(inner)
    if "items" in schema:
        yield from _nodes(schema["items"])
    for branch in schema.get("anyOf", ()):
        yield from _nodes(branch)
