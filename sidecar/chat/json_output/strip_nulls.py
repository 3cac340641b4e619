"""Takes back the nulls that strict structured outputs put where a member was optional (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_added_nulls(value: Any, schema: Any) -> Any:
    """The value without members that are null, not required, and may not be null by the schema.

    A vendor that enforces schemas knows no optional members: it writes null for one that is absent.
    """
    return _clean(value, schema, schema, 0)


def _clean(value: Any, schema: Any, root: Any, depth: int) -> Any:
    schema = _resolve(schema, root)
    if not isinstance(schema, Mapping) or depth > 100:
        return value
    if isinstance(value, list):
        return [_clean(item, schema.get("items"), root, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    for union in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(union, ()):
            inner = _resolve(branch, root)
            if isinstance(inner, Mapping) and value.keys() <= _properties(inner).keys():
                return _clean(value, inner, root, depth + 1)
    properties = _properties(schema)
    required = schema.get("required", ())
    return {
        name: _clean(member, properties.get(name), root, depth + 1)
        for name, member in value.items()
        if not (
            member is None
            and name in properties
            and name not in required
            and not _takes_null(properties[name], root, 0)
        )
    }


def _takes_null(schema: Any, root: Any, depth: int) -> bool:
    schema = _resolve(schema, root)
    if not isinstance(schema, Mapping):
        return schema is not False
    kinds = schema.get("type", "null")
    if "null" not in (kinds if isinstance(kinds, list) else [kinds]):
        return False
    if "enum" in schema and None not in schema["enum"]:
        return False
    if "const" in schema and schema["const"] is not None:
        return False
    unions = [schema[word] for word in ("anyOf", "oneOf") if word in schema]
    return depth > 20 or all(
        any(_takes_null(branch, root, depth + 1) for branch in branches) for branches in unions
    )


def _resolve(schema: Any, root: Any) -> Any:
    for _ in range(20):
        if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
            return schema
        found = root
        for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
            if step:
                found = found.get(step) if isinstance(found, Mapping) else None
        schema = found
    return schema


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
