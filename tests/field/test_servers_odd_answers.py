"""Answers that were paid for and come in a shape that nobody asked for: none of their words is lost."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.field.hostile import (
    USAGE,
    Answer,
    chat_chunk,
    chat_chunks,
    claude_events,
    event,
    head,
    raw,
    stream,
    whole,
)
from tests.field.lab import LAB_USD, Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAYS = "Grüße aus Köln"
SSE = "text/event-stream"
PIECES = [event(each) for each in chat_chunks("Grüße ", "aus Köln")]
CALL: dict[str, Any] = {"type": "function", "function": {"name": "search", "arguments": "{}"}}


def completion(content: Any, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"id": "c1", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}], "usage": USAGE}


def written(charset: str, content_type: str) -> Answer:
    """The answer in the letters of this charset, which the header names."""
    body = json.dumps(completion(SAYS), ensure_ascii=False).encode(charset)
    return raw(head(200, None, content_type), body[:70], body[70:])


def numbered(number: int, text: str, **more: Any) -> dict[str, Any]:
    delta = {"content": text, **({"role": "assistant"} if number else {})}
    return {"index": number, "delta": delta, "finish_reason": None, **more}


BYTES: dict[str, Answer] = {
    "each piece packed by itself": raw(
        head(200, {"content-encoding": "gzip"}, SSE), *(gzip.compress(piece) for piece in PIECES)
    ),
    "the same in one packet": raw(
        head(200, {"content-encoding": "gzip"}, SSE), b"".join(gzip.compress(piece) for piece in PIECES)
    ),
    "Latin letters, which the header names": written("latin-1", "application/json; charset=ISO-8859-1"),
    "Chinese letters": written("gb18030", 'application/json; charset="GBK"'),
    "UTF-8, though the header names another": written("utf-8", "application/json; charset=iso-8859-1"),
    "a charset that there is not": written("utf-8", "application/json; charset=unknown-9"),
    "a mark before each line": raw(head(200, None, SSE), *(b"\xef\xbb\xbf" + piece for piece in PIECES)),
    "written down twice": whole(json.dumps(json.dumps(completion(SAYS)))),
}
PROTOCOLS: dict[str, Answer] = {
    "Anthropic's": whole(
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": SAYS}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1000, "output_tokens": 100},
        }
    ),
    "Anthropic's, as a stream": stream(*claude_events("Grüße ", "aus Köln")),
    "Google's": whole(
        {
            "candidates": [{"content": {"parts": [{"text": SAYS}], "role": "model"}, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 100,
                "totalTokenCount": 1100,
            },
        }
    ),
    "KoboldAI's": whole({"results": [{"text": SAYS, "finish_reason": "stop"}], "usage": USAGE}),
}
CHOICES: dict[str, Answer] = {
    "another answer beside it": stream(
        {"id": "c1", "choices": [numbered(0, "Grüße "), numbered(1, "Hello ")]},
        {"id": "c1", "choices": [numbered(1, "there")]},
        {"id": "c1", "choices": [numbered(0, "aus Köln")]},
        *list(chat_chunks())[-2:],
    ),
    "pieces that are counted": stream(
        {"id": "c1", "choices": [{**numbered(0, "Grüße "), "index": 1}]},
        {"id": "c1", "choices": [{"index": 2, "delta": {"content": "aus Köln"}}]},
        *list(chat_chunks())[-2:],
    ),
    "one answer as two choices of one number": whole(
        {
            "choices": [
                {"index": 0, "message": {"content": SAYS}, "finish_reason": "stop"},
                {"index": 0, "message": {"content": None, "tool_calls": [CALL]}, "finish_reason": "stop"},
            ],
            "usage": USAGE,
        }
    ),
    "spoken": whole(completion(None, audio={"id": "a", "data": "", "transcript": SAYS})),
}


@pytest.mark.parametrize("answers", [BYTES, PROTOCOLS, CHOICES], ids=["bytes", "protocols", "choices"])
async def test_a_paid_answer_is_shown_in_whatever_form_it_arrives(
    answers: dict[str, Answer], lab: Lab
) -> None:
    for name, answer in answers.items():
        found = await lab.answered(answer)
        assert found["answer"] == SAYS, name
        assert found["costUSD"] == pytest.approx(LAB_USD), name


@pytest.mark.parametrize("value", [{"answer": 42}, [1, 2], 42])
async def test_json_that_comes_as_a_value_and_not_as_a_text_is_the_answer(value: Any, lab: Lab) -> None:
    assert json.loads((await lab.answered(whole(completion(value))))["answer"]) == value


async def test_a_model_that_asks_for_a_tool_in_place_of_an_answer_is_told_to_the_person(lab: Lab) -> None:
    for message in ({"tool_calls": [CALL]}, {"function_call": CALL["function"]}):
        found = await lab.answered(whole(completion(None, **message)))
        assert "a tool (search), and it was given none" in found["notes"][0]
        assert found["costUSD"] == pytest.approx(LAB_USD)
    spoken = await lab.answered(whole(completion(SAYS, tool_calls=[CALL])))
    assert (spoken["answer"], spoken.get("notes", [])) == (SAYS, [])


async def test_the_words_of_a_model_that_declines_are_repeated(lab: Lab) -> None:
    lab.switch.say(
        stream(chat_chunk({"refusal": "I cannot help "}), chat_chunk({"refusal": "with that."}, "stop"))
    )
    message = (await refused(lab.process)).message
    assert message == "m declined to answer. It says: I cannot help with that. Rephrase the request."


def in_pieces(text: str, size: int) -> Answer:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return stream(*chat_chunks(*pieces), "[DONE]")


@pytest.mark.parametrize("size", [1, 5, 100])
async def test_the_mark_of_a_turn_s_end_that_a_template_leaves_is_no_part_of_the_answer(
    size: int, lab: Lab
) -> None:
    for mark in ("<|im_end|>", "<|eot_id|>\n", "\n<|endoftext|>", "<end_of_turn>"):
        found = await lab.answered(in_pieces(SAYS + mark, size))
        assert found["answer"].rstrip() == SAYS, mark


@pytest.mark.parametrize("size", [1, 5, 100])
async def test_a_mark_that_the_answer_is_about_stays_in_it(size: int, lab: Lab) -> None:
    for text in (
        "It is <|im_end|>",
        "<|im_end|>",
        "`<|im_end|>`",
        "a<|im_end|> and more",
        "a <",
        "a <|im",
        "x<y",
    ):
        assert (await lab.answered(in_pieces(text, size)))["answer"] == text
