"""Rows of local batches whose answer broke off: asked again by themselves, so often and no more, and all counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, chat_chunk, chat_chunks, head, raw, serving, stream, whole
from tests.field.lab import LAB_USD, MODEL, batch_rows, own_models, project, sidecar
from tests.field.vendors import ended, rows
from tests.helpers.crashing import KILLED
from tests.helpers.process import SidecarProcess

CUT = stream(*[chat_chunk({"content": "Half an answer that goes on and on. "})] * 20)
DROPPED = raw(head(200, content_type="text/event-stream"))
GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
ROW = {"prompt": "Why?", "model": MODEL, "maxOutputTokens": 1000}


async def counted(process: SidecarProcess) -> dict[str, Any]:
    stats: dict[str, Any] = await process.call("activity:stats", {})
    return stats


@pytest.mark.parametrize("broken", [CUT, DROPPED], ids=["cut", "dropped"])
async def test_a_row_is_asked_until_its_answer_ends_and_every_attempt_is_counted(
    broken: Answer, tmp_path: Path
) -> None:
    async with (
        serving(broken, broken, GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        [row] = await batch_rows(process, ROW)
        stats = await counted(process)
        assert len(server.asked) == 3
    assert (row["status"], row["response"], row["attempts"]) == ("success", "Good morning", 3)
    # What the third attempt cost is known; what the two before it cost is bounded, and in no sum.
    assert row["cost_usd"] is None
    assert stats["totalCost"] == pytest.approx(LAB_USD)
    assert stats["uncertainCalls"] == 2
    assert row["costAtLeastUSD"] == pytest.approx(stats["costAtLeastUSD"])
    assert row["costAtMostUSD"] == pytest.approx(stats["costAtMostUSD"])
    # A thousand tokens of an answer come to 0.002 dollars at most, twice.
    assert LAB_USD <= row["costAtLeastUSD"] < LAB_USD + 0.004 < row["costAtMostUSD"]


async def test_a_row_whose_answers_all_break_off_fails_with_the_bounds_of_all_of_them(tmp_path: Path) -> None:
    async with serving(CUT) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        [row] = await batch_rows(process, ROW)
        stats = await counted(process)
        assert len(server.asked) == 3
    assert (row["status"], row["attempts"]) == ("error-api", 3)
    assert "before it was complete" in row["errorMessage"]
    assert row["cost_usd"] is None
    assert stats["uncertainCalls"] == 3
    assert 0 < row["costAtLeastUSD"] == pytest.approx(stats["costAtLeastUSD"])
    # A thousand tokens of an answer come to 0.002 dollars at most, three times.
    assert 0.006 < row["costAtMostUSD"] == pytest.approx(stats["costAtMostUSD"])


async def test_the_setting_says_how_often_and_zero_is_never(tmp_path: Path) -> None:
    async with serving(CUT) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await process.call("settings:save", {"key": "retryBrokenAnswers", "value": 0})
        [row] = await batch_rows(process, ROW)
        assert len(server.asked) == 1
    assert (row["status"], row["attempts"]) == ("error-api", 1)


async def test_a_refusal_and_nonsense_are_no_broken_answers(tmp_path: Path) -> None:
    refusal = whole({"error": {"message": "No such parameter", "type": "invalid_request_error"}}, 400)
    nonsense = stream("no json", "[DONE]")
    async with (
        serving(refusal, nonsense) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        for number in (1, 2):
            [row] = await batch_rows(process, ROW)
            assert row["status"] != "success"
            assert len(server.asked) == number


async def test_the_budget_is_asked_before_each_attempt(tmp_path: Path) -> None:
    async with serving(CUT) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        # Enough for the first attempt, and not for what that may have cost and a second one.
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 0.003})
        params = {"projectId": await project(process), "rows": [ROW], "start": True}
        job_id = (await process.call("batch:submit", params))["id"]
        job = await ended(process, job_id)
        [row] = await rows(process, job_id)
        assert len(server.asked) == 1
    assert job["status"] == "failed"
    assert "budget" in job["error"]
    assert (row["status"], row["attempts"]) == ("pending", 1)


async def test_a_kill_between_the_attempts_does_not_start_their_count_anew(tmp_path: Path) -> None:
    async with serving(CUT) as server:
        models = own_models(server.url)
        dying = {"ABAI_CRASH_AT": "row-waits-again:2"}
        async with sidecar(tmp_path, models=models, environment=dying) as process:
            params = {"projectId": await project(process), "rows": [ROW], "start": True}
            job_id = (await process.call("batch:submit", params))["id"]
            assert await process.wait() == KILLED
            assert len(server.asked) == 2
        async with sidecar(tmp_path, models=models) as process:
            await ended(process, job_id)
            [row] = await rows(process, job_id)
            stats = await counted(process)
        assert len(server.asked) == 3
    assert (row["status"], row["attempts"], stats["uncertainCalls"]) == ("error-api", 3, 3)
