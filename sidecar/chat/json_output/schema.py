"""Reading the JSON Schema that a request brings, before anything is paid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sidecar.chat.json_output.ecma_patterns import NoPattern, with_python_patterns
from sidecar.chat.json_output.older_words import (
    in_new_words,
    with_definitions,
    with_dependencies_alike,
    with_null,
)
from sidecar.chat.json_output.places import HOLDS_A_SCHEMA, HOLDS_SCHEMAS_BY_NAME, HOLDS_SCHEMAS_IN_LIST
from sidecar.chat.json_output.refs import problem_with_references
from sidecar.errors import Failure

_TYPE_NAMES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_ENVELOPE = frozenset({"type", "json_schema", "name", "description", "strict", "schema"})
# Far more than a vendor takes.
MOST_VALUES, MOST_LETTERS = 10_000, 1_000_000
_MOST_IN_A_LIST, _MOST_UNLIKE = 300, 1_000


def read_schema(given: Mapping[str, Any] | str | None) -> dict[str, Any] | None:
    """The schema as an object, with bare type names (`{"trend": "string"}`) read as `{"type": …}`.

    An empty text or object means no schema. Raises Failure("invalid_params") for what is no JSON Schema.
    """
    try:
        if isinstance(given, str):
            given = _parse(given)
        given = _unwrapped(given)
        if not given:
            return None
        _refuse_large(given)
        if isinstance(given, Mapping):
            given = with_definitions(given)
        schema = _spell_out(given, renews=not (isinstance(given, Mapping) and "$schema" in given))
        if not isinstance(schema, dict):
            raise _wrong("it must be an object")
        _check(schema)
    except RecursionError:
        raise _wrong("it is nested too deeply") from None
    return schema


def _parse(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise _wrong(f"the text is not JSON, at line {problem.lineno}, column {problem.colno}") from None


def _unwrapped(given: Any) -> Any:
    """The schema inside of what OpenAI's `response_format` holds, which people paste as a whole."""
    while isinstance(given, Mapping) and given.keys() <= _ENVELOPE:
        inner = given.get("json_schema", given.get("schema"))
        if not isinstance(inner, Mapping):
            break
        given = inner
    return given


def _refuse_large(schema: Any) -> None:
    """What is held against the drafts of JSON Schema has a bound: they look at each pair of some lists."""
    waiting, values, letters = [schema], 0, 0
    while waiting:
        each = waiting.pop()
        values += 1
        if isinstance(each, str):
            letters += len(each)
        elif isinstance(each, Mapping):
            letters += sum(map(len, each))
            waiting += each.values()
        elif isinstance(each, list):
            kinds = {type(inner) for inner in each}
            most = (
                _MOST_IN_A_LIST if kinds & {dict, list} else _MOST_UNLIKE if len(kinds) > 1 else MOST_VALUES
            )
            if len(each) > most:
                raise _wrong(f"a list in it has more than {most:,} elements")
            waiting += each
        if values > MOST_VALUES or letters > MOST_LETTERS:
            raise _wrong(f"it has more than {MOST_VALUES:,} values or {MOST_LETTERS:,} letters")


def _spell_out(schema: Any, renews: bool) -> Any:
    """The renderer's own template writes a type's name where a schema should stand.

    `renews` is whether words of older drafts are written in those of the newest.
    """
    if isinstance(schema, str) and schema in _TYPE_NAMES:
        return {"type": schema}
    if not isinstance(schema, Mapping):
        return schema
    spelled = dict(schema)
    kind = spelled.get("type")
    if isinstance(kind, str) and kind.isupper() and kind.lower() in _TYPE_NAMES:
        # As in schemas that were written for Gemini.
        spelled["type"] = kind.lower()
    spelled = with_null(in_new_words(spelled) if renews else with_dependencies_alike(spelled))
    for keyword in HOLDS_SCHEMAS_BY_NAME:
        if isinstance(spelled.get(keyword), Mapping):
            spelled[keyword] = {name: _spell_out(inner, renews) for name, inner in spelled[keyword].items()}
    for keyword in (*HOLDS_SCHEMAS_IN_LIST, *HOLDS_A_SCHEMA):
        if isinstance(spelled.get(keyword), list):
            spelled[keyword] = [_spell_out(inner, renews) for inner in spelled[keyword]]
    for keyword in HOLDS_A_SCHEMA:
        if keyword in spelled and not isinstance(spelled[keyword], list):
            spelled[keyword] = _spell_out(spelled[keyword], renews)
    return spelled


def _check(schema: dict[str, Any]) -> None:
    import jsonschema

    if not isinstance(schema.get("$schema", ""), str):
        raise _wrong("its $schema must be text")
    checker = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        readable = with_python_patterns(schema, check_only=True)
        checker.check_schema(readable)
    except NoPattern as problem:
        raise _wrong(str(problem)) from None
    except jsonschema.SchemaError as problem:
        where = ".".join(str(step) for step in problem.absolute_path) or "its root"
        raise _wrong(f"at {where}: {problem.message}") from None
    astray = problem_with_references(schema, str(checker.META_SCHEMA["$schema"]))
    if astray is not None:
        raise _wrong(astray)


def _wrong(reason: str) -> Failure:
    sentence = f"The JSON schema cannot be used: {reason[:300].removesuffix('.')}."
    return Failure(
        "invalid_params",
        f"{sentence} Correct it and send again; nothing was paid.",
        issues=[{"path": "options.jsonSchema", "message": sentence}],
    )
