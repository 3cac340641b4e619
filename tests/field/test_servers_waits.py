"""What is told while a server lets a question wait, and how a wait ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, chat_chunks, head, raw, serving, stream, whole
from tests.field.lab import MODEL, ask, conversation, own_models, sidecar
from tests.helpers.process import RpcError, SidecarProcess, Started

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
TOKEN = "t-1"


def busy(retry_after: str) -> Answer:
    return whole({"error": {"message": "Slow down."}}, 429, {"retry-after": retry_after})


def started(process: SidecarProcess, conversation_id: str) -> Started:
    params = {"content": "Why?", "modelId": MODEL, "conversationId": conversation_id}
    return process.start_call("chat:send", params | {"partialResultToken": TOKEN})


async def stopped(process: SidecarProcess, question: Started, conversation_id: str) -> None:
    """Stop the question, and hold that it ended as cancelled and cost nothing that is known."""
    assert await process.call("chat:abort", {"conversationId": conversation_id}) == {"aborted": 1}
    with pytest.raises(RpcError) as caught:
        await process.result(question)
    assert caught.value.data["kind"] == "cancelled"


@field("servers", "HTTP 429 with `retry-after: 30` while the client gave a `partialResultToken`")
@field("servers", "Stay as they are: 429 with seconds")
async def test_a_long_wait_is_told_at_once_and_can_be_stopped(tmp_path: Path) -> None:
    async with (
        serving(busy("30"), GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        thread = await conversation(process)
        question = started(process, thread)
        told = await asyncio.wait_for(process.progress[TOKEN].get(), 10)
        await stopped(process, question, thread)
        stats = await process.call("activity:stats", {})
    assert told == {"type": "waiting", "seconds": 30, "reason": "rate_limited"}
    assert len(server.asked) == 1
    assert stats["totalCost"] == 0


@field("servers", "HTTP 429 with `retry-after: 30` while the client gave a `partialResultToken`")
async def test_a_comparison_says_which_model_is_waited_for(tmp_path: Path) -> None:
    async with (
        serving(busy("1"), GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        params = {"content": "Why?", "modelIds": [MODEL], "partialResultToken": TOKEN}
        compared = await process.call("chat:compare", params)
        told = await asyncio.wait_for(process.progress[TOKEN].get(), 10)
    assert told == {"type": "waiting", "seconds": 1, "reason": "rate_limited", "modelId": MODEL}
    assert compared["replies"][0]["reply"]["answer"] == "Good morning"


@field("servers", "Stay as they are: 429 with seconds or with a date of the past")
@pytest.mark.parametrize("retry_after", ["1", "Wed, 01 Jan 2020 00:00:00 GMT"])
async def test_a_short_wait_ends_with_the_answer(retry_after: str, tmp_path: Path) -> None:
    async with (
        serving(busy(retry_after), GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"
    assert len(server.asked) == 2


@field("servers", "Stay as they are: 429 with seconds")
@pytest.mark.parametrize("spoken", [[], [head(content_type="text/event-stream")]], ids=["headers", "word"])
async def test_a_question_is_stopped_before_the_headers_and_before_the_first_word(
    spoken: list[bytes], tmp_path: Path
) -> None:
    never = asyncio.Event()
    async with (
        serving(raw(*spoken, never)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        thread = await conversation(process)
        question = started(process, thread)
        await server.requests(1)
        await stopped(process, question, thread)
    assert len(server.asked) == 1
