"""Tags that a model which has thought puts around its answer: they are no part of it."""

from __future__ import annotations

import pytest

from tests.field.hostile import chat_chunks, stream
from tests.field.lab import Lab
from tests.field.test_servers_thinking import cut

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMED = {
    "Hunyuan": "<think>\nHm.</think>\n<answer>\nAnswer\n</answer>",
    "ERNIE": "<think>\nHm.\n</think>\n\n<response>\nAnswer\n</response>\n",
    "GLM": "<think>Hm.</think>\n<|begin_of_box|>Answer<|end_of_box|>",
    "Apriel": "Hm.\n[BEGIN FINAL RESPONSE]\nAnswer\n[END FINAL RESPONSE]",
    "capitals": "<THINK>Hm.</THINK><Answer>Answer</Answer>",
    "a thought that began at once": "Hm.</think><answer>Answer</answer>",
    "one that is cut at its limit": "<think>Hm.</think><answer>Answer",
}


async def said(lab: Lab, *texts: str) -> tuple[str, str]:
    found = await lab.answered(stream(*chat_chunks(*texts), "[DONE]"))
    return (found.get("thinking") or "").strip(), found["answer"]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("text", FRAMED.values(), ids=FRAMED)
async def test_the_frame_around_an_answer_is_no_part_of_it(text: str, size: int, lab: Lab) -> None:
    assert await said(lab, *cut(text, size)) == ("Hm.", "Answer")


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    "answer",
    [
        "It writes <answer>42</answer> there.",
        "< is less, and </answer> closes it",
        "<answers>42</answers>",
        "One\n\n\nTwo  three",
        "<b>Bold</b>",
    ],
)
async def test_tags_that_the_answer_is_about_stay_in_it(answer: str, size: int, lab: Lab) -> None:
    assert await said(lab, *cut(f"<think>Hm.</think>{answer}", size)) == ("Hm.", answer)


async def test_without_a_thought_nothing_is_taken_off(lab: Lab) -> None:
    text = "<answer>42</answer>"
    assert await said(lab, *cut(text, 3)) == ("", text)


async def test_what_stands_behind_the_frame_is_told_too(lab: Lab) -> None:
    text = "<think>Hm.</think><answer>42</answer> as you know."
    assert await said(lab, *cut(text, 4)) == ("Hm.", "42 as you know.")
