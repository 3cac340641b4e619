"""Schemas and patterns as programs elsewhere write them, with what a model answers by them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, stream
from tests.field.lab import Lab, ask
from tests.helpers.process import RpcError

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEXT = {"type": "string"}


def holding(inner: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": inner}, "required": ["a"], **more}


async def answered(lab: Lab, schema: Any, value: Any) -> Any:
    told = await lab.answered(
        stream(*chat_chunks(json.dumps(value)), "[DONE]"), options={"jsonSchema": schema}
    )
    return told["json"]


# A member with a pattern as JavaScript has it, a text that it is found in, and one that it is not.
PATTERNS = [
    (r"^[\w-\.]+@([\w-]+\.)+[\w-]{2,4}$", "a.b-c@d-e.com", "a b@d.com"),
    (r"^[\d-x]+$", "1-x", "y"),
    (r"^[a-\d]+$", "a-1", "b"),
    (r"^[-\w]+$", "-a", "!"),
    (r"^a\sb$", "a\ufeffb", "a\x1cb"),
    (r"^[\s\S]$", "\x1c", ""),
    (r"^[^\s]$", "\x85", "\u3000"),
    (r"^[\W]$", "é", "e"),
    (r"^[\D]$", "١", "1"),
    (r"\bé", "aé", "é"),
    (r"^x\B", "xy", "xé"),
]


@field("servers", "a pattern of JavaScript's")
@pytest.mark.parametrize(("pattern", "found", "not_found"), PATTERNS)
async def test_a_pattern_that_a_browser_reads_means_here_what_it_means_there(
    pattern: str, found: str, not_found: str, lab: Lab
) -> None:
    schema = holding({**TEXT, "pattern": pattern})
    assert await answered(lab, schema, {"a": found}) == {"a": found}
    with pytest.raises(RpcError, match="does not match"):
        await answered(lab, schema, {"a": not_found})


@field("servers", "a pattern between slashes")
@pytest.mark.parametrize("pattern", ["/^[a-z]+$/", "/^[a-z]+$/i", "/^a/", "/a$/gu"])
async def test_a_pattern_that_was_pasted_with_its_slashes_is_told_before_it_is_paid_for(
    pattern: str, lab: Lab
) -> None:
    with pytest.raises(RpcError, match=r"stands between slashes.*nothing was paid"):
        await ask(lab.process, options={"jsonSchema": holding({**TEXT, "pattern": pattern})})


async def test_what_is_no_schema_or_a_class_of_another_language_is_told(lab: Lab) -> None:
    with pytest.raises(RpcError, match="it must be an object"):
        await ask(lab.process, options={"jsonSchema": "true"})
    with pytest.raises(RpcError, match=r"is no class in JSON Schema.*nothing was paid"):
        await ask(lab.process, options={"jsonSchema": holding({**TEXT, "pattern": "^[[:alpha:]]+$"})})


async def test_a_pattern_of_a_path_is_none_between_slashes(lab: Lab) -> None:
    schema = holding({**TEXT, "pattern": "/api/"})
    assert await answered(lab, schema, {"a": "https://x/api/1"}) == {"a": "https://x/api/1"}


@field("servers", "`nullable` of OpenAPI")
@pytest.mark.parametrize(
    "inner",
    [
        {**TEXT, "nullable": True},
        {"type": "STRING", "nullable": True},
        {**TEXT, "nullable": True, "enum": ["x", "y"]},
        {"$ref": "#/$defs/s", "nullable": True},
        {"anyOf": [TEXT, {"type": "integer"}], "nullable": True},
        {"allOf": [{"$ref": "#/$defs/s"}], "nullable": True, "description": "A name"},
        {"const": "x", "nullable": True},
    ],
)
async def test_what_openapi_calls_nullable_may_be_null(inner: dict[str, Any], lab: Lab) -> None:
    schema = holding(inner, **{"$defs": {"s": TEXT}})
    for value in ({"a": None}, {"a": "x"}):
        assert await answered(lab, schema, value) == value
    with pytest.raises(RpcError, match="does not follow the schema"):
        await answered(lab, schema, {"a": [1]})


@field("servers", "references that look at the same value")
@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}},
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"anyOf": [TEXT, {"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
        },
        holding({"oneOf": [{"not": {"$ref": "#/properties/a"}}, TEXT]}),
        {"type": "object", "if": {"required": ["a"]}, "then": {"$ref": "#"}},
        {"type": "object", "dependentSchemas": {"a": {"$ref": "#"}}},
    ],
)
async def test_a_schema_that_asks_itself_for_ever_is_told_before_it_is_paid_for(
    schema: Any, lab: Lab
) -> None:
    with pytest.raises(RpcError, match=r"in a circle.*nothing was paid"):
        await ask(lab.process, options={"jsonSchema": schema})


@field("servers", "references that look at the same value")
@pytest.mark.parametrize("astray", ["#/nowhere", "http://lab.example/x y", "#anchor"])
async def test_a_reference_astray_in_what_is_only_referred_to_is_told_before_it_is_paid_for(
    astray: str, lab: Lab
) -> None:
    schema = {"$ref": "#/more/a", "more": {"a": {"anyOf": [TEXT, {"$ref": astray}]}}}
    with pytest.raises(RpcError, match=r"leads to nothing inside it.*nothing was paid"):
        await ask(lab.process, options={"jsonSchema": schema})


async def test_a_schema_of_a_tree_is_none_that_asks_itself_for_ever(lab: Lab) -> None:
    node = {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"$ref": "#/$defs/node"}}}]}
    schema = holding({"$ref": "#/$defs/node"}, **{"$defs": {"node": node}})
    assert await answered(lab, schema, {"a": {"a": {"a": None}}}) == {"a": {"a": {"a": None}}}
    with pytest.raises(RpcError, match="does not follow the schema"):
        await answered(lab, schema, {"a": {"a": 1}})


# In the words of an older draft that is not named: what follows it, and what does not.
OLDER: list[tuple[dict[str, Any], Any, Any]] = [
    ({"type": "number", "maximum": 5, "exclusiveMaximum": True}, 4.9, 5),
    ({"type": "number", "minimum": 5, "exclusiveMinimum": False}, 5, 4),
    (
        {"type": "array", "items": [TEXT, {"type": "integer"}], "additionalItems": False},
        ["x", 1],
        ["x", 1, 2],
    ),
    ({"type": "array", "items": [{**TEXT, "pattern": r"^(?<y>\d{4})$"}]}, ["2026"], ["26"]),
    ({"type": "object", "dependencies": {"b": ["c"]}}, {"b": 1, "c": 1}, {"b": 1}),
    ({"type": "object", "dependencies": {"b": {"required": ["c"]}, "d": ["e"]}}, {"e": 1}, {"b": 1}),
]


@field("servers", "words of an older draft")
@pytest.mark.parametrize("draft", ["", "http://json-schema.org/draft-07/schema#"])
@pytest.mark.parametrize(("inner", "good", "bad"), OLDER)
async def test_words_of_an_older_draft_mean_what_they_meant(
    inner: dict[str, Any], good: Any, bad: Any, draft: str, lab: Lab
) -> None:
    if draft and any(isinstance(each, bool) for each in inner.values()) and "items" not in inner:
        draft = "http://json-schema.org/draft-04/schema#"
    schema = holding(inner, **({"$schema": draft} if draft else {}))
    assert await answered(lab, schema, {"a": good}) == {"a": good}
    with pytest.raises(RpcError, match="does not follow the schema"):
        await answered(lab, schema, {"a": bad})


# As a description of an interface has them, with what JSON Schema alone does not know.
COMPONENTS = {
    "schemas": {
        "Sky": {
            "type": "object",
            "properties": {"day": {"$ref": "#/components/schemas/Day"}},
            "required": ["day"],
        },
        "Day": {**TEXT, "pattern": r"^(?<year>\d{4})-\d\d$", "nullable": True},
    }
}


@field("servers", "schemas under `components` of OpenAPI")
async def test_schemas_of_openapi_are_found_and_held_against_the_answer(lab: Lab) -> None:
    schema = {"$ref": "#/components/schemas/Sky", "components": COMPONENTS}
    for value in ({"day": "2026-01"}, {"day": None}):
        assert await answered(lab, schema, value) == value
    with pytest.raises(RpcError, match="does not follow the schema"):
        await answered(lab, schema, {"day": "26-01"})
    wrong = {"schemas": {"Sky": {"type": "sky"}}}
    with pytest.raises(RpcError, match=r"is not valid.*nothing was paid"):
        await ask(
            lab.process, options={"jsonSchema": {"$ref": "#/components/schemas/Sky", "components": wrong}}
        )
