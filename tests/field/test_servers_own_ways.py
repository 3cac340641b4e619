"""What servers do in ways that nobody wrote down: padding, ends without words, words by another name."""

from __future__ import annotations

import json

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, event, head, raw, whole
from tests.field.lab import LAB_USD, Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
EVENTS = b"".join(event(each) for each in (*chat_chunks("Good ", "morning"), "[DONE]"))
STREAM = head(200, None, "text/event-stream")


@field("servers", "NULs fill up the beginning of a stream")
async def test_padding_costs_no_answer_its_beginning(lab: Lab) -> None:
    for body in (bytes(4096) + EVENTS, EVENTS.replace(b"data: {", bytes(3) + b"data: {")):
        found = await lab.answered(raw(STREAM, body))
        assert found["answer"] == "Good morning"


@field("servers", "the end of Ollama's own stream")
async def test_an_end_without_a_message_is_the_end(lab: Lab) -> None:
    pieces = [
        {"model": "m", "message": {"role": "assistant", "content": text}, "done": False}
        for text in ("Good ", "morning")
    ]
    end = {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 1000, "eval_count": 100}
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in (*pieces, end))
    found = await lab.answered(raw(head(200, None, "application/x-ndjson"), lines))
    assert found["answer"] == "Good morning"
    assert found["costUSD"] == pytest.approx(LAB_USD)


@field("servers", '`{"ok": false, "description"')
async def test_words_are_repeated_that_are_called_a_description(lab: Lab) -> None:
    lab.switch.say(whole({"ok": False, "description": "Out of luck"}, 400))
    assert "Out of luck" in (await refused(lab.process)).message


@field("servers", "HTTP 429 with `retry-after: 99999999999999999999`")
async def test_a_wait_that_nobody_means_is_not_told_in_seconds(lab: Lab) -> None:
    lab.switch.say(whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "9" * 20}))
    error = await refused(lab.process)
    assert "Try again later." in error.message
    assert len(lab.switch.asked) == 1


@field("servers", "HTTP 429 with `retry-after: 3000000`")
async def test_a_wait_of_more_than_a_month_is_told_in_days(lab: Lab) -> None:
    lab.switch.say(whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "3000000"}))
    assert "Try again in 35 days." in (await refused(lab.process)).message
    assert len(lab.switch.asked) == 1
