"""Another model answers than was asked, whose price nobody knows: what was held back for the one asked is no bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import chat_chunk, chat_chunks, serving, stream
from tests.field.lab import ask, messages, project, refused, sidecar, vendor_environment
from tests.field.vendors import rows

ASKED, STRANGER = "openai/gpt-4o", "gpt-99-stranger"
# A model whose tokens cost more than those of the one asked, and one whose tokens cost less.
DEARER, CHEAPER = "gpt-5.5", "gpt-4o-mini"
OPTIONS: dict[str, Any] = {"options": {"maxOutputTokens": 500}}


def answered_by(model: str, *, counted: bool = True) -> Iterator[dict[str, Any]]:
    """A whole answer of that model, with its usage where it is `counted`."""
    for chunk in chat_chunks("Blue."):
        if counted or "usage" not in chunk:
            yield chunk | {"model": model}


async def test_what_a_stranger_cost_at_most_is_told_nowhere_and_the_budget_counts_what_was_held(
    tmp_path: Path,
) -> None:
    script = stream(*answered_by(STRANGER), "[DONE]")
    async with (
        serving(script) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 1})
        answer = await ask(process, model=ASKED, conversationId="talk", **OPTIONS)
        _, kept = await messages(process, "talk")
        stats = await process.call("activity:stats", {})
        [call] = await process.call("cost:explain", {"messageId": answer["id"]})
        row = {"prompt": "Why?", "model": ASKED, "maxOutputTokens": 500}
        submission = {"projectId": await project(process), "rows": [row], "start": True}
        job = (await process.call("batch:submit", submission))["id"]
        while (await process.notification("batch:progress"))["status"] != "completed":
            pass
        [result] = await rows(process, job)
        whole = await process.call("batch:get", {"jobId": job})
    for told in (answer, kept, stats, call, result, whole):
        assert "costAtMostUSD" not in told
        assert told["costAtLeastUSD"] == 0
    assert stats["uncertainCalls"] == 1
    # What nobody knows is not free: the limit counts with what was held back for it.
    assert 0 < stats["budget"]["uncertainUSD"] < 0.05
    assert any("Nor is it known at most" in note and STRANGER in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("model", "bounded"), [(STRANGER, False), (DEARER, False), (CHEAPER, True), ("gpt-4o-2024-08-06", True)]
)
async def test_a_cut_answer_is_bounded_by_what_was_held_where_its_model_costs_no_more(
    model: str, bounded: bool, tmp_path: Path
) -> None:
    cut = stream(chat_chunk({"content": "The sky is blue, for "}) | {"model": model})
    async with (
        serving(cut) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        error = await refused(process, model=ASKED, conversationId="talk", **OPTIONS)
        _, kept = await messages(process, "talk")
    assert ("costAtMostUSD" in error.data) == ("costAtMostUSD" in kept) == bounded


@pytest.mark.parametrize(
    ("told", "bounded"),
    [
        ({"model": STRANGER}, False),
        ({"model": DEARER}, False),
        ({"model": CHEAPER}, True),
        ({"service_tier": "priority"}, False),
        ({"service_tier": "warp"}, False),
        ({"service_tier": "flex"}, True),
    ],
)
async def test_an_answer_that_its_vendor_breaks_off_is_bounded_as_any_other_that_was_cut(
    told: dict[str, str], bounded: bool, tmp_path: Path
) -> None:
    """Its least is nothing: the vendor may charge nothing for it. Its words and its model are known all the same."""
    begun = chat_chunk({"content": "The sky is blue, for "}) | {"model": "gpt-4o"} | told
    error = {"error": {"message": "The server had an error.", "type": "server_error", "code": None}}
    async with (
        serving(stream(begun, error)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 1})
        problem = await refused(process, model=ASKED, conversationId="talk", **OPTIONS)
        stats = await process.call("activity:stats", {})
    [of_model] = stats["byModel"]
    assert of_model["model"] == f"openai/{told.get('model', 'gpt-4o')}"
    assert of_model["tokensOut"] > 0
    assert problem.data["costAtLeastUSD"] == stats["costAtLeastUSD"] == 0
    assert ("costAtMostUSD" in problem.data) == ("costAtMostUSD" in stats) == bounded
    assert 0 < stats["budget"]["uncertainUSD"] < 0.05


async def test_an_answer_without_usage_of_a_dearer_model_is_not_bounded_by_the_cheaper_one(
    tmp_path: Path,
) -> None:
    found = {}
    for model in (DEARER, CHEAPER):
        script = stream(*answered_by(model, counted=False), "[DONE]")
        async with (
            serving(script) as server,
            sidecar(tmp_path / model, environment=vendor_environment(server.url, "openai")) as process,
        ):
            answer = await ask(process, model=ASKED, **OPTIONS)
        assert "costUSD" not in answer
        found[model] = "costAtMostUSD" in answer
    assert found == {DEARER: False, CHEAPER: True}


async def test_a_batch_that_may_cost_so_much_stops_where_a_stranger_answers_its_rows(tmp_path: Path) -> None:
    """Nobody knows at most what they cost: the half cent that is held back for each is counted, not nothing."""
    script = stream(*answered_by(STRANGER), "[DONE]")
    async with (
        serving(script) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        asked = [{"prompt": f"Why {number}?", "model": ASKED, "maxOutputTokens": 500} for number in range(20)]
        submission = {"projectId": await project(process), "rows": asked}
        job = (await process.call("batch:submit", submission))["id"]
        await process.call("batch:start", {"jobId": job, "stopWhen": {"totalUSD": 0.018}, "concurrency": 1})
        while (await process.notification("batch:progress"))["status"] not in ("failed", "completed"):
            pass
        whole = await process.call("batch:get", {"jobId": job})
    assert (whole["status"], whole["safeguard"]["state"]) == ("failed", "paused")
    assert len(server.asked) < 10
    assert "costAtMostUSD" not in whole
