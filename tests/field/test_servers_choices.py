"""Choice 0 is the answer, in whatever order it comes; thinking stands wherever a gateway puts it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import stream, whole
from tests.field.lab import Lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def piece(
    number: int, text: str | None = None, finish: str | None = None, *, role: bool = False
) -> dict[str, Any]:
    """A choice of that number in a stream."""
    delta = ({"role": "assistant"} if role else {}) | ({} if text is None else {"content": text})
    return {"index": number, "delta": delta, "finish_reason": finish}


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": list(choices), **more}


def message(number: int, text: str) -> dict[str, Any]:
    return {"index": number, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


STREAMS = {
    "both in each chunk": [
        chunk(piece(1, "Wr", role=True), piece(0, "Ri", role=True)),
        chunk(piece(1, "ong", "stop"), piece(0, "ght", "stop")),
    ],
    "a chunk each in turn": [
        chunk(piece(1, "Wr", role=True)),
        chunk(piece(0, "Ri", role=True)),
        chunk(piece(1, "ong", "length")),
        chunk(piece(0, "ght", "stop")),
    ],
    "roles first": [
        chunk(piece(1, "", role=True)),
        chunk(piece(0, "", role=True)),
        chunk(piece(1, "Wrong")),
        chunk(piece(0, "Right")),
        chunk(piece(1, finish="stop")),
        chunk(piece(0, finish="stop")),
    ],
    "without roles": [chunk(piece(1, "Wrong")), chunk(piece(0, "Right")), chunk(piece(0, finish="stop"))],
    "three": [
        chunk(piece(2, "", role=True)),
        chunk(piece(1, "", role=True)),
        chunk(piece(0, "Right", role=True)),
        chunk(piece(2, "Wrong")),
        chunk(piece(1, "Wrong")),
        chunk(piece(0, finish="stop")),
    ],
}


@field("servers", "choice 1 before choice 0 in a stream")
@pytest.mark.parametrize("name", STREAMS)
async def test_choice_0_is_the_answer_where_another_is_streamed_before_it(name: str, lab: Lab) -> None:
    found = await lab.answered(stream(*STREAMS[name], chunk(usage=USAGE), "[DONE]"))
    assert found["answer"] == "Right"
    assert found["finishReason"] == "stop"


@field("servers", "all of choice 1, in several chunks, before choice 0")
@pytest.mark.parametrize("role", [True, False])
async def test_two_answers_that_come_one_behind_the_other_are_never_told_as_one(role: bool, lab: Lab) -> None:
    """Nothing tells that a choice 0 is to come, and nobody is to wait for it before the first word: one is told."""
    for numbers in ((1, 0), (2, 1, 0), (1, 2)):
        chunks = [
            part
            for number in numbers
            for part in (
                chunk(piece(number, f"Answer {number}, ", role=role)),
                chunk(piece(number, "whole")),
                chunk(piece(number, finish="stop")),
            )
        ]
        found = await lab.answered(stream(*chunks, chunk(usage=USAGE), "[DONE]"))
        assert found["answer"] == f"Answer {numbers[0]}, whole"


@field("servers", "choice 1 before choice 0, whole")
async def test_choice_0_is_the_answer_where_another_stands_before_it_in_a_whole_answer(lab: Lab) -> None:
    body = {"id": "c", "object": "chat.completion", "model": "m", "usage": USAGE}
    found = await lab.answered(whole({**body, "choices": [message(1, "Wrong"), message(0, "Right")]}))
    assert found["answer"] == "Right"


@field("servers", "a number that is never 0, or counts the pieces")
async def test_an_answer_without_a_choice_0_is_told_all_the_same(lab: Lab) -> None:
    one = [chunk(piece(1, "Ri", role=True)), chunk(piece(1, "ght")), chunk(piece(1, finish="stop"))]
    counted = [chunk(piece(1, "Ri", role=True)), chunk(piece(2, "ght")), chunk(piece(3, finish="stop"))]
    short = [chunk(piece(1, "Right", "stop", role=True))]
    body = {"id": "c", "object": "chat.completion", "model": "m", "usage": USAGE}
    for answer in (
        *(stream(*chunks, chunk(usage=USAGE), "[DONE]") for chunks in (one, counted, short)),
        whole({**body, "choices": [message(1, "Right")]}),
    ):
        found = await lab.answered(answer)
        assert found["answer"] == "Right"


THOUGHTS: dict[str, dict[str, Any]] = {
    "LiteLLM": {"provider_specific_fields": {"reasoning_content": "Hm."}},
    "LiteLLM, blocks": {
        "provider_specific_fields": {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]}
    },
    "LiteLLM, twice": {"reasoning_content": "Hm.", "provider_specific_fields": {"reasoning_content": "Hm."}},
    "OpenRouter": {"reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}]},
    "OpenRouter, summary": {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
    "blocks": {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]},
}


@field("servers", "thinking in `provider_specific_fields`")
@pytest.mark.parametrize("name", THOUGHTS)
async def test_thinking_beside_the_text_is_thinking_wherever_it_stands(name: str, lab: Lab) -> None:
    thought = {"index": 0, "delta": {"role": "assistant", "content": None, **THOUGHTS[name]}}
    chunks = [chunk(thought), chunk(piece(0, "Answer", "stop")), chunk(usage=USAGE), "[DONE]"]
    body = {"id": "c", "object": "chat.completion", "model": "m", "usage": USAGE}
    told = {"role": "assistant", "content": "Answer", **THOUGHTS[name]}
    for answer in (
        stream(*chunks),
        whole({**body, "choices": [{"index": 0, "message": told, "finish_reason": "stop"}]}),
    ):
        found = await lab.answered(answer)
        assert (found["thinking"], found["answer"]) == ("Hm.", "Answer")
