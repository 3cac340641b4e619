from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.simulator.pattern_sample import sample_pattern
from sidecar.simulator.schema_sample import sample

TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["value", "children"],
        }
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"type": "string"},
        {"type": "string", "minLength": 30},
        {"type": "string", "maxLength": 3},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        {"type": "integer"},
        {"type": "integer", "minimum": 10},
        {"type": "integer", "maximum": -10},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
        {"type": "integer", "minimum": 11, "multipleOf": 7},
        {"type": "number", "minimum": 0.1, "maximum": 0.2},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": "number", "multipleOf": 0.25, "minimum": 1.1},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"const": {"a": [1]}},
        {"enum": ["x", 2, None]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "maxItems": 0},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"type": "array", "contains": {"const": 7}, "items": {"type": "integer"}, "minItems": 2},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "null"}}, "required": ["a"]},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
        {"type": "object", "required": ["ghost"]},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {
            "oneOf": [
                {"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]},
                {"type": "null"},
            ]
        },
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"required": ["b"]},
            ]
        },
        TREE,
    ],
)
def test_the_sample_satisfies_the_schema_and_is_always_the_same(schema: Any) -> None:
    made = sample(schema)
    jsonschema.Draft202012Validator(schema).validate(made)
    assert sample(schema) == made


@given(
    st.integers(-1000, 1000),
    st.integers(0, 1000),
    st.sampled_from(["integer", "number"]),
    st.booleans(),
    st.booleans(),
)
def test_numbers_lie_within_their_bounds(
    low: int, span: int, kind: str, open_low: bool, open_high: bool
) -> None:
    if span < 2 and (open_low or open_high):
        span += 2
    schema = {
        "type": kind,
        "exclusiveMinimum" if open_low else "minimum": low,
        "exclusiveMaximum" if open_high else "maximum": low + span,
    }
    jsonschema.Draft202012Validator(schema).validate(sample(schema))


def test_a_schema_that_holds_itself_without_an_end_still_gives_a_value() -> None:
    schema = {
        "$ref": "#/$defs/N",
        "$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n"]}},
    }
    assert isinstance(sample(schema), dict)
    assert sample({"$ref": "#"}) == "simulated"


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}-\d{4}$",
        r"^(foo|bar)+$",
        r"\w+@\w+\.com",
        r"^[^a-z]+$",
        r"^(?:\+?\d{1,3})? ?\d{7}$",
        r"^a.c\\$",
        r"^[\d-]{2,}$",
        r"^$",
        r"^(?P<year>\d{4})$",
    ],
)
def test_simple_patterns_are_matched(pattern: str) -> None:
    assert re.search(pattern, sample_pattern(pattern))


@pytest.mark.parametrize(
    ("pattern", "text"), [(r"^(?<a>x|y)-\d$", "x-1"), (r"^[\p{Lu} ]{2}$", "AA"), (r"\u{1F600}", "😀")]
)
def test_patterns_of_javascript_are_matched(pattern: str, text: str) -> None:
    assert sample_pattern(pattern) == text


@pytest.mark.parametrize("pattern", ["(?=x)", "[", "(", "a{", "\\p{Zl}", ")", "\\"])
def test_what_is_no_simple_pattern_gives_nothing(pattern: str) -> None:
    assert sample_pattern(pattern) == ""
