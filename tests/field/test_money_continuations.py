"""Answers that take several requests, under a limit: each is held against it before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, claude_events, serving, stream
from tests.field.lab import ask, conversation, messages, sidecar, vendor_environment
from tests.field.test_money_limits import save
from tests.helpers.process import RpcError

SONNET, ARGON = "anthropic/claude-sonnet-5", "gemini/gemini-4-argon"
SEARCHING: dict[str, Any] = {"options": {"enableWebSearch": True, "maxOutputTokens": 1_000}}


def begun_message(prompt: int = 1_000) -> Iterator[dict[str, Any]]:
    """The beginning of a message of Anthropic's."""
    usage = {"input_tokens": prompt, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-5"}
    yield {"type": "message_start", "message": {**message, "content": [], "usage": usage}}


def searching(prompt: int, *, stop: str, searches: int = 1, ending: str = "text") -> Answer:
    """A message of Anthropic's that searched, wrote a sentence and stopped so."""

    def events() -> Iterator[dict[str, Any]]:
        yield from begun_message(prompt)
        call = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "sky"}}
        found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
        said = {"type": "text", "text": "The sky is blue."}
        blocks = [call, found, said, call] if ending == "call" else [call, found, said]
        for index, block in enumerate(blocks):
            yield {"type": "content_block_start", "index": index, "content_block": block}
            yield {"type": "content_block_stop", "index": index}
        told = {"output_tokens": 20, "server_tool_use": {"web_search_requests": searches}}
        yield {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": told}
        yield {"type": "message_stop"}

    return stream(*events())


def pausing(asked: Asked) -> Answer:
    """A vendor that searches and pauses as long as it may search."""
    if asked.json.get("tool_choice") == {"type": "none"}:
        return searching(1_000, stop="end_turn", searches=0)
    return searching(1_000, stop="pause_turn")


async def test_a_turn_that_pauses_makes_no_more_searches_than_were_allowed(tmp_path: Path) -> None:
    async with (
        serving(pausing) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await save(process, maxWebSearchUses=2)
        answer = await ask(process, model=SONNET, **SEARCHING)
    assert answer["finishReason"] == "stop"
    assert [asked.json["tools"][0]["max_uses"] for asked in server.asked] == [2, 1, 1]
    assert ["tool_choice" in asked.json for asked in server.asked] == [False, False, True]


async def test_a_turn_that_waits_for_one_search_more_than_is_allowed_ends_and_says_so(tmp_path: Path) -> None:
    async with (
        serving(searching(1_000, stop="pause_turn", ending="call")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await save(process, maxWebSearchUses=1)
        answer = await ask(process, model=SONNET, **SEARCHING)
    assert len(server.asked) == 1
    assert answer["finishReason"] == "length"
    assert "The sky is blue." in answer["content"]
    assert any("not whole" in note for note in answer["notes"])


async def test_a_paused_turn_is_not_gone_on_with_past_the_budget(tmp_path: Path) -> None:
    """What was found makes the turn long: the first request is far dearer than anybody knew."""
    async with (
        serving(searching(30_000, stop="pause_turn")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await save(process, maxWebSearchUses=3, monthlyBudgetUSD=0.46)
        answer = await ask(process, model=SONNET, **SEARCHING)
        stats = await process.call("activity:stats", {})
    assert 1 < len(server.asked) < 7
    assert answer["finishReason"] == "length"
    assert any("the rest of this answer may cost up to" in note for note in answer["notes"])
    assert answer["costUSD"] == stats["budget"]["spentUSD"] <= 0.46
    assert stats["budget"]["heldBackUSD"] == 0


def part(number: int, prompt: int) -> Answer:
    """A part of an answer of Gemini's that is to be continued."""
    candidate = {
        "content": {"parts": [{"text": f"Part {number}. "}], "role": "model"},
        "finishReason": "CONTINUATION",
        "continuationToken": f"t{number}",
    }
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": 500, "totalTokenCount": prompt + 500}
    return stream({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-4-argon"})


async def test_an_answer_of_gemini_is_not_continued_past_the_budget(tmp_path: Path) -> None:
    async with (
        serving(*(part(number, 2_000) for number in range(40))) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "gemini")) as process,
    ):
        await save(process, monthlyBudgetUSD=0.1)
        question = "word " * 2_000
        answer = await ask(process, question, model=ARGON, options={"maxOutputTokens": 2_000})
        stats = await process.call("activity:stats", {})
    assert 1 < len(server.asked) < 32
    assert answer["content"].startswith("Part 0. Part 1.")
    assert answer["finishReason"] == "length"
    assert any("the rest of this answer may cost up to" in note for note in answer["notes"])
    assert stats["budget"]["spentUSD"] <= 0.1


async def test_what_a_running_answer_may_cost_rises_when_it_goes_on(tmp_path: Path) -> None:
    """Its first request came to far more than anybody knew, and the second is still being answered."""
    silent = stream(*begun_message(), keep_open=True)
    async with (
        serving(searching(60_000, stop="pause_turn"), silent) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await save(process, maxWebSearchUses=1, monthlyBudgetUSD=5)
        asking = process.start_call(
            "chat:send", {"conversationId": "c", "content": "Why?", "modelId": SONNET, **SEARCHING}
        )
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while len(server.asked) < 2 or not told or told[-1]["costAtMostUSD"] == told[0]["costAtMostUSD"]:
                work = await process.call("work:list")
                told += [answer for turn in work["turns"] for answer in turn["answers"]]
            budget = (await process.call("activity:stats", {}))["budget"]
        await process.call("chat:abort", {"conversationId": "c"})
        with pytest.raises(RpcError) as stopped:
            await process.result(asking)
    assert told[0]["costAtMostUSD"] < told[-1]["costAtMostUSD"] == budget["heldBackUSD"]
    assert stopped.value.data["costAtMostUSD"] == told[-1]["costAtMostUSD"]


@pytest.mark.parametrize("way", ["chat:abort", "$/cancelRequest"])
@pytest.mark.parametrize(
    ("vendor", "model", "first", "least"),
    [
        # 1,000 tokens, 20 out and a search; 2,000 tokens and 500 out.
        ("anthropic", SONNET, searching(1_000, stop="pause_turn"), 0.0122),
        ("gemini", ARGON, part(0, 2_000), 0.009),
    ],
)
async def test_who_stops_an_answer_in_its_second_request_pays_for_no_third_and_may_ask_again(
    vendor: str, model: str, first: Answer, least: float, way: str, tmp_path: Path
) -> None:
    silent = Answer([], keep_open=True)
    end = {"finishReason": "STOP", "content": {"parts": [{"text": "Anew."}], "role": "model"}}
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    gemini = {"candidates": [end], "usageMetadata": counts, "modelVersion": "gemini-4-argon"}
    whole_one = stream(*claude_events("Anew.")) if vendor == "anthropic" else stream(gemini)
    async with (
        serving(first, silent, whole_one) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        talk = await conversation(process)
        question = {"conversationId": talk, "content": "Why?", "modelId": model, **SEARCHING}
        asking = process.start_call("chat:send", question)
        await server.requests(2)
        if way == "chat:abort":
            await process.call(way, {"conversationId": talk})
        else:
            process.notify(way, {"id": asking.id})
        with pytest.raises(RpcError) as stopped:
            await process.result(asking)
        (_, kept) = await messages(process, talk)
        assert len(server.asked) == 2
        again = await process.call("messages:regenerate", {"id": kept["id"]})
        told = await messages(process, talk)
    assert stopped.value.data["costAtLeastUSD"] == pytest.approx(least)
    assert stopped.value.data["costAtMostUSD"] > least
    assert kept["costAtLeastUSD"] == pytest.approx(least)
    assert kept["content"]
    assert again["content"] == "Anew."
    assert again["costUSD"] > 0
    assert [message["content"] for message in told] == ["Why?", "Anew."]
    assert len(server.asked) == 3
