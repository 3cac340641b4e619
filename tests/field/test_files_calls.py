"""Histories that keep what was asked and what was answered apart, and moments by other clocks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.field.claims import field
from tests.field.lab import messages, project, sidecar
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
ANSWER = {"role": "assistant", "content": "Rayleigh."}
CHOICES = {"model": "m-1", "choices": [{"index": 0, "message": ANSWER}]}
REASONED = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rayleigh."}]},
]
GEMINI = {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Rayleigh."}]}
CLAUDE = {
    "type": "message",
    "role": "assistant",
    "model": "m-1",
    "content": [{"type": "text", "text": "Rayleigh."}],
}
CALLS: dict[str, Any] = {
    "a stored completion": {"id": "c", "created": 1_760_000_000, "messages": ASKED, **CHOICES},
    "a response": {"object": "response", "model": "m-1", "input": ASKED, "output": REASONED},
    "a response to a text": {"object": "response", "model": "m-1", "input": "Why?", "output": REASONED},
    "a request and its response": {"request": {"messages": ASKED}, "response": CHOICES},
    "one of Anthropic's": {"request": {"system": "S", "messages": ASKED[1:]}, "response": CLAUDE},
    "one of Gemini's": {
        "model": "m-1",
        "request": {"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]},
        "response": {"candidates": [{"content": GEMINI}]},
    },
    "one of Ollama's": {"request": {"model": "m-1", "prompt": "Why?"}, "response": {"response": "Rayleigh."}},
    "a trace of Langfuse": {"id": "t", "model": "m-1", "input": ASKED, "output": ANSWER},
    "a run of LangSmith": {"id": "r", "inputs": {"messages": ASKED}, "outputs": CHOICES},
    "a line of a batch with its result": {
        "body": {"messages": ASKED},
        "response": {"status_code": 200, "body": CHOICES},
    },
    "contents of Gemini's": {
        "model": "m-1",
        "contents": [{"role": "user", "parts": [{"text": "Why?"}]}, GEMINI],
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("calls"), "--mock") as made:
        yield made


async def taken_over(process: SidecarProcess, path: Path, content: str) -> list[list[dict[str, Any]]]:
    """What was said in each of the conversations of a file, the branches too."""
    path.write_text(content)
    into = await project(process)
    await process.call("conversation:import", {"projectId": into, "path": str(path)})
    listed = await process.call("conversation:list", {"projectId": into})
    return [await messages(process, each["id"]) for each in listed]


@field("files", "a log of what was asked of a model's interface")
@pytest.mark.parametrize("form", ["json", "list", "lines"])
@pytest.mark.parametrize("case", CALLS)
async def test_the_answer_that_stands_beside_its_question_comes_along(
    case: str, form: str, process: SidecarProcess, tmp_path: Path
) -> None:
    call = CALLS[case]
    other = json.loads(json.dumps(call).replace("Why?", "Who?"))
    content = {
        "json": json.dumps(call),
        "list": json.dumps([call]),
        "lines": f"{json.dumps(call)}\n{json.dumps(other)}\n",
    }
    found = await taken_over(process, tmp_path / f"log.{form}", content[form])
    questions = {"Why?", "Who?"} if form == "lines" and not call.get("id") else {"Why?"}
    assert {said[0]["content"] for said in found} == questions
    for question, answer in found:
        assert (question["role"], answer["role"]) == ("user", "assistant")
        assert (answer["content"], answer["model"]) == ("Rayleigh.", "m-1")
        assert answer.get("thinking") == ("Hm." if "Hm." in json.dumps(call) else None)


@field("files", "a log of what was asked of a model's interface")
async def test_other_choices_stand_beside_the_first(process: SidecarProcess, tmp_path: Path) -> None:
    second = {"index": 1, "message": {"role": "assistant", "content": "No idea."}}
    call = {"messages": ASKED, "choices": [*CHOICES["choices"], second]}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(call))
    into = await project(process)
    result = await process.call("conversation:import", {"projectId": into, "path": str(path)})
    assert result["messages"] == 3
    (listed,) = await process.call("conversation:list", {"projectId": into})
    assert [each["content"] for each in await messages(process, listed["id"])] == ["Why?", "Rayleigh."]


@field("files", "a log of what was asked of a model's interface")
@pytest.mark.parametrize("dated", [True, False])
async def test_a_list_with_the_newest_first_is_read_in_order(
    dated: bool, process: SidecarProcess, tmp_path: Path
) -> None:
    listed = [
        {
            "id": f"m{at}",
            "role": role,
            "content": [{"type": "text", "text": {"value": text}}],
            **({"created_at": at} if dated else {}),
        }
        for at, role, text in ((1_760_000_005, "assistant", "Rayleigh."), (1_760_000_000, "user", "Why?"))
    ]
    (said,) = await taken_over(
        process, tmp_path / "thread.json", json.dumps({"object": "list", "data": listed})
    )
    assert [each["content"] for each in said] == ["Why?", "Rayleigh."]


@field("files", "moments that count from 2001")
async def test_a_moment_of_apple_s_is_in_the_year_in_which_it_was(
    process: SidecarProcess, tmp_path: Path
) -> None:
    said = [
        {"role": "user", "content": "Why?", "createdAt": 800_000_001.5},
        {**ANSWER, "createdAt": 800_000_002.5},
    ]
    chat = [{"id": "b", "name": "Sky", "createdAt": 800_000_000.5, "messages": said}]
    ((question, answer),) = await taken_over(process, tmp_path / "bolt.json", json.dumps(chat))
    assert (question["timestamp"], answer["timestamp"]) == (1_778_307_201_500, 1_778_307_202_500)


async def test_a_log_of_a_messenger_is_not_called_json(process: SidecarProcess, tmp_path: Path) -> None:
    with pytest.raises(RpcError, match="no file of conversations that A-B/AI knows"):
        await taken_over(
            process, tmp_path / "chat.txt", "[02.01.26, 03:04:05] Anna: Why?\n[02.01.26, 03:04:06] Bot: So.\n"
        )


@field("files", "a log of what was asked of a model's interface")
async def test_questions_of_one_conversation_stay_together(process: SidecarProcess, tmp_path: Path) -> None:
    told = {"conversation_id": "c", "conversation_name": "Sky", "model": "m-1"}
    log = [
        {
            **told,
            "id": f"{at}",
            "prompt": asked,
            "response": "Rayleigh.",
            "datetime_utc": f"2026-01-02T03:0{at}:00",
        }
        for at, asked in ((5, "And now?"), (4, "Why?"))
    ]
    path = tmp_path / "logs.json"
    path.write_text(json.dumps(log))
    into = await project(process)
    await process.call("conversation:import", {"projectId": into, "path": str(path)})
    (listed,) = await process.call("conversation:list", {"projectId": into})
    said = await messages(process, listed["id"])
    assert listed["name"] == "Sky"
    assert [each["content"] for each in said] == ["Why?", "Rayleigh.", "And now?", "Rayleigh."]
    assert said[0]["timestamp"] == 1_767_323_040_000


# What a program calls a message's words and thoughts.
WORDS: dict[str, list[dict[str, Any]]] = {
    "thoughts": [
        {"type": "user", "content": "Why?"},
        {"type": "gemini", "content": "Rayleigh.", "thoughts": [{"subject": "Light", "description": "Hm."}]},
    ],
    "segments": [
        {"role": "user", "segments": [{"type": "text", "text": "Why?"}]},
        {
            "role": "assistant",
            "segments": [{"type": "thinking", "text": "Light\n\nHm."}, {"type": "text", "text": "Rayleigh."}],
        },
    ],
    "parts": [
        {"role": "user", "parts": [{"text": "Why?"}]},
        {"role": "model", "parts": [{"text": "Light\n\nHm.", "thought": True}, {"text": "Rayleigh."}]},
    ],
}


@pytest.mark.parametrize("case", WORDS)
async def test_words_and_thoughts_are_parted_however_they_are_called(
    case: str, process: SidecarProcess, tmp_path: Path
) -> None:
    chat = {"sessionId": "s", "messages": WORDS[case]}
    ((question, answer),) = await taken_over(process, tmp_path / "chat.json", json.dumps(chat))
    assert question["content"] == "Why?"
    assert (answer["content"], answer["thinking"]) == ("Rayleigh.", "Light\n\nHm.")
