"""The clock of the machine is put back, or ahead, in the middle of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import ask, own_models, sidecar
from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import DAY_MS, Outside

HOUR_MS = 3_600_000
MODEL = "openai/gpt-6-luna"
PROVIDERS = {
    "openai": MODEL,
    "anthropic": "anthropic/claude-haiku-5-5",
    "gemini": "gemini/gemini-3.8-flash",
    "grok": "grok/grok-4.7",
}
JUMPS = {
    "an hour back": -HOUR_MS,
    "a day ahead": DAY_MS,
    "beyond the month's end": 5 * DAY_MS,
    "three years back": -3 * 365 * DAY_MS,
}


async def result(here: Inside, method: str, **params: Any) -> Any:
    answer = await here.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_everything_goes_on_when_the_clock_is_put(jump: int, tmp_path: Path) -> None:
    outside = Outside()
    async with inside(tmp_path, world=outside.world, batch_poll_ms=5) as here:
        project = (await result(here, "project:create", name="P"))["id"]
        talk = (await result(here, "conversation:create", projectId=project))["id"]
        asked = {"conversationId": talk, "modelId": MODEL}
        rows = [{"prompt": f"Reply with exactly: {number}", "model": MODEL} for number in range(12)]
        # The limits of the key are known from before the jump, one of them as used up for a while.
        await result(
            here, "chat:send", content="First [[simulate: status=429 retry_after=0 times=1]]", **asked
        )
        job = await result(here, "batch:submit", projectId=project, rows=rows)
        await result(here, "batch:start", jobId=job["id"], concurrency=2)
        native = await result(
            here, "batch:submit-native", projectId=project, providerName="openai", rows=rows
        )
        outside.now += jump
        reply = await result(here, "chat:send", content="Second", **asked)
        assert reply["latencyMs"] >= 0
        for job_id in (job["id"], native["jobId"]):
            await here.ended(job_id)
            found = await result(here, "batch:get-results", jobId=job_id)
            assert [row["status"] for row in found] == ["success"] * len(rows)
            assert all(row["latency_ms"] >= 0 for row in found)
        shown = await result(here, "messages:list", conversationId=talk)
        assert [each["role"] for each in shown] == ["user", "assistant", "user", "assistant"]
        # Nothing was asked twice: the vendor's own ledger has one request for each question and row.
        simulator = here.simulator.ledger
        assert len([entry for entry in simulator.entries if entry.charged_usd]) == 2 + len(rows)
        assert [len(batch.rows) for batch in simulator.batches] == [len(rows)]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_clock_that_is_put_to_and_fro_loses_and_repeats_no_row(provider: str, tmp_path: Path) -> None:
    outside = Outside()
    model = PROVIDERS[provider]
    async with inside(tmp_path, world=outside.world, batch_poll_ms=5) as here:
        project = (await result(here, "project:create", name="P"))["id"]
        rows = [{"prompt": f"Reply with exactly: {number}", "model": model} for number in range(24)]
        job = await result(here, "batch:submit", projectId=project, rows=rows)
        await result(here, "batch:start", jobId=job["id"], concurrency=2)
        native = await result(
            here, "batch:submit-native", projectId=project, providerName=provider, rows=rows
        )
        seen = 0
        for hours in (6, -12, 3, -1, 24, -48):
            outside.now += hours * HOUR_MS
            while (told := await result(here, "batch:get", jobId=job["id"]))["status"] == "processing":
                if told["completedRows"] > seen:
                    break
            seen = told["completedRows"]
            assert (await result(here, "system:health"))["status"] == "ok"
        for job_id in (job["id"], native["jobId"]):
            await here.ended(job_id)
            found = await result(here, "batch:get-results", jobId=job_id)
            assert [row["status"] for row in found] == ["success"] * len(rows)
            assert all(row["latency_ms"] >= 0 for row in found)
        simulator = here.simulator.ledger
        assert len([entry for entry in simulator.entries if entry.charged_usd]) == len(rows)
        assert [len(batch.rows) for batch in simulator.batches] == [len(rows)]


async def test_a_time_zone_that_cannot_be_keeps_nobody_from_the_data(tmp_path: Path) -> None:
    """`TZ` of more than a day: the folder was said to be in use by another A-B/AI, and no budget could be reckoned."""
    async with (
        serving(stream(*chat_chunks("Good morning"), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url), environment={"TZ": "UTC+99:99"}) as process,
    ):
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 1})
        assert (await ask(process))["answer"] == "Good morning"
        assert (await process.call("system:health"))["status"] == "ok"
