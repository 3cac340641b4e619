"""A value that satisfies a JSON Schema, always the same one (pure, best effort).

Knows types, enum, const, nested objects and arrays, bounds, formats, patterns, unions and local references.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sidecar.simulator.pattern_sample import sample_pattern

# Beyond this depth only what must be there is made, so that a schema that holds itself comes to an end.
DEEP = 6
DEEPEST = 40
# What is made for a schema at most: a vendor would refuse one that asks for more. The answer is not valid then.
MOST_VALUES = 20_000
MOST_LETTERS = 20_000

_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/simulated",
    "uri-reference": "/simulated",
}


def sample(schema: Any) -> Any:
    """The value. What the schema cannot say itself is visibly simulated text."""
    return _Sampler(schema).make(schema, 0, 0)


class _Sampler:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = MOST_VALUES

    def _spend(self) -> bool:
        """Whether there is room for one more value, or for one more look at a schema."""
        self._left -= 1
        return self._left >= 0

    def make(self, schema: Any, depth: int, index: int) -> Any:
        schema = self._flat(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][index % len(schema["enum"])]
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return _number(schema, kind == "integer", index)
        if kind == "boolean":
            return index % 2 == 0
        return None if kind == "null" else _string(schema, index)

    def _flat(self, schema: Any, depth: int) -> Mapping[str, Any]:
        """The schema without references and unions: the first branch, or a plain one when it is deep."""
        if not isinstance(schema, Mapping) or depth > DEEPEST or not self._spend():
            return {}
        if isinstance(schema.get("$ref"), str):
            rest = {word: value for word, value in schema.items() if word != "$ref"}
            return _merged(self._flat(self._target(schema["$ref"]), depth + 1), rest)
        merged = {word: value for word, value in schema.items() if word not in ("allOf", "anyOf", "oneOf")}
        for part in schema.get("allOf", ()):
            merged = _merged(merged, self._flat(part, depth + 1))
        for union in ("anyOf", "oneOf"):
            branches = [branch for branch in schema.get(union, ()) if branch is not False]
            if branches:
                plain = [branch for branch in branches if _is_plain(branch)]
                chosen = plain[0] if depth >= DEEP and plain else branches[0]
                merged = _merged(merged, self._flat(chosen, depth + 1))
        return merged

    def _target(self, reference: str) -> Any:
        found = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if step:
                name = step.replace("~1", "/").replace("~0", "~")
                found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = schema.get("required") or ()
        sampled = {
            name: self.make(inner, depth + 1, 0)
            for name, inner in properties.items()
            if name in required or (depth < DEEP and inner is not False)
        }
        for name in required:
            sampled.setdefault(name, "simulated")
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping) and not sampled:
            sampled["simulated"] = self.make(others, depth + 1, 0)
        for index in range(min(schema.get("minProperties", 0) - len(sampled), max(0, self._left))):
            sampled[f"simulated{index + 1}"] = self.make(others or {}, depth + 1, index)
        return sampled

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        wanted = max(least, 0 if depth >= DEEP else 1)
        if most is not None:
            wanted = min(wanted, most)
        first = schema.get("prefixItems") or ()
        sampled = [self.make(inner, depth + 1, 0) for inner in first]
        if "contains" in schema:
            for _ in range(min(schema.get("minContains", 1), max(0, self._left))):
                sampled.append(self.make(schema["contains"], depth + 1, 0))
        for index in range(len(sampled), wanted):
            if self._left <= 0:
                break
            sampled.append(self.make(schema.get("items", {}), depth + 1, index))
        return sampled


def _kind(schema: Mapping[str, Any]) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        return str(next((kind for kind in named if kind != "null"), "null"))
    if isinstance(named, str):
        return named
    if "properties" in schema or "required" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    return "number" if any(word in schema for word in bounds) else "string"


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **more}
    if "properties" in base and "properties" in more:
        merged["properties"] = {**base["properties"], **more["properties"]}
    if "required" in base and "required" in more:
        merged["required"] = list(dict.fromkeys([*base["required"], *more["required"]]))
    return merged


def _is_plain(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") in (
        "null",
        "string",
        "integer",
        "number",
        "boolean",
    )


def _string(schema: Mapping[str, Any], index: int) -> str:
    known = _FORMATS.get(str(schema.get("format")))
    if known is not None:
        return known
    text: str = sample_pattern(schema["pattern"]) if "pattern" in schema else "simulated"
    if index and "pattern" not in schema:
        text = f"{text} {index + 1}"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    text = text + (text[-1:] or "x") * max(0, min(least, MOST_LETTERS) - len(text))
    return text if most is None else text[: int(most)]


def _number(schema: Mapping[str, Any], whole: bool, index: int) -> int | float:
    """Exact: 0.1 is a tenth here, and a multiple of it is one."""
    step = (
        Fraction(str(schema["multipleOf"])) if schema.get("multipleOf") else Fraction(1 if whole else "0.01")
    )
    if whole and step.denominator != 1:
        step = Fraction(step.numerator)
    value = Fraction(1 + index)
    lows = [
        Fraction(str(schema[word])) for word in ("minimum", "exclusiveMinimum") if _is_number(schema, word)
    ]
    highs = [
        Fraction(str(schema[word])) for word in ("maximum", "exclusiveMaximum") if _is_number(schema, word)
    ]
    if highs and value > min(highs):
        value = min(highs)
    if lows and value < max(lows):
        value = max(lows)
    on_step = "multipleOf" in schema or whole
    if on_step:
        value = (math.floor if highs and value >= min(highs) else math.ceil)(value / step) * step
    if _is_number(schema, "exclusiveMinimum") and value <= Fraction(str(schema["exclusiveMinimum"])):
        value += step
    if _is_number(schema, "exclusiveMaximum") and value >= Fraction(str(schema["exclusiveMaximum"])):
        value -= step
    return int(value) if whole or value.denominator == 1 else float(value)


def _is_number(schema: Mapping[str, Any], word: str) -> bool:
    return isinstance(schema.get(word), (int, float)) and not isinstance(schema[word], bool)
