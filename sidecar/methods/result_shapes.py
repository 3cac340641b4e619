"""Whether a result is what the contract says of it, to the kind of each value (pure).

Only the words of JSON Schema are judged that decide in which kinds of values a result is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from sidecar.contract.settings import SHAPES

Judge = Callable[[Any], bool]

_KINDS: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
    "object": frozenset({dict}),
    "array": frozenset({list, tuple}),
}
# What is of none of these is written out by the codec, which knows what becomes of it; of bytes nothing can.
_JUDGED = frozenset[type]({bytes}).union(*_KINDS.values())


def judge_of(schema: Mapping[str, Any]) -> Judge:
    """Return what says whether a value obeys the schema; references in it have been put in."""
    kinds = _kinds(schema.get("type"))
    words = _words(schema)
    least, most = schema.get("minimum"), schema.get("maximum")
    longest = schema.get("maxLength")
    ways = [judge_of(each) for each in schema.get("anyOf", ())]
    members = {name: judge_of(each) for name, each in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    other = judge_of(more) if isinstance(more, dict) and more else None
    required = frozenset(schema.get("required", ()))
    items = judge_of(schema["items"]) if isinstance(schema.get("items"), dict) else None

    def of_members(value: dict[str, Any]) -> bool:
        for name, member in value.items():
            judge = members.get(name, other)
            if judge is not None and not judge(member):
                return False
        return required <= value.keys()

    def obeys(value: Any) -> bool:
        kind = type(value)
        if kinds is not None and kind not in kinds and kind in _JUDGED:
            # In JSON a whole number may have a point.
            return kind is float and int in kinds and value.is_integer()
        if words is not None and kind in _JUDGED and value not in words:
            return False
        if least is not None and (kind is int or kind is float) and value < least:
            return False
        if most is not None and (kind is int or kind is float) and value > most:
            return False
        if longest is not None and kind is str and len(value) > longest:
            return False
        if kind is dict and (members or other or required):
            return of_members(value)
        if items is not None and (kind is list or kind is tuple):
            return all(map(items, value))
        return not ways or any(judge(value) for judge in ways)

    return obeys


def _kinds(told: Any) -> frozenset[type] | None:
    names: Iterable[str] = [told] if isinstance(told, str) else told or ()
    return frozenset[type]().union(*(_KINDS[name] for name in names)) or None


def _words(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    words: list[Any] | None = schema.get("enum")
    return words


@cache
def _settings() -> Mapping[str, Judge]:
    return {name: judge_of(schema) for name, schema in SHAPES.items()}


def fitting_setting(name: str, value: Any) -> bool:
    """Return whether a value is of the kind and in the range of that setting."""
    return _settings()[name](value)
