from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.gemini.schema import adapted

NUMBER = {"type": "number"}


@pytest.mark.parametrize(
    ("schema", "native", "whole"),
    [
        ({"type": "object"}, {"type": "object"}, True),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}, True),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}, True),
        ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}, True),
        ({"const": "a"}, {"enum": ["a"]}, True),
        ({"const": True}, {"description": "(const: true)"}, False),
        ({"enum": ["a", None]}, {"description": '(enum: ["a", null])'}, False),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}, True),
        (
            {"type": "string", "format": "email", "description": "Mail."},
            {"type": "string", "description": 'Mail. (format: "email")'},
            False,
        ),
        (
            {"type": "string", "pattern": "^a", "maxLength": 3},
            {"type": "string", "description": '(pattern: "^a"; maxLength: 3)'},
            False,
        ),
        ({"type": "integer", "exclusiveMinimum": 3}, {"type": "integer", "minimum": 4}, True),
        ({"type": "integer", "exclusiveMaximum": 3}, {"type": "integer", "maximum": 2}, True),
        (
            {"type": "number", "exclusiveMinimum": 3, "minimum": 1},
            {"type": "number", "minimum": 3, "description": "(exclusiveMinimum: 3)"},
            False,
        ),
        ({"$schema": "x", "$id": "y", "default": 1, "examples": [1], **NUMBER}, NUMBER, True),
        ({"anyOf": [NUMBER, {"type": "null"}]}, {"anyOf": [NUMBER, {"type": "null"}]}, True),
        ({"oneOf": [NUMBER, {"type": "null"}]}, {"oneOf": [NUMBER, {"type": "null"}]}, True),
        ({"prefixItems": [NUMBER], "items": NUMBER}, {"prefixItems": [NUMBER], "items": NUMBER}, True),
        ({"items": [NUMBER], "additionalItems": NUMBER}, {"prefixItems": [NUMBER], "items": NUMBER}, True),
        ({"type": "array", "items": False}, {"type": "array"}, False),
        ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}}}, False),
        ({"properties": {"a": {}}, "required": ["a", "b"]}, {"properties": {"a": {}}, "required": ["a"]}, False),
        ({"additionalProperties": False}, {"additionalProperties": False}, True),
        ({"additionalProperties": NUMBER}, {"additionalProperties": NUMBER}, True),
        (
            {"patternProperties": {"^a": NUMBER}, "additionalProperties": False},
            {"description": '(patternProperties: {"^a": {"type": "number"}})'},
            False,
        ),
        (
            {"$ref": "#/definitions/n", "definitions": {"n": NUMBER}},
            {"$ref": "#/$defs/n", "$defs": {"n": NUMBER}},
            True,
        ),
        ({"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}, True),
        ({"$ref": "https://example.com/s"}, {}, False),
        ({"$ref": "#/properties/a"}, {}, False),
        ({"$ref": "#", "minimum": 3}, {"$ref": "#"}, False),
        ({"allOf": [{"$ref": "#"}], "description": "It."}, {"$ref": "#"}, True),
        ({"allOf": [NUMBER]}, NUMBER, True),
        ({"allOf": [{"allOf": [NUMBER]}]}, NUMBER, True),
        (
            {
                "allOf": [
                    {"properties": {"a": NUMBER}, "required": ["a"]},
                    {"properties": {"b": NUMBER}, "required": ["b"], "additionalProperties": False},
                ]
            },
            {"properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"]},
            False,
        ),
        ({"type": "object", "allOf": [{"$ref": "#"}, NUMBER]}, {"type": "object"}, False),
        ({"type": "integer", "allOf": [{"minimum": 1}, {"minimum": 5}]}, {"type": "integer", "minimum": 1}, False),
    ],
)  # fmt: skip
def test_a_schema_is_said_in_the_vendors_words(
    schema: dict[str, Any], native: dict[str, Any], whole: bool
) -> None:
    assert adapted(schema) == (native, whole)


def test_long_rules_are_left_out_of_the_description() -> None:
    native, whole = adapted({"type": "string", "pattern": "a" * 300})
    assert (native, whole) == ({"type": "string"}, False)


def test_a_schema_without_a_bottom_is_cut_and_not_followed_for_ever() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    assert adapted(schema)[1] is False


def _some(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(schemas, min_size=1, max_size=2)


_LEAF = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("integer")},
        optional={
            "minimum": st.integers(-3, 3),
            "exclusiveMinimum": st.integers(-3, 3),
            "exclusiveMaximum": st.integers(-3, 6),
            "multipleOf": st.integers(1, 3),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 3), "pattern": st.just("^a"), "enum": st.just(["a", "bb"])},
    ),
    st.fixed_dictionaries({"const": st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.just("a"))}),
    st.booleans(),
)
_SCHEMA = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
                "required": st.lists(st.sampled_from("abc"), unique=True, max_size=2),
                "additionalProperties": inner,
                "patternProperties": st.dictionaries(st.just("^c"), inner, max_size=1),
            },
        ),
        st.fixed_dictionaries(
            {"type": st.just("array")}, optional={"items": inner, "prefixItems": _some(inner)}
        ),
        st.fixed_dictionaries({}, optional={"anyOf": _some(inner), "allOf": _some(inner)}),
    ),
    max_leaves=6,
)
_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-4, 7), st.sampled_from(["", "a", "bb", "ab"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(_SCHEMA.filter(lambda schema: isinstance(schema, dict)), st.lists(_VALUE, max_size=8))
def test_whatever_the_schema_allows_its_adapted_form_allows_too(
    schema: dict[str, Any], values: list[Any]
) -> None:
    given_one = jsonschema.Draft202012Validator(schema)
    native = jsonschema.Draft202012Validator(adapted(schema)[0])
    for value in values:
        if given_one.is_valid(value):
            assert native.is_valid(value)
