"""Answers that are not quite what the protocol says, and whole all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.field.hostile import Answer, chat_chunk, chat_chunks, event, head, raw, stream
from tests.field.lab import LAB_USD, Lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Good morning, dear Ada."
WORDS = ("Good", "Good morning", "Good morning, dear", TEXT)
(USAGE,) = (each for each in chat_chunks() if not each["choices"])
END = (chat_chunk({}, "stop"), USAGE, "[DONE]")
EVENTS = [event(each) for each in (chat_chunk({"content": "Good "}), chat_chunk({"content": TEXT[5:]}), *END)]


def whole(**members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": USAGE["usage"], **members}


def chunked(before: str, behind: bytes) -> Answer:
    """The events as chunks of a body, with their sizes as this server writes them."""
    body = b"".join(before.format(len(each)).encode() + behind + each + behind for each in EVENTS)
    top = head(200, {"transfer-encoding": "chunked"}, "text/event-stream")
    return raw(top + body + before.format(0).encode() + behind + behind)


DOCUMENT = json.dumps(whole(), indent=1).encode()
PRETTY = json.dumps(chat_chunk({"content": TEXT}), indent=1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            stream(*(chat_chunk({"content": each}) for each in WORDS), *END), id="pieces hold all so far"
        ),
        pytest.param(
            stream(
                *({"id": "c1", "choices": [{"index": 0, "message": {"content": each}}]} for each in WORDS),
                *END,
            ),
            id="messages hold all so far",
        ),
        pytest.param(stream(*EVENTS[:2], event(whole()), "[DONE]"), id="the whole message behind its pieces"),
        pytest.param(stream(b"<!-- passed on by lab -->\n", *EVENTS), id="a proxy's comment before it"),
        pytest.param(chunked("{:x}", b"\n"), id="sizes of chunks with a newline alone"),
        pytest.param(chunked("0x{:x}", b"\r\n"), id="sizes of chunks with 0x"),
        pytest.param(chunked("{:08x}  ", b"\r\n"), id="sizes of chunks with blanks"),
        pytest.param(raw(head(200, {"content-length": "9000"}), DOCUMENT), id="a length that is too large"),
        pytest.param(raw(head(), DOCUMENT.replace(b"\n}", b",\n}")), id="a comma behind the last value"),
        pytest.param(stream(b"data: " + PRETTY.encode() + b"\n\n", *END), id="a document over several lines"),
        pytest.param(stream(*EVENTS[:3], {**USAGE, "usage": json.dumps(USAGE["usage"])}), id="usage as text"),
    ],
)
async def test_a_sloppy_answer_is_read_whole_with_its_cost(answer: Answer, lab: Lab) -> None:
    found = await lab.answered(answer)
    assert found["answer"] == TEXT
    assert found["costUSD"] == pytest.approx(LAB_USD)
    assert len(lab.switch.asked) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"code": 0, "message": ""},
        {"code": None, "message": None},
        {"code": 200, "message": "success"},
        "null",
    ],
)
async def test_an_error_that_says_there_is_none_is_none_and_the_answer_is_paid_once(
    error: Any, lab: Lab
) -> None:
    pieces = ({**chat_chunk({"content": each}), "error": error} for each in ("Good ", TEXT[5:]))
    found = await lab.answered(stream(*pieces, *END))
    assert found["answer"] == TEXT
    assert len(lab.switch.asked) == 1


async def test_a_laugh_is_not_taken_for_pieces_that_grow(lab: Lab) -> None:
    found = await lab.answered(
        stream(*(chat_chunk({"content": each}) for each in ("ha", "haha", "ha")), *END)
    )
    assert found["answer"] == "hahahaha"
