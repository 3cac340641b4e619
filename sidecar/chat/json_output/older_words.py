"""Words of OpenAPI and of older drafts of JSON Schema in those of the newest one (pure).

Whoever writes them names no draft, and the newest would refuse them or pass them over: OpenAPI 3.0's `nullable`, the
`exclusiveMaximum: true` of draft 4, and the lists of `items` and the `dependencies` of drafts up to 7.
JSON Schema 2019-09 and 2020-12, release notes; OpenAPI 3.0.3, 4.7.24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NULL = {"type": "null"}
_UNIONS = ("anyOf", "oneOf")
# What is said of a value and is no rule for it.
_TOLD = ("title", "description")
_COMPONENTS = "#/components/schemas/"
_BOUNDS = (("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum"))


def with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without `nullable`, and open to null where that said so."""
    if not isinstance(schema.get("nullable"), bool):
        return schema
    made = {word: value for word, value in schema.items() if word != "nullable"}
    if schema["nullable"] is False:
        return made
    if "$ref" in made or "allOf" in made:
        # No word beside these makes what they ask for wider.
        rules = {word: value for word, value in made.items() if word not in _TOLD}
        return {**{word: made[word] for word in _TOLD if word in made}, "anyOf": [rules, dict(_NULL)]}
    kinds = made.get("type")
    if isinstance(kinds, str | list):
        kinds = [kinds] if isinstance(kinds, str) else kinds
        made["type"] = kinds if "null" in kinds else [*kinds, "null"]
    if isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    if made.get("const") is not None:
        made["enum"] = [made.pop("const"), None]
    for union in _UNIONS:
        if isinstance(made.get(union), list) and _NULL not in made[union]:
            made[union] = [*made[union], dict(_NULL)]
    return made


def in_new_words(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that names no draft without the words that only older ones have."""
    made = dict(schema)
    for exclusive, inclusive in _BOUNDS:
        if isinstance(made.get(exclusive), bool) and (made.pop(exclusive) and inclusive in made):
            made[exclusive] = made.pop(inclusive)
    if isinstance(made.get("items"), list) and "prefixItems" not in made:
        first = made.pop("items")
        if first:
            made["prefixItems"] = first
        if "additionalItems" in made:
            made["items"] = made.pop("additionalItems")
    _without_dependencies(made)
    return made


def _without_dependencies(made: dict[str, Any]) -> None:
    found = made.get("dependencies")
    if (
        not isinstance(found, Mapping)
        or not found
        or "dependentRequired" in made
        or "dependentSchemas" in made
    ):
        return
    required = {name: [each] if isinstance(each, str) else each for name, each in found.items()}
    lists = {name: each for name, each in required.items() if isinstance(each, list)}
    schemas = {name: each for name, each in required.items() if not isinstance(each, list)}
    del made["dependencies"]
    if lists:
        made["dependentRequired"] = lists
    if schemas:
        made["dependentSchemas"] = schemas


def with_dependencies_alike(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of a draft up to 7 with all of its `dependencies` as schemas, where they are of both kinds.

    The library that follows references takes the others for what the first one is.
    """
    found = schema.get("dependencies")
    if not isinstance(found, Mapping) or len({isinstance(each, list) for each in found.values()}) < 2:
        return schema
    alike = {
        name: ({"required": each} if each else {}) if isinstance(each, list) else each
        for name, each in found.items()
    }
    return {**schema, "dependencies": alike}


def with_definitions(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema whose `components` are definitions, as JSON Schema and the vendors know them.

    What is written in OpenAPI's words refers to them as "#/components/schemas/Name".
    """
    components = schema.get("components")
    held = components.get("schemas") if isinstance(components, Mapping) else None
    known = schema.get("$defs", {})
    if not isinstance(held, Mapping) or not isinstance(known, Mapping) or known.keys() & held.keys():
        return schema
    moved = {word: value for word, value in schema.items() if word != "components"}
    found: Mapping[str, Any] = _referring({**moved, "$defs": {**held, **known}})
    return found


def _referring(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            word: "#/$defs/" + each.removeprefix(_COMPONENTS)
            if word == "$ref" and isinstance(each, str) and each.startswith(_COMPONENTS)
            else _referring(each)
            for word, each in value.items()
        }
    return [_referring(each) for each in value] if isinstance(value, list) else value
