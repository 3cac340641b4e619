"""Who stops an answer, or cannot use it, is told at once what it cost, or what it may have cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE, Answer, chat_chunk, head, raw, serving, stream, whole
from tests.field.lab import (
    LAB_USD,
    MODEL,
    conversation,
    messages,
    own_models,
    refused,
    sidecar,
    vendor_environment,
)
from tests.helpers.process import RpcError, SidecarProcess

WORDS = "word " * 20


async def stopped(process: SidecarProcess, talk: str, asking: asyncio.Task[object]) -> dict[str, Any]:
    """What is told of the question once its conversation is stopped."""
    assert await process.call("chat:abort", {"conversationId": talk}) == {"aborted": 1}
    with pytest.raises(RpcError) as caught:
        await asking
    assert caught.value.code == -32800
    return dict(caught.value.data)


def asked(process: SidecarProcess, talk: str, model: str = MODEL) -> asyncio.Task[object]:
    params = {"conversationId": talk, "content": "Why?", "modelId": model, "partialResultToken": "t"}
    options = {"enableStreaming": True}
    return asyncio.create_task(process.call("chat:send", {**params, "options": options}))


@field("money", "an answer that is stopped")
async def test_who_stops_an_answer_is_told_what_it_may_have_cost(tmp_path: Path) -> None:
    silent = Answer([], keep_open=True)
    begun = stream(*(chat_chunk({"content": f"{WORDS} {number}"}) for number in "abc"), keep_open=True)
    async with (
        serving(silent, begun) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        talk = await conversation(process)
        asking = asked(process, talk)
        await server.requests(1)
        first = await stopped(process, talk, asking)
        # Nothing came: what was held back for it is the most.
        assert first["costAtLeastUSD"] == 0
        assert first["costAtMostUSD"] > 0.01
        asking = asked(process, talk)
        await process.progress["t"].get()
        second = await stopped(process, talk, asking)
        assert second["costAtLeastUSD"] > 20 * 2e-6
        kept = (await messages(process, talk))[-1]
        assert {name: kept[name] for name in ("costAtLeastUSD", "costAtMostUSD")} == {
            name: second[name] for name in ("costAtLeastUSD", "costAtMostUSD")
        }


@field("money", "an answer that is stopped")
async def test_who_cancels_a_request_is_told_what_it_may_have_cost(tmp_path: Path) -> None:
    begun = stream(*(chat_chunk({"content": f"{WORDS} {number}"}) for number in "abc"), keep_open=True)
    async with serving(begun) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        params = {"content": "Why?", "modelId": MODEL, "partialResultToken": "t"}
        asking = process.start_call("chat:send", {**params, "options": {"enableStreaming": True}})
        await process.progress["t"].get()
        process.notify("$/cancelRequest", {"id": asking.id})
        with pytest.raises(RpcError) as caught:
            await process.result(asking)
    assert caught.value.code == -32800
    assert caught.value.data["costAtLeastUSD"] > 20 * 2e-6
    assert caught.value.data["costAtMostUSD"] > 0.01


@field("money", "an answer that is stopped")
async def test_who_stops_a_comparison_is_told_what_each_answer_may_have_cost(tmp_path: Path) -> None:
    begun = raw(head(200, None, "text/event-stream"), keep_open=True)
    async with serving(begun) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, models=own_models(server.url), environment=environment) as process:
            talk = await conversation(process)
            params = {"conversationId": talk, "content": "Why?", "modelIds": [MODEL, "openai/gpt-6-luna"]}
            asking = asyncio.create_task(process.call("chat:compare", params))
            await server.requests(2)
            await process.call("chat:abort", {"conversationId": talk})
            replies = (await asking)["replies"]
    assert [reply["error"]["code"] for reply in replies] == [-32800, -32800]
    assert all(reply["error"]["data"]["costAtMostUSD"] > 0 for reply in replies)


@field("money", "an answer whose JSON cannot be used")
async def test_an_answer_that_is_not_the_json_that_was_asked_for_tells_its_cost(tmp_path: Path) -> None:
    message = {"role": "assistant", "content": "No JSON today."}
    answer = whole({"id": "c1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE})
    async with serving(answer) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        problem = await refused(process, options={"jsonSchema": {"type": "object"}})
    assert problem.data["kind"] == "invalid_output"
    assert problem.data["costUSD"] == pytest.approx(LAB_USD)
