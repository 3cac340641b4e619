"""Thinking is not the answer, whatever a server wraps it in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunk, chat_chunks, stream
from tests.field.lab import Lab, ask, conversation

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
DRAFT, FINAL = '{"answer": "draft"}', '{"answer": "final"}'
HARMONY = (
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Answer<|return|>"
)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


async def said(lab: Lab, *texts: str, **params: Any) -> dict[str, Any]:
    return await lab.answered(stream(*chat_chunks(*texts), "[DONE]"), **params)


@field("servers", "text, then `</think>` with no `<think>` before it, then the answer")
@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("tag", ["</think>", "</thinking>", "◁/think▷", "[/THINK]", "</Think>", "<|/think|>"])
async def test_a_closing_tag_that_nothing_opened_ends_a_thought(tag: str, size: int, lab: Lab) -> None:
    found = await said(lab, *cut(f"Let me see.{tag}\n\nAnswer", size))
    assert (found["thinking"], found["answer"]) == ("Let me see.", "Answer")


@pytest.mark.parametrize(
    "text",
    [
        "The tag `</think>` closes a thought.",
        'It writes "</think>" there.',
        "Between <think> and </think> it thinks.",
        "A trailing </think>",
    ],
)
async def test_a_tag_that_the_answer_is_about_stays_in_it(text: str, lab: Lab) -> None:
    found = await said(lab, *cut(text, 4))
    assert found["answer"] == text
    assert not found.get("thinking")


@field("servers", 'the same with `{"answer": "draft"}` in the thinking')
@field("servers", "`<thinking>…</thinking>` with a draft in JSON, then the JSON")
@pytest.mark.parametrize(
    "text",
    [
        f"First {DRAFT} perhaps.</think>{FINAL}",
        f"{DRAFT}</think>\n{FINAL}",
        f"<thinking>{DRAFT}</thinking>\n{FINAL}",
        f"<think>{DRAFT}</think>{FINAL}",
        f"A draft: {DRAFT}. And now: {FINAL}",
        f"```json\n{DRAFT}\n```\nBetter:\n```json\n{FINAL}\n```",
        f'{FINAL}\nIt follows your form {{"answer": 1}}.',
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}",
    ],
)
async def test_the_last_whole_value_outside_the_thinking_is_the_answer(text: str, lab: Lab) -> None:
    found = await said(lab, *cut(text, 5), options={"jsonSchema": SCHEMA})
    assert found["json"] == {"answer": "final"}


@field("servers", "`<thinking>`, `<thought>`, `◁think▷…◁/think▷`")
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("◁think▷", "◁/think▷"),
        ("[THINK]", "[/THINK]"),
        ("<seed:think>", "</seed:think>"),
    ],
)
async def test_tags_in_use_are_known(opened: str, closed: str, size: int, lab: Lab) -> None:
    found = await said(lab, *cut(f"{opened}Hm.{closed}\nAnswer", size))
    assert (found["thinking"].strip(), found["answer"]) == ("Hm.", "Answer")


@field("servers", "tags with blanks in them")
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "<think >Hm.</think >Answer",
        "<think>Hm.</ think>Answer",
        "<thinking>Hm.< / Thinking\n>\n\nAnswer",
        "Hm.</think >\nAnswer",
        "Hm.</think>\n\n</think>\n\nAnswer",
        "\ufeff<think>Hm.</think>Answer",
        "<reflection>Hm.</reflection>Answer",
        "<scratchpad>Hm.</scratchpad>Answer",
        "<|inner_prefix|>Hm.<|inner_suffix|>Answer",
        "<|think_start|>Hm.<|think_end|>Answer",
        '<details type="reasoning" done="true" duration="5">Hm.</details>\nAnswer',
        "Here is my thought process: Hm.\n\nHere is my response: Answer",
        "Here's my thought process:\nHm.\nHere’s my response:\n\nAnswer",
        "analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Answer",
    ],
)
async def test_tags_written_otherwise_and_phrases_part_the_thought_from_the_answer(
    text: str, size: int, lab: Lab
) -> None:
    found = await said(lab, *cut(text, size))
    assert (found["thinking"].strip(), found["answer"]) == ("Hm.", "Answer")


@field("servers", "a thought that a tag of another name closes")
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "text", ["<thinking>Hm.</think>Answer", "<think>Hm. </thought >\n\nAnswer", "[THINK]Hm.</think>Answer"]
)
async def test_an_answer_behind_a_closing_tag_of_another_name_is_not_lost(
    text: str, size: int, lab: Lab
) -> None:
    found = await said(lab, *cut(text, size))
    assert (found["thinking"][:3], found["answer"]) == ("Hm.", "Answer")


@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_a_thought_inside_a_thought_leaves_nothing_in_the_answer(size: int, lab: Lab) -> None:
    found = await said(lab, *cut("<think>One.<think>Two.</think>Three.</think>Answer", size))
    assert found["answer"] == "Answer"
    assert all(word in found["thinking"] for word in ("One.", "Two.", "Three."))


@pytest.mark.parametrize(
    "text",
    [
        "Here is my response: it depends.",
        "Here is my thought process: it depends.",
        "final: it depends",
        "<details >none</details>",
        "<details type='x'>a</details>b",
    ],
)
async def test_what_only_looks_like_a_thought_stays_the_answer(text: str, lab: Lab) -> None:
    found = await said(lab, *cut(text, 3))
    assert (found.get("thinking") or "", found["answer"]) == ("", text)


@field("servers", "`<|channel|>analysis<|message|>…<|end|>")
@pytest.mark.parametrize("size", [1, 6, 1000])
@pytest.mark.parametrize(
    "text", [HARMONY, "<|start|>assistant" + HARMONY, HARMONY.removesuffix("<|return|>")]
)
async def test_raw_channels_are_told_apart(text: str, size: int, lab: Lab) -> None:
    found = await said(lab, *cut(text, size))
    assert (found["thinking"], found["answer"]) == ("Hm.", "Answer")


@field("servers", "a delta with `reasoning_text` alone")
@field("servers", "Stay as they are: `reasoning` together with `reasoning_content`")
@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_text": "Hm."},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {
            "reasoning_details": [
                {"type": "reasoning.summary", "summary": "Hm."},
                {"type": "encrypted", "data": "x"},
            ]
        },
        {"reasoning": "Hm.", "reasoning_content": "Hm."},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"reasoning_content": "Hm.", "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
        {"thinking": "Hm."},
        {"content": "<think>Hm.</think>"},
    ],
)
async def test_a_thought_is_told_once_in_whatever_member_it_stands(delta: dict[str, Any], lab: Lab) -> None:
    answer = stream(chat_chunk(delta), *chat_chunks("Answer"), "[DONE]")
    found = await lab.answered(answer)
    assert (found["thinking"], found["answer"]) == ("Hm.", "Answer")


async def test_thinking_never_goes_into_the_history(lab: Lab) -> None:
    answer = stream(*chat_chunks("A secret thought.</think>", "Answer"), "[DONE]")
    lab.switch.say(answer)
    talk = await conversation(lab.process)
    await ask(lab.process, conversationId=talk)
    await ask(lab.process, "And?", conversationId=talk)
    sent = json.dumps(lab.switch.asked[1].json)
    assert "Answer" in sent
    assert "secret thought" not in sent
