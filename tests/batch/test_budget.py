from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Done, TextDelta, Usage
from sidecar.spending.budget import standing
from tests.helpers.inside import inside
from tests.helpers.local_batches import COST_USD, PromptedProvider, answers, works

# A prompt of a few words and 200 tokens out: 0.002 dollars and a little.
MODEL = "openai/gpt-6-luna"
SMALL: dict[str, Any] = {"maxOutputTokens": 200}
# How often a row whose answer breaks off may be asked: the budget is asked anew before each further time.
ATTEMPTS = 3


async def test_a_job_that_may_cost_more_than_is_left_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.settings.save("monthlyBudgetUSD", 0.003)
        job = await here.submit("One", "Two", **SMALL)
        with pytest.raises(Failure, match="budget") as refused:
            await here.engine.start(job.id)
        assert refused.value.kind == "budget_exceeded"
        assert ((await here.job(job.id)).status, here.provider.sent) == ("pending", [])
        assert await here.reserved() == 0


async def test_a_running_job_holds_back_what_it_may_cost_and_gives_back_the_rest(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(
        script=lambda prompt: answers(waiting, usage=Usage(in_uncached=1, prompt_total=1))
    )
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("One", "Two", **SMALL)
        assert job.estimate is not None
        high = Decimal(job.estimate["highUSD"]) / ATTEMPTS
        await here.engine.start(job.id, concurrency=1)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        # One row is under way and one has yet to begin: together they hold what asking both once may cost.
        assert await here.reserved() == high
        waiting.set()
        await here.ended(job.id)
        assert await here.reserved() == 0


async def test_another_job_is_refused_while_one_holds_the_budget(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    async with works(tmp_path, provider=PromptedProvider(script=lambda prompt: answers(waiting))) as here:
        await here.settings.save("monthlyBudgetUSD", 0.005)
        first, second = await here.submit("One", "Two", **SMALL), await here.submit("Three", **SMALL)
        await here.engine.start(first.id)
        with pytest.raises(
            Failure, match=r"\$0\.00 is spent, \$0\.00\d+ is held back for batches, "
        ) as refused:
            await here.engine.start(second.id)
        assert refused.value.kind == "budget_exceeded"
        waiting.set()


async def test_a_job_whose_rows_cost_more_than_thought_stops_at_the_limit_and_goes_on_when_it_is_raised(
    tmp_path: Path,
) -> None:
    dear = Usage(in_uncached=1_000, out_visible=1_000, prompt_total=1_000)
    provider = PromptedProvider(script=lambda prompt: [TextDelta("A"), Done("stop", dear)])
    async with works(tmp_path, provider=provider) as here:
        await here.settings.save("monthlyBudgetUSD", 0.03)
        job = await here.ran(await here.submit(*map(str, range(10)), **SMALL), concurrency=1)
        assert (job.status, job.error_kind) == ("failed", "budget_exceeded")
        assert job.error is not None
        assert "budget" in job.error
        assert 0 < job.completed_rows < 10
        assert job.cost_usd <= Decimal("0.03")
        assert (await here.statuses(job.id)).count("pending") == 10 - job.completed_rows
        assert await here.reserved() == 0
        await here.settings.save("monthlyBudgetUSD", 1)
        job = await here.ran(job, concurrency=1)
        assert (job.status, job.completed_rows, job.error) == ("completed", 10, None)
    assert len(provider.sent) == 10


async def test_a_budget_that_is_lowered_while_a_job_runs_stops_it(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(waiting))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*map(str, range(5)), **SMALL)
        await here.engine.start(job.id, concurrency=1)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.settings.save("monthlyBudgetUSD", 0.001)
        waiting.set()
        job = await here.ended(job.id)
        assert (job.status, job.error_kind, job.completed_rows) == ("failed", "budget_exceeded", 1)
        assert job.cost_usd == COST_USD


async def test_what_a_job_holds_back_survives_the_end_of_the_process(tmp_path: Path) -> None:
    never = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: [never])
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("One", "Two", **SMALL)
        await here.engine.start(job.id)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.engine.close(0)
        assert job.estimate is not None
        assert await here.reserved() == Decimal(job.estimate["highUSD"]) / ATTEMPTS


@pytest.mark.parametrize(
    ("times", "status", "asked"),
    [("1.5", "failed", 1), ("2.1", "completed", 2)],
    ids=["too little", "enough"],
)
async def test_a_row_that_broke_off_is_held_back_for_anew_only_where_so_much_is_left(
    tmp_path: Path, times: str, status: str, asked: int
) -> None:
    """What it may have cost and what it may cost again were both held back at once: more than the limit."""
    rows = [{"prompt": "Why? [[simulate: cut=1 times=1]]", "model": MODEL}]
    async with inside(tmp_path, day="2026-11-30") as here:
        home = (await here.call("project:create", {"name": "P"}))["result"]["id"]
        job = (await here.call("batch:submit", {"projectId": home, "rows": rows}))["result"]
        limit = Decimal(str(job["estimate"]["highUSD"])) / ATTEMPTS * Decimal(times)
        await here.call("settings:save", {"key": "monthlyBudgetUSD", "value": float(limit)})
        least = [limit]

        async def passed() -> bool:
            balance = await here.store.read(standing, limit, 0)
            least.append(balance.left_usd)
            return balance.left_usd < 0

        looking = asyncio.create_task(here.store.until(passed))
        await here.call("batch:start", {"jobId": job["id"], "concurrency": 1})
        await here.ended(job["id"])
        looking.cancel()
        ended = (await here.call("batch:get", {"jobId": job["id"]}))["result"]
        assert len(here.simulator.ledger.entries) == asked
    assert min(least) >= 0
    assert ended["status"] == status
    assert ("budget" in ended.get("error", "")) == (status == "failed")


async def test_a_start_asks_the_budget_for_a_row_whose_answer_broke_off_in_the_run_before(
    tmp_path: Path,
) -> None:
    """It was let begin for nothing, and stopped by the same budget a moment later."""
    rows = [{"prompt": "Why? [[simulate: cut=1 times=1]]", "model": MODEL}]
    async with inside(tmp_path, day="2026-11-30") as here:
        home = (await here.call("project:create", {"name": "P"}))["result"]["id"]
        job = (await here.call("batch:submit", {"projectId": home, "rows": rows}))["result"]
        row_usd = Decimal(str(job["estimate"]["highUSD"])) / ATTEMPTS
        limit = {"key": "monthlyBudgetUSD", "value": float(row_usd * Decimal("1.5"))}
        await here.call("settings:save", limit)
        await here.call("batch:start", {"jobId": job["id"]})
        await here.ended(job["id"])
        refused = await here.call("batch:start", {"jobId": job["id"]})
        assert refused["error"]["data"]["kind"] == "budget_exceeded"
        assert "this batch, each of its rows asked once, may cost up to" in refused["error"]["message"]
        await here.call("settings:save", {**limit, "value": float(row_usd * Decimal("2.5"))})
        assert "result" in await here.call("batch:start", {"jobId": job["id"]})
        await here.ended(job["id"])
        ended = (await here.call("batch:get", {"jobId": job["id"]}))["result"]
    assert (ended["status"], ended["completedRows"]) == ("completed", 1)
