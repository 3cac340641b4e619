"""Keywords that few schemas have, and what they are held against: each ends with an answer or a sentence."""

from __future__ import annotations

from typing import Any

from sidecar.checker.replies import ReplyChecker

TREE = {
    "$id": "https://example.com/tree",
    "$dynamicAnchor": "node",
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    "required": ["children"],
}
RECURSIVE = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "$recursiveAnchor": True,
    "type": "object",
    "properties": {"a": {"$recursiveRef": "#"}},
}
PAIRS = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}


# A schema, a reply, and the words for what is wrong with it; None where nothing is.
CASES: tuple[tuple[dict[str, Any], str, str | None], ...] = (
    (TREE, '{"children": [{"children": []}]}', None),
    (TREE, '{"children": [{"children": 1}]}', "children.0.children"),
    ({"$dynamicAnchor": "n", "$dynamicRef": "#n"}, "1", "nested too deeply"),
    (RECURSIVE, '{"a": {"a": 1}}', "a.a"),
    ({"multipleOf": 0.1}, "1e400", "too large to be kept"),
    ({"multipleOf": 1e-300}, "1e308", None),
    ({"multipleOf": 0.01}, "19.99", None),
    ({"$ref": "#/$defs/d0", "$defs": {**PAIRS, "d30": True}}, "1", "longer than 2 seconds"),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, '{"a": 1}', "'b' is a required property"),
    ({"contains": {"const": 3}, "maxContains": 1}, "[3, 3]", "Too many"),
    ({"unevaluatedProperties": False, "properties": {"a": True}}, '{"b": 1}', "Unevaluated"),
    ({"if": {"type": "object"}, "then": False}, "{}", "does not follow"),
)


async def test_each_ends_with_an_answer_or_a_sentence() -> None:
    checker = ReplyChecker()
    try:
        for schema, reply, words in CASES:
            problem = await checker.problem(reply, schema, "stop")
            if words is None:
                assert problem is None, (schema, problem)
            else:
                assert problem is not None, schema
                assert words in problem.message, schema
    finally:
        await checker.close()
