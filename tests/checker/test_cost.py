from __future__ import annotations

from typing import Any

import pytest

from sidecar.checker.cost import MOST_LETTERS, is_small

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        OBJECT,
        {"type": "array", "items": OBJECT, "minItems": 1_000_000_000},
        {"anyOf": [{"type": "null"}, OBJECT]},
        {"enum": [1, "a", None]},
    ],
)
def test_an_ordinary_schema_is_little_work(schema: dict[str, Any] | None) -> None:
    assert is_small('{"a": "b"}', schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "a"},
        {"properties": {"a": {"pattern": "a"}}},
        {"items": {"uniqueItems": True}},
        {"patternProperties": {"a": {}}},
        {"$ref": "#"},
        {"additionalProperties": {"propertyNames": {}}},
        {"anyOf": [{"anyOf": [{"anyOf": [{}]}]}]},
        {"oneOf": [{}]},
        {"properties": {"a": ["no schema"]}},
        {"enum": list(range(100_000))},
    ],
)
def test_what_may_cost_more_than_a_look_for_each_value_is_not(schema: dict[str, Any]) -> None:
    assert not is_small('{"a": "b"}', schema)


def test_a_long_reply_is_not_and_the_longer_it_is_the_smaller_its_schema_must_be() -> None:
    wide = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(100)}}
    assert is_small("1" * 500, wide)
    assert not is_small("1" * 5_000, wide)
    assert not is_small("1" * (MOST_LETTERS + 1), None)
