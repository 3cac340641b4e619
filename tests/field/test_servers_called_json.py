"""JSON that was asked for and comes as the arguments of a call, which no server was asked to make."""

from __future__ import annotations

from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE, Answer, chat_chunk, stream, whole
from tests.field.lab import LAB_USD, Lab
from tests.helpers.process import RpcError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
JSON_MODES: list[dict[str, Any]] = [{"jsonSchema": SCHEMA}, {"jsonMode": True}]


def function(arguments: Any) -> dict[str, Any]:
    return {"name": "json_tool_call", "arguments": arguments}


def call(arguments: Any, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": number, "id": f"t{number}", "type": "function", "function": function(arguments), **more}


def said(**message: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    return whole({"id": "c", "object": "chat.completion", "choices": [choice], "usage": USAGE})


def streamed(*deltas: dict[str, Any]) -> Answer:
    last = {"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    return stream(*map(chat_chunk, deltas), chat_chunk({}, "tool_calls"), last, "[DONE]")


CALLED = {
    "whole": said(content=None, tool_calls=[call('{"answer": "blue"}')]),
    "an object": said(content="", tool_calls=[call({"answer": "blue"})]),
    "as it was called before": said(content=None, function_call=function('{"answer": "blue"}')),
    "in pieces": streamed(
        {"role": "assistant", "content": None, "tool_calls": [call("")]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"answer": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"blue"}'}}]},
    ),
    "behind a thought": streamed(
        {"reasoning_content": "Hm."}, {"tool_calls": [call('{"answer": "blue"}')]}, {"content": ""}
    ),
}


@field("servers", "JSON was asked for, and comes as the arguments of a call")
@pytest.mark.parametrize("options", JSON_MODES, ids=["a schema", "JSON mode"])
@pytest.mark.parametrize("case", CALLED)
async def test_json_that_comes_as_the_arguments_of_a_call_is_the_answer(
    case: str, options: dict[str, Any], lab: Lab
) -> None:
    found = await lab.answered(CALLED[case], options=options)
    assert found["json"] == {"answer": "blue"}
    assert found["costUSD"] == pytest.approx(LAB_USD)
    assert not found.get("notes")


async def test_a_text_beside_a_call_is_the_answer(lab: Lab) -> None:
    answer = said(content='{"answer": "red"}', tool_calls=[call('{"answer": "blue"}')])
    assert (await lab.answered(answer, options=JSON_MODES[0]))["json"] == {"answer": "red"}


async def test_calls_that_are_no_answer_are_told(lab: Lab) -> None:
    """Several of them, what is no object, and any call where no JSON was asked for."""
    for calls in ([call('{"answer": "a"}'), call('{"answer": "b"}', 1)], [call("[1]")], [call('{"answ')]):
        with pytest.raises(RpcError) as refused:
            await lab.answered(said(content=None, tool_calls=calls), options=JSON_MODES[0])
        assert refused.value.data["kind"] == "invalid_output"
    found = await lab.answered(said(content=None, tool_calls=[call('{"answer": "blue"}')]))
    assert "asked to use a tool" in found["notes"][0]
