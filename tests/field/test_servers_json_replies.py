"""Replies in JSON that are not quite JSON, or hold what no computer keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import MODEL, Lab, ask, batch_rows, own_models, sidecar
from tests.helpers.process import RpcError

SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}


def said(text: str) -> Any:
    return stream(*chat_chunks(text), "[DONE]")


@field("servers", '`{"a": 1e400}`')
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("options", [{"jsonMode": True}, {"jsonSchema": SCHEMA}])
@pytest.mark.parametrize(
    "text", ['{"a": 1e400}', '{"a": [-2.5E+999]}', 'Here it is:\n```json\n{"a": 1e400}\n```']
)
async def test_a_number_that_is_too_large_is_told_and_never_null(
    text: str, options: dict[str, Any], lab: Lab
) -> None:
    with pytest.raises(RpcError) as caught:
        await lab.answered(said(text), options=options)
    assert caught.value.data["kind"] == "invalid_output"
    assert "a number that is too large to be kept" in caught.value.message
    assert caught.value.data["detail"] == text


@field("servers", "what follows the schema inside")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("size", [3, 10_000])
@pytest.mark.parametrize(
    "text",
    [
        '{"result": {"a": 1}}',
        '{"response": {"data": {"a": 1}}}',
        '[{"a": 1}]',
        '{"answer": "{\\"a\\": 1}"}',
        json.dumps(json.dumps('{"a": 1}')),
        '<tool_call>{"name": "answer", "arguments": {"a": 1}}</tool_call>',
        '{"type": "function", "name": "answer", "parameters": "{\\"a\\": 1}"}',
        '{"type": "object", "properties": {"a": 1}}',
        '> {\n>   "a": 1\n> }',
        "{„a“: 1}",
        '{"a"：1}',
        '{\u200b"a": 1\ufeff}',
        '~~~json\n{"a": 1,}\n~~~',
        "```json5\n{a: 1, /* one */}\n```",
    ],
)
async def test_what_was_asked_for_is_found_inside_what_is_put_around_it(
    text: str, size: int, lab: Lab
) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = await lab.answered(stream(*chat_chunks(*pieces), "[DONE]"), options={"jsonSchema": SCHEMA})
    assert found["json"] == {"a": 1}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"result": {"b": 1}}', "'a' is a required property"),
        ('[{"a": 1}, {"a": 2, "b": []}]', "is not of type 'object'"),
        ('{"result": {}}', "'a' is a required property"),
        ('{"a": NaN}', "did not answer with JSON"),
        ('{"a": Infinity}', "a number that is too large to be kept"),
        ('{"answer": "{\\"a\\": 1e400}"}', "'a' is a required property"),
        ('{"answer": "' + "[" * 500 + "]" * 500 + '"}', "'a' is a required property"),
    ],
)
async def test_what_does_not_follow_the_schema_in_its_wrapper_is_told(text: str, said: str, lab: Lab) -> None:
    schema = {**SCHEMA, "additionalProperties": True}
    lab.switch.say(stream(*chat_chunks(text), "[DONE]"))
    with pytest.raises(RpcError) as caught:
        await ask(lab.process, options={"jsonSchema": schema})
    assert caught.value.data["kind"] == "invalid_output"
    assert said in caught.value.message


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("text", ['{"result": {"a": 1}}', '[{"a": 1}]'])
async def test_without_a_schema_what_was_answered_is_the_answer(text: str, lab: Lab) -> None:
    found = await lab.answered(said(text), options={"jsonMode": True})
    assert found["json"] == json.loads(text)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_number_that_can_be_kept_is(lab: Lab) -> None:
    found = await lab.answered(said('{"a": 1e300}'), options={"jsonSchema": SCHEMA})
    assert found["json"] == {"a": 1e300}


@field("servers", "JSON that is escaped once too often")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "text",
    [r"{\"a\": 1}", r'{\n  "a": 1\n}', "```json\n" + r"{\"a\":\t1}" + "\n```", r"Sure: {\n\"a\": 1\n}."],
)
async def test_json_that_is_escaped_once_too_often_is_read(text: str, lab: Lab) -> None:
    found = await lab.answered(said(text), options={"jsonSchema": SCHEMA})
    assert found["json"] == {"a": 1}


@field("servers", "formulas, patterns and paths whose backslashes are not doubled")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"a": "\(x\)\n\nThus \[y\]"}', "\\(x\\)\n\nThus \\[y\\]"),
        (r'{"a": "\d+\s*\."}', r"\d+\s*\."),
        (r'{"a": "C:\Users\Ada"}', r"C:\Users\Ada"),
        (r'{"a": "it\'s \d"}', r"it's \d"),
        (r'{"a": "\d \u00e9 \\n \""}', '\\d é \\n "'),
        ('{"a": +1}', 1),
        ('{"a": -.5}', -0.5),
        ("{&quot;a&quot;: &quot;b &amp;amp; c&quot;}", "b &amp; c"),
        ('{"a": "say &quot;hi&quot;"}', "say &quot;hi&quot;"),
    ],
)
async def test_a_reply_is_read_whose_marks_can_mean_one_thing_alone(text: str, value: Any, lab: Lab) -> None:
    found = await lab.answered(said(text), options={"jsonMode": True})
    assert found["json"] == {"a": value}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("text", [r'{"a": "\(x\) \nu"}', r'{"a": "C:\Users\new"}', '{"a": 01}', '{"a": 0x1}'])
async def test_what_may_mean_two_things_is_not_guessed(text: str, lab: Lab) -> None:
    with pytest.raises(RpcError) as caught:
        await lab.answered(said(text), options={"jsonMode": True})
    assert caught.value.data["kind"] == "invalid_output"
    assert caught.value.data["detail"] == text


@pytest.mark.asyncio(loop_scope="module")
async def test_what_javascript_takes_for_signs_in_a_pattern_is_no_count(lab: Lab) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^x{,3}$"}}}
    found = await lab.answered(said('{"a": "x{,3}"}'), options={"jsonSchema": schema})
    assert found["json"] == {"a": "x{,3}"}
    with pytest.raises(RpcError, match="does not match"):
        await lab.answered(said('{"a": "xx"}'), options={"jsonSchema": schema})


async def test_a_row_with_a_number_that_is_too_large_fails_and_keeps_its_answer(tmp_path: Path) -> None:
    row = {"prompt": "How many?", "model": MODEL, "jsonSchema": SCHEMA}
    async with (
        serving(said('{"a": 1e400}')) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        (found,) = await batch_rows(process, row)
    assert found["status"] != "success"
    assert found["response"] == '{"a": 1e400}'
    assert "too large to be kept" in found["errorMessage"]
