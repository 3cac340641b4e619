"""Streams whose pieces repeat what was said: the answer is told once, and what a model repeats itself is kept."""

from __future__ import annotations

import pytest

from tests.field.hostile import USAGE, chat_chunk, chat_chunks, stream
from tests.field.lab import LAB_USD, Lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = ["The", "sea", "is", "wide", "and", "the", "night", "is", "long"]
TEXT = " ".join(WORDS)
SO_FAR = [" ".join(WORDS[: number + 1]) for number in range(len(WORDS))]
END = ({"choices": [], "usage": USAGE}, "[DONE]")


@pytest.mark.parametrize(
    "said",
    [
        [chat_chunk({"content": text}) for text in SO_FAR],
        [{"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]} for text in SO_FAR],
        [chat_chunk({"content": f"{word} "}) for word in WORDS] + [chat_chunk({"content": f"{TEXT} "})],
        [chat_chunk({"content": text}) for text in ("The sea is", TEXT)],
        [chat_chunk({"content": text}) for text in [*SO_FAR, TEXT, TEXT]],
    ],
    ids=["pieces", "messages", "the whole behind its pieces", "two pieces", "the whole again"],
)
async def test_text_that_comes_again_in_every_piece_is_told_once(said: list[object], lab: Lab) -> None:
    found = await lab.answered(stream(*said, chat_chunk({}, "stop"), *END))
    assert found["answer"].strip() == TEXT
    assert found["costUSD"] == pytest.approx(LAB_USD)


async def test_thinking_that_comes_again_in_every_piece_is_told_once(lab: Lab) -> None:
    thoughts = [chat_chunk({"reasoning_content": text}) for text in SO_FAR]
    found = await lab.answered(stream(*thoughts, *chat_chunks(*SO_FAR), "[DONE]"))
    assert (found["thinking"], found["answer"]) == (TEXT, TEXT)
    tags = [f"<think>{text}" for text in SO_FAR]
    tagged = [*tags, *(f"<think>{TEXT}</think>{text}" for text in SO_FAR)]
    found = await lab.answered(stream(*chat_chunks(*tagged), "[DONE]"))
    assert (found["thinking"], found["answer"]) == (TEXT, TEXT)


@pytest.mark.parametrize(
    "pieces",
    [
        ["ha", "ha", "ha", "haha"],
        ["=", "==", "====", "========"],
        ["1", "10", " and 100"],
        ["\n", "\n\n", "Good"],
        ["Row ", "row ", "row ", "your boat. ", "Row ", "row ", "row ", "your boat. "],
        ["no", "no no"],
    ],
)
async def test_what_a_model_repeats_itself_stays(pieces: list[str], lab: Lab) -> None:
    found = await lab.answered(stream(*chat_chunks(*pieces), "[DONE]"))
    assert found["answer"] == "".join(pieces)
