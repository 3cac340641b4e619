from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.anthropic.schema import enforceable
from sidecar.simulator.anthropic.schema import check_schema
from sidecar.simulator.schema_sample import sample
from tests.helpers.late import Late

if TYPE_CHECKING:
    import anthropic
else:
    anthropic = Late("anthropic")

TEXT = {"type": "string"}


def closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def inside(schema: dict[str, Any]) -> Any:
    """What becomes of a schema inside an object; None when the whole cannot be enforced."""
    said = enforceable({"type": "object", "properties": {"x": schema}, "required": ["x"]})
    return None if said is None else said["properties"]["x"]


def test_objects_are_closed_and_optional_members_stay_optional() -> None:
    given = {"type": "object", "properties": {"a": TEXT, "b": {"type": "object", "properties": {"c": TEXT}}}}
    assert enforceable(given) == closed({"a": TEXT, "b": closed({"c": TEXT})})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"type": "integer", "minimum": 1, "maximum": 9},
            {"type": "integer", "description": "(minimum: 1, maximum: 9)"},
        ),
        (
            {"type": "string", "maxLength": 5, "description": "A word."},
            {"type": "string", "description": "A word.\n(maxLength: 5)"},
        ),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "iri"}, {"type": "string", "description": '(format: "iri")'}),
        ({"type": "string", "pattern": "^a$"}, {"type": "string", "description": '(pattern: "^a$")'}),
        ({"type": "array", "items": TEXT, "minItems": 1}, {"type": "array", "items": TEXT, "minItems": 1}),
        (
            {"type": "array", "items": TEXT, "minItems": 2},
            {"type": "array", "items": TEXT, "description": "(minItems: 2)"},
        ),
        ({"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
        ({"type": "string", "enum": ["a", "b"]}, {"enum": ["a", "b"]}),
        ({"const": "a", "title": "T"}, {"const": "a", "title": "T"}),
        ({"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"oneOf": [TEXT, {"type": "null"}]}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"allOf": [TEXT], "description": "D"}, {"type": "string", "description": "D"}),
        ({"properties": {}, "additionalProperties": False}, closed({})),
        ({"items": TEXT}, {"type": "array", "items": TEXT}),
        ({"type": "string", "default": "a", "examples": ["b"]}, TEXT),
    ],
)
def test_limits_are_told_instead_of_enforced(given: dict[str, Any], said: dict[str, Any]) -> None:
    assert inside(given) == said


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": True},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT},
        {"type": "object", "properties": {"a": TEXT}, "required": ["b"]},
        {"type": "array"},
        {"type": "array", "prefixItems": [TEXT]},
        {"allOf": [TEXT, {"minLength": 1}]},
        {"anyOf": [TEXT], "type": "string"},
        {"type": "string", "not": {"const": "a"}},
        {"patternProperties": {"a": TEXT}, "type": "object"},
        {"enum": [{"a": 1}]},
        {"const": []},
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"type": "anything"},
    ],
)
def test_what_would_mean_something_else_is_not_enforced(given: dict[str, Any]) -> None:
    assert inside(given) is None


@pytest.mark.parametrize(
    "root", [{"type": "array", "items": TEXT}, TEXT, {"enum": [1]}, {"anyOf": [closed({})]}]
)
def test_only_an_object_is_enforced(root: dict[str, Any]) -> None:
    assert enforceable(root) is None


def test_definitions_are_kept_and_the_root_may_be_one() -> None:
    point = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    line = {"type": "object", "properties": {"a": {"$ref": "#/definitions/point"}}}
    given = {"$ref": "#/definitions/line", "definitions": {"point": point, "line": line}}
    said = enforceable(given)
    assert said is not None
    assert said["properties"] == {"a": {"$ref": "#/$defs/point"}}
    assert said["$defs"]["point"] == {**point, "additionalProperties": False}


def test_a_schema_that_holds_itself_is_not_enforced() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    given = {"type": "object", "properties": {"first": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    assert enforceable(given) is None


@pytest.mark.parametrize(("count", "works"), [(24, True), (25, False)])
def test_too_many_optional_members_are_not_enforced(count: int, works: bool) -> None:
    given = {"type": "object", "properties": {f"p{number}": TEXT for number in range(count)}}
    assert (enforceable(given) is not None) is works


@pytest.mark.parametrize(("count", "works"), [(16, True), (17, False)])
def test_too_many_unions_are_not_enforced(count: int, works: bool) -> None:
    properties = {f"p{number}": {"type": ["string", "null"]} for number in range(count)}
    given = {"type": "object", "properties": properties, "required": list(properties)}
    assert (enforceable(given) is not None) is works


def _schemas() -> st.SearchStrategy[dict[str, Any]]:
    plain: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [
            TEXT,
            {"type": "integer", "minimum": 3},
            {"type": "string", "minLength": 20},
            {"type": ["number", "null"]},
            {"enum": ["a", "b"]},
            {"type": "boolean", "description": "D"},
            {"type": "string", "format": "date"},
            {},
            {"not": TEXT},
        ]
    )

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        members = st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3)
        objects = members.flatmap(
            lambda found: st.sampled_from([[], sorted(found)[:1], sorted(found)]).map(
                lambda required: {"type": "object", "properties": found, "required": required}
            )
        )
        arrays = st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner,
            st.integers(0, 3),
        )
        return objects | arrays | st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner)

    return st.recursive(plain, deeper, max_leaves=8)


@given(_schemas())
def test_what_is_sent_is_taken_and_forbids_no_sample_of_the_schema(schema: dict[str, Any]) -> None:
    root = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    said = enforceable(root)
    if said is None:
        return
    check_schema(said)
    value = sample(root)
    jsonschema.validate(value, root)
    jsonschema.validate(value, said)


@given(_schemas())
def test_the_official_clients_own_transformation_finds_nothing_to_change_but_words(
    schema: dict[str, Any],
) -> None:
    said = enforceable({"type": "object", "properties": {"x": schema}, "required": ["x"]})
    if said is not None:
        assert anthropic.transform_schema(json.loads(json.dumps(said))) == said
