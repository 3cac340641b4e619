"""Answers that did not end: what they cost at least and at most, and that the month's budget counts them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, chat_chunk, claude_events, serving, stream, whole
from tests.field.lab import batch_rows, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

# Two dozen words for each piece; a thousand tokens of an answer cost a cent.
PIECES = [
    "twenty-four words of an answer that goes on and on about one and the same thing, as answers do " * 2
] * 6
MODELS = {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-sonnet-5"}
CAP = 950
LIMIT = 0.035


def half(vendor: str, *, keep_open: bool = False) -> Answer:
    """An answer of some hundred words whose end never comes; where it is kept open, the vendor is still at it."""
    if vendor == "openai":
        chunks = [chat_chunk({"content": text}) | {"model": "gpt-4o-2024-08-06"} for text in PIECES]
        return stream(*chunks, keep_open=keep_open)
    events = [event for event in claude_events(*PIECES) if event["type"] in BEGINNING]
    return stream(*events, keep_open=keep_open)


BEGINNING = ("message_start", "content_block_start", "content_block_delta")


OPTIONS: dict[str, Any] = {"options": {"maxOutputTokens": CAP, "enableExtendedThinking": False}}


async def limited(process: SidecarProcess, usd: float = LIMIT) -> None:
    await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": usd})


@field("money", "OpenAI, and Anthropic: eight answers break off after 150 words")
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_answers_that_break_off_use_the_budget_up(vendor: str, tmp_path: Path) -> None:
    async with (
        serving(half(vendor)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        await limited(process)
        kinds = []
        for number in range(8):
            error = await refused(process, f"Why {number}?", MODELS[vendor], **OPTIONS)
            kinds.append(error.data["kind"])
        budget = (await process.call("activity:stats", {}))["budget"]
    assert kinds[0] != "budget_exceeded"
    assert kinds[-1] == "budget_exceeded"
    assert len(server.asked) == kinds.index("budget_exceeded")
    assert budget["spentUSD"] == budget["heldBackUSD"] == 0
    assert budget["uncertainUSD"] + budget["leftUSD"] == pytest.approx(LIMIT)
    assert 0 <= budget["leftUSD"] < 0.011


@field("money", "six answers are stopped by the person in the middle")
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_answers_that_are_stopped_use_the_budget_up(vendor: str, tmp_path: Path) -> None:
    async with (
        serving(half(vendor, keep_open=True)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        await limited(process)
        kinds = []
        for number in range(6):
            kinds.append(await stopped(process, f"talk {number}", vendor))
    assert kinds[0] == "cancelled"
    assert kinds[-1] == "budget_exceeded"


async def stopped(process: SidecarProcess, talk: str, vendor: str) -> str:
    """Ask, stop the answer once it has begun, and return the kind of the error."""
    question = {
        "content": "Why?",
        "modelId": MODELS[vendor],
        "conversationId": talk,
        "partialResultToken": talk,
    }
    asking = process.start_call("chat:send", {**question, **OPTIONS})
    begun = asyncio.create_task(process.progress[talk].get())
    await asyncio.wait({begun, asking.reply}, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    await process.call("chat:abort", {"conversationId": talk})
    with pytest.raises(RpcError) as caught:
        await process.result(asking)
    return str(caught.value.data["kind"])


@field("money", "four local jobs of two such rows")
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_rows_that_break_off_use_the_budget_up(vendor: str, tmp_path: Path) -> None:
    row = {"model": MODELS[vendor], "maxOutputTokens": CAP}
    rows = [{**row, "id": name, "prompt": f"Why {name}?"} for name in "ab"]
    async with (
        serving(half(vendor)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        await limited(process)
        # Each row leaves once, so that it is jobs that use the budget up.
        await process.call("settings:save", {"key": "retryBrokenAnswers", "value": 0})
        results = await batch_rows(process, *rows)
        kind = await refused_at_last(process, rows)
        assert len(server.asked) <= 3
    assert kind == "budget_exceeded"
    for result in results:
        assert result["cost_usd"] is None
        assert 0 < result["costAtLeastUSD"] < result["costAtMostUSD"] < 0.011


async def refused_at_last(process: SidecarProcess, rows: list[dict[str, Any]]) -> str:
    """Run three more such jobs, and return the kind of the error of the first that is refused."""
    for _ in range(3):
        try:
            await batch_rows(process, *rows)
        except RpcError as error:
            return str(error.data["kind"])
    return "none was refused"


@field("money", "Anthropic: 1 output token was told at the beginning")
async def test_a_count_from_the_beginning_is_not_that_of_the_answer(tmp_path: Path) -> None:
    async with (
        serving(half("anthropic")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        error = await refused(process, model=MODELS["anthropic"], conversationId="talk", **OPTIONS)
        _, message = await process.call("messages:list", {"conversationId": "talk"})
        stats = await process.call("activity:stats", {})
    assert message["cost"] is None
    assert message["tokensOut"] is None
    # A thousand tokens in at 2 dollars a million, and a hundred words out at 10: more than the one token that was told.
    assert message["costAtLeastUSD"] > 0.002 + 100 * 0.00001
    assert message["costAtLeastUSD"] < message["costAtMostUSD"]
    told = {name: error.data[name] for name in ("costAtLeastUSD", "costAtMostUSD")}
    assert told == {name: message[name] for name in told}
    assert "costUSD" not in error.data
    [model] = stats["byModel"]
    assert "cost" not in model
    assert model["costAtLeastUSD"] == message["costAtLeastUSD"]


@field("money", "OpenAI: an answer that broke off")
async def test_the_statistics_say_which_calls_are_in_none_of_their_sums(tmp_path: Path) -> None:
    async with (
        serving(half("openai")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        await refused(process, model=MODELS["openai"], **OPTIONS)
        stats = await process.call("activity:stats", {})
    assert stats["totalCost"] == stats["monthCost"] == 0
    assert stats["uncertainCalls"] == 1
    assert 0 < stats["costAtLeastUSD"] < stats["costAtMostUSD"]
    assert stats["monthUncertain"]["uncertainCalls"] == stats["weekUncertain"]["uncertainCalls"] == 1


def flex(tier: str | None) -> Answer:
    """An answer of OpenAI's that tells its tier in every piece, and is cut."""
    told = {} if tier is None else {"service_tier": tier}
    return stream(*({**chat_chunk({"content": text}), "model": "gpt-5", **told} for text in PIECES))


async def test_the_least_of_a_cut_answer_is_by_the_tier_that_was_told_or_the_cheapest(tmp_path: Path) -> None:
    found: dict[str | None, float] = {}
    for tier in ("default", "flex", None):
        async with (
            serving(flex(tier)) as server,
            sidecar(tmp_path / str(tier), environment=vendor_environment(server.url, "openai")) as process,
        ):
            error = await refused(process, model="openai/gpt-5", **OPTIONS)
            found[tier] = error.data["costAtLeastUSD"]
    assert found["flex"] == pytest.approx(found["default"] / 2)
    assert found[None] == found["flex"] > 0


async def test_what_anthropic_wrote_before_an_error_of_its_own_is_in_the_least(tmp_path: Path) -> None:
    """It bills that, and says so."""
    begun = [event for event in claude_events(*PIECES) if event["type"] in BEGINNING]
    broken = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    async with (
        serving(stream(*begun, broken)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        error = await refused(process, model=MODELS["anthropic"], **OPTIONS)
        found = await process.call("cost:explain", {"callId": error.data["callId"]})
    words = sum(len(piece.split()) for piece in PIECES)
    written = {line["unit"]: line["quantity"] for line in found[0]["lines"]}
    assert written["out_visible"] >= words
    assert sum(line["usd"] for line in found[0]["lines"]) == pytest.approx(error.data["costAtLeastUSD"])
    assert found[0]["state"] == "unknown"


async def test_a_refused_question_that_was_paid_for_is_explained_by_the_call_of_its_error(
    tmp_path: Path,
) -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 5, "total_tokens": 1_005}
    no = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    choice = {"index": 0, "message": no, "finish_reason": "stop"}
    body = {"id": "c1", "object": "chat.completion", "model": "gpt-5", "choices": [choice], "usage": usage}
    async with (
        serving(whole(body)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        error = await refused(process, model="openai/gpt-5", **OPTIONS)
        found = await process.call("cost:explain", {"callId": error.data["callId"]})
        with pytest.raises(RpcError) as caught:
            await process.call("cost:explain", {"callId": "nobody"})
    assert found[0]["costUSD"] == error.data["costUSD"] > 0
    assert {line["unit"] for line in found[0]["lines"]} == {"in_uncached", "out_visible"}
    assert caught.value.data["kind"] == "not_found"
