"""Marks of templates around an answer, and answers written down as something else than JSON."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE, Answer, chat_chunks, head, raw, stream
from tests.field.lab import LAB_USD, Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAYS = 'Grüße & "more", it\'s <b>bold</b>'
CHOICE = {"index": 0, "message": {"role": "assistant", "content": SAYS}, "finish_reason": "stop"}
DOCUMENT = json.dumps({"id": "c", "model": "m", "choices": [CHOICE], "usage": USAGE}, ensure_ascii=False)
PIECES = [json.dumps(each, ensure_ascii=False) for each in chat_chunks(SAYS[:3], SAYS[3:])]


def streamed(pieces: list[str], encoding: str = "utf-8") -> Answer:
    body = "".join(f"data: {each}\n\n" for each in [*pieces, "[DONE]"])
    return raw(head(200, content_type="text/event-stream"), body.encode(encoding))


def in_pieces(text: str, size: int) -> Answer:
    return stream(*chat_chunks(*(text[at : at + size] for at in range(0, len(text), size))), "[DONE]")


@field("servers", "the answer, or its pieces, escaped for a web page")
@pytest.mark.parametrize("shown", [html.escape, lambda text: text.replace('"', "&#34;")])
async def test_an_answer_that_was_escaped_for_a_web_page_is_read(shown: Any, lab: Lab) -> None:
    escaped = DOCUMENT if shown("&") == "&" else html.escape(DOCUMENT)
    for answer in (
        raw(head(200), shown(DOCUMENT).encode()),
        raw(head(200), escaped.encode()),
        streamed([html.escape(piece) for piece in PIECES]),
    ):
        found = await lab.answered(answer)
        assert found["answer"] == SAYS
        assert found["costUSD"] == pytest.approx(LAB_USD)


@field("servers", "the answer, or its pieces, escaped for a web page")
async def test_an_answer_that_is_written_as_python_shows_it_is_read(lab: Lab) -> None:
    for answer in (
        raw(head(200), repr(json.loads(DOCUMENT)).encode()),
        streamed([repr(json.loads(piece)) for piece in PIECES]),
    ):
        found = await lab.answered(answer)
        assert (found["answer"], found["costUSD"]) == (SAYS, pytest.approx(LAB_USD))


@field("servers", "an answer in UTF-32")
@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
async def test_an_answer_in_four_bytes_a_letter_is_read(encoding: str, lab: Lab) -> None:
    whole = raw(head(200), DOCUMENT.encode(encoding))
    for answer in (whole, streamed(PIECES, encoding)):
        found = await lab.answered(answer)
        assert (found["answer"], found["costUSD"]) == (SAYS, pytest.approx(LAB_USD))


@field("servers", "a stream none of whose pieces can be read")
async def test_pieces_that_nobody_can_read_are_no_empty_answer(lab: Lab) -> None:
    lab.switch.say(streamed(["{choices: [", "{choices: ["]))
    error = await refused(lab.process)
    assert "sent something that cannot be read. It may have charged" in error.message


@field("servers", "`<|im_start|>assistant`, `<s> `, `[/INST]` before the answer")
@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_a_mark_that_opens_a_turn_is_no_part_of_the_answer(size: int, lab: Lab) -> None:
    for text in (
        "<|im_start|>assistant\nAnswer<|im_end|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\nAnswer<|eot_id|>",
        "<s> Answer</s>",
        "\n[/INST] Answer",
        "<start_of_turn>model\nAnswer",
        "<|im_start|>assistant\n<think>Hm.</think>\nAnswer",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Answer<|END_RESPONSE|>",
        "[gMASK]<sop>Answer<|user|>",
        "<|turn>model\nAnswer<turn|>",
        "<|im_start|>assistant<|im_sep|>\nAnswer<|role_end|>",
        "<|begin_of_thought|>Hm.<|end_of_thought|>\n\n<|begin_of_solution|>Answer<|end_of_solution|>",
    ):
        found = await lab.answered(in_pieces(text, size))
        assert found["answer"] == "Answer", text
        assert found.get("thinking") == ("Hm." if "Hm." in text else None), text


@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_such_a_mark_stays_where_the_answer_is_about_it(size: int, lab: Lab) -> None:
    for text in (
        "Write <|im_start|>assistant first.",
        "`<s> ` begins it.",
        "<|im_start|>system",
        "<s>old</s>",
        "It was <s>dear</s>",
        "a",
        "<",
        "[/IN",
    ):
        assert (await lab.answered(in_pieces(text, size)))["answer"] == text


async def test_blanks_before_an_answer_stay_however_many(lab: Lab) -> None:
    found = await lab.answered(in_pieces(" " * 600 + "Answer", 1))
    assert found["answer"].strip() == "Answer"


@field("servers", '`<think time="3">`, and `analysis…assistantfinal`')
@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_a_thought_is_told_apart_however_its_tag_is_left(size: int, lab: Lab) -> None:
    for text in (
        '<think time="3">Hm.</think>Answer',
        "<Thinking effort='low'>\nHm.</thinking>\n\nAnswer",
        "analysisHm.assistantfinalAnswer",
        "<think>Hm.</think></think>\n\nAnswer",
        "<think>Hm.</think>\n</think>\nAnswer",
        "<longcat_think>Hm.</longcat_think>Answer",
        "<antThinking>Hm.</antThinking>\nAnswer",
    ):
        found = await lab.answered(in_pieces(text, size))
        assert (found["answer"], found["thinking"].strip()) == ("Answer", "Hm."), text


@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_what_only_looks_like_such_a_tag_is_the_answer(size: int, lab: Lab) -> None:
    for text in (
        "<think harder about it",
        "analysis of assistantfinal",
        "The word assistantfinal",
        "<thinkers>a</thinkers>",
    ):
        found = await lab.answered(in_pieces(text, size))
        assert (found["answer"], found.get("thinking")) == (text, None)
