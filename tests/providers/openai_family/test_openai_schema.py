from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.chat.json_output.strip_nulls import without_added_nulls
from sidecar.providers.openai_family.schema import SchemaFormat, schema_format
from sidecar.simulator.schema_sample import sample


def formatted(schema: dict[str, Any]) -> SchemaFormat:
    form = schema_format(schema)
    assert form is not None
    return form


def strict(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, **more}
    if required is not None:
        schema["required"] = required
    form = formatted(schema)
    assert form.strict
    return dict(form.schema)


@pytest.mark.parametrize(
    ("optional", "nullable"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a", 1]}, {"type": ["integer", "string", "null"], "enum": ["a", 1, None]}),
        ({"const": 7}, {"anyOf": [{"type": "integer", "const": 7}, {"type": "null"}]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
    ],
)
def test_an_optional_member_becomes_one_that_may_be_null(optional: Any, nullable: Any) -> None:
    assert strict({"a": optional})["properties"]["a"] == nullable


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (
            {"type": "string", "minLength": 2, "maxLength": 3, "description": "d"},
            {"type": "string", "description": "d"},
        ),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "uri", "default": "x", "examples": ["y"]}, {"type": "string"}),
        ({"type": "integer", "minimum": 1, "maximum": 5}, {"type": "integer", "minimum": 1, "maximum": 5}),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"allOf": [{"type": "string"}], "description": "d"}, {"type": "string", "description": "d"}),
        (
            {"properties": {"b": {"type": "null"}}, "required": ["b"]},
            {
                "type": "object",
                "properties": {"b": {"type": "null"}},
                "required": ["b"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_what_strict_mode_knows_is_kept_and_the_rest_dropped(given_: Any, kept: Any) -> None:
    assert strict({"a": given_}, ["a"])["properties"]["a"] == kept


def test_references_are_kept_under_their_newer_name() -> None:
    made = strict(
        {"next": {"$ref": "#/definitions/Node", "description": "again"}},
        definitions={"Node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}}}},
    )
    member = made["properties"]["next"]
    assert member == {"description": "again", "anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    assert made["$defs"]["Node"]["required"] == ["next"]
    assert "definitions" not in made


def test_a_root_that_is_a_reference_is_put_in_its_place() -> None:
    node = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = formatted({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    assert form.strict
    assert form.schema["properties"] == {"n": {"type": "integer"}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": True, "properties": {"a": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"not": {"type": "string"}}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "patternProperties": {"x": {}}},
        {"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"minLength": 1}]}}},
        {"type": "object", "properties": {"a": {"$ref": "https://elsewhere.example/x.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"type": "array", "prefixItems": [{"type": "string"}]}}},
        {"type": "object", "properties": {}, "required": ["ghost"], "additionalProperties": False},
        {"anyOf": [{"type": "object", "properties": {}}]},
        {"type": ["object", "null"], "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5_001)}},
        {"type": "object", "properties": {"a": {"enum": list(range(1_001))}}},
        {"type": "object", "properties": {"a": {"enum": ["x" * 80 + str(n) for n in range(251)]}}},
        {"type": "object", "properties": {"x" * 120_001: {"type": "string"}}},
    ],
)
def test_what_strict_mode_cannot_say_is_sent_as_it_is(schema: dict[str, Any]) -> None:
    form = formatted(schema)
    assert not form.strict
    assert form.schema == {"type": "object", **schema}


def test_nesting_beyond_the_limit_is_not_strict() -> None:
    def nested(levels: int) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        for _ in range(levels):
            schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
        return schema

    assert formatted(nested(10)).strict
    assert not formatted(nested(11)).strict
    assert not formatted(nested(900)).strict


@pytest.mark.parametrize(
    ("title", "name"),
    [("Trend report", "Trend_report"), ("", "answer"), ("äöü", "answer"), ("x" * 99, "x" * 64)],
)
def test_the_name_is_one_that_the_vendor_takes(title: str, name: str) -> None:
    assert formatted({"title": title, "type": "object"}).name == name


_LEAF = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 3},
        {"type": "boolean"},
        {"enum": ["a", "b"]},
        {"const": "c"},
        {"type": ["number", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "string", "format": "date", "minLength": 1},
    ]
)


def _objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(st.sampled_from("abcd"), inner, min_size=1)
    plain = st.tuples(members, st.booleans()).map(
        lambda pair: {
            "type": "object",
            "properties": pair[0],
            "required": sorted(pair[0])[: len(pair[0]) // 2 if pair[1] else None],
        }
    )
    return st.one_of(plain, inner.map(lambda items: {"type": "array", "items": items}))


_SCHEMAS = st.recursive(_LEAF, _objects, max_leaves=8).map(
    lambda inner: {"type": "object", "properties": {"root": inner}, "required": ["root"]}
)


def _all_null(value: Any, original: Any) -> Any:
    """The same value with every optional member as a vendor in strict mode would leave it out: as null."""
    if isinstance(value, dict):
        required = original.get("required", ())
        return {
            name: _all_null(member, original["properties"][name]) if name in required else None
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_all_null(item, original["items"]) for item in value]
    return value


@given(_SCHEMAS)
def test_a_strict_answer_without_its_added_nulls_satisfies_the_schema_that_was_asked(
    schema: dict[str, Any],
) -> None:
    form = formatted(schema)
    assert form.strict
    for answer in (sample(form.schema), _all_null(sample(form.schema), schema)):
        jsonschema.Draft202012Validator(dict(form.schema)).validate(answer)
        cleaned = without_added_nulls(answer, schema)
        jsonschema.Draft202012Validator(schema).validate(cleaned)


@pytest.mark.parametrize(
    ("value", "schema", "cleaned"),
    [
        ({"a": None}, {"properties": {"a": {"type": "string"}}}, {}),
        ({"a": None}, {"properties": {"a": {"type": ["string", "null"]}}}, {"a": None}),
        ({"a": None}, {"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": None}),
        ({"a": None}, {"properties": {"a": {}}}, {"a": None}),
        ({"a": None}, {"properties": {"a": {"enum": ["x", None]}}}, {"a": None}),
        ({"a": None}, {"properties": {"a": {"const": "x"}}}, {}),
        ({"b": None}, {"properties": {"a": {"type": "string"}}}, {"b": None}),
        (None, {"type": "null"}, None),
        ([{"a": None}], {"items": {"properties": {"a": {"type": "string"}}}}, [{}]),
        (
            {"n": {"a": None}},
            {
                "properties": {"n": {"$ref": "#/$defs/N"}},
                "$defs": {"N": {"properties": {"a": {"type": "string"}}}},
            },
            {"n": {}},
        ),
        (
            {"a": None},
            {"anyOf": [{"properties": {"b": {"type": "string"}}}, {"properties": {"a": {"type": "string"}}}]},
            {},
        ),
    ],
)
def test_only_nulls_that_the_schema_forbids_are_taken_back(value: Any, schema: Any, cleaned: Any) -> None:
    assert without_added_nulls(value, schema) == cleaned
