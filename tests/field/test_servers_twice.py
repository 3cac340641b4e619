"""Streams whose every piece is sent twice, and ends that are called otherwise than `[DONE]`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunk, chat_chunks, claude_events, event, head, raw, serving, stream
from tests.field.lab import LAB_USD, Lab, ask, batch_rows, own_models, sidecar, vendor_environment

TEXT = "Good morning, dear Ada."
PIECES = [*chat_chunks("Good ", "morning", ", dear", " Ada.")]
# Without a reason for its end: the end itself says that it is one.
UNENDED = [*PIECES[:4], {**PIECES[-1], "usage": PIECES[-1]["usage"]}]


def twice(pieces: Sequence[Any]) -> list[Any]:
    return [each for each in pieces for _ in range(2)]


@field("servers", "every piece comes twice")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "before", [[], [chat_chunk({"role": "assistant", "content": ""})]], ids=["words", "a role first"]
)
@pytest.mark.parametrize("words", [("Good ", "morning", ", dear", " Ada."), ("Good morning", ", dear Ada.")])
async def test_an_answer_whose_pieces_are_sent_twice_is_read_once(
    before: list[Any], words: tuple[str, ...], lab: Lab
) -> None:
    found = await lab.answered(stream(*twice([*before, *chat_chunks(*words), "[DONE]"])))
    assert found["answer"] == TEXT
    assert found["costUSD"] == pytest.approx(LAB_USD)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "words",
    [
        ("ha", "ha", " ho", " ho", "!"),
        ("🎉",) * 9,
        ("1", "1", "2", "2", "1"),
        ("no", "no", "no"),
        ("a", "a"),
    ],
)
async def test_words_that_are_said_twice_stay_twice(words: tuple[str, ...], lab: Lab) -> None:
    found = await lab.answered(stream(*chat_chunks(*words), "[DONE]"))
    assert found["answer"] == "".join(words)


async def test_anthropic_s_pieces_that_are_sent_twice_are_read_once(tmp_path: Path) -> None:
    answer = stream(*twice([*claude_events("Good ", "morning", ", dear", " Ada.")]))
    async with serving(answer) as server:
        environment = vendor_environment(server.url, "anthropic")
        async with sidecar(tmp_path, environment=environment) as process:
            found = await ask(process, model="anthropic/claude-sonnet-5")
    assert found["answer"] == TEXT


@field("servers", "the end is `event: done`")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "end",
    [
        b"event: done\ndata: {}\n\n",
        b"event: end\n\n",
        b"event: complete\ndata: null\n\n",
        b"[DONE]\n\n",
        b"data: [END]\n\n",
        b"data: [EOS]\n\n",
    ],
)
async def test_an_end_is_one_whatever_it_is_called(end: bytes, lab: Lab) -> None:
    found = await lab.answered(stream(*UNENDED, end))
    assert found["answer"] == TEXT
    assert found["costUSD"] == pytest.approx(LAB_USD)


def _completion() -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": PIECES[-1]["usage"]}


@field("servers", "pieces as a script has them")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b"".join(b"data = " + json.dumps(each).encode() + b"\n\n" for each in PIECES), id="data ="
        ),
        pytest.param(b"".join(b"\x1e" + json.dumps(each).encode() + b"\n" for each in PIECES), id="json-seq"),
        pytest.param(b"callback(" + json.dumps(_completion()).encode() + b");", id="a call"),
        pytest.param(
            b"".join(
                event({**each, "choices": {str(n): choice for n, choice in enumerate(each["choices"])}})
                for each in PIECES
            ),
            id="lists as objects",
        ),
        pytest.param(
            b"".join(event({"id": "c1", **choice}) for each in PIECES for choice in each["choices"])
            + event(PIECES[-1]),
            id="no choices around",
        ),
    ],
)
async def test_pieces_are_read_in_whatever_they_are_wrapped(body: bytes, lab: Lab) -> None:
    found = await lab.answered(raw(head(200, content_type="text/event-stream"), body))
    assert found["answer"] == TEXT
    assert found["costUSD"] == pytest.approx(LAB_USD)


async def test_a_row_whose_answer_is_sent_twice_has_it_once(tmp_path: Path) -> None:
    async with (
        serving(stream(*twice([*PIECES, "[DONE]"]))) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        (row,) = await batch_rows(process, {"prompt": "Why?", "model": "lab/m"})
    assert (row["status"], row["response"]) == ("success", TEXT)
