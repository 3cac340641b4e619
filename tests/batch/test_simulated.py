from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import SIMULATED_KEY
from sidecar.money.pricing import from_pico
from sidecar.simulator.core import Simulator
from tests.helpers.inside import Inside, inside
from tests.helpers.soak import longer

DAY = "2026-11-23"
MODEL = "openai/gpt-6-luna"
ROWS = longer(1_000, 5_000)


def _prompt(number: int) -> str:
    """Every fifth row is refused with 429 first, and every tenth fails with 500, each once."""
    orders = {0: "[[simulate: status=429 times=1]]", 1: "[[simulate: status=500 times=1]]"}
    order = orders[0] if number % 5 == 0 else orders[1] if number % 10 == 1 else ""
    return f"Row {number} {order} Reply with exactly: ok"


async def _submitted(here: Inside, prompts: list[str], **params: Any) -> str:
    project = (await here.ask("project:create", {"name": "Batches"}))["result"]["id"]
    rows = [{"id": f"r{n}", "prompt": prompt, "model": MODEL} for n, prompt in enumerate(prompts)]
    job = await here.ask("batch:submit", {"projectId": project, "rows": rows, **params})
    return str(job["result"]["id"])


async def test_very_many_rows_through_refusals_and_failures_are_all_accounted_for(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY) as here:
        job_id = await _submitted(here, [_prompt(n) for n in range(ROWS)])
        await here.ask("batch:start", {"jobId": job_id, "concurrency": 48, "notifyRows": True})
        limits, announced = await _watched(here)
        job = (await here.ask("batch:get", {"jobId": job_id}))["result"]
        rows = (await here.ask("batch:get-results", {"jobId": job_id}))["result"]
        costs = await here.services.store.read(_ledger_and_rows)
        asked = here.simulator.ledger.entries
    assert (job["status"], job["completedRows"], job["failedRows"]) == ("completed", ROWS, 0)
    wrong_by = job["totalCost"] - job["estimate"]["totalUSD"]
    assert job["estimate"]["differenceUSD"] == pytest.approx(wrong_by)
    assert announced == ROWS
    assert [row["rowIndex"] for row in rows] == list(range(ROWS))
    assert {row["status"] for row in rows} == {"success"}
    assert Counter(row["attempts"] for row in rows) == {1: ROWS * 7 // 10, 2: ROWS * 3 // 10}
    # Each row was run and charged once, and every attempt that was made is one that was written down.
    assert len(asked) == sum(row["attempts"] for row in rows)
    assert Counter(entry.state for entry in asked) == {"finished": ROWS, "refused": ROWS * 3 // 10}
    assert costs[0] == costs[1] == costs[2]
    charged = sum((entry.charged_usd or Decimal(0) for entry in asked), Decimal(0))
    assert from_pico(costs[0]) == charged
    # The number in flight fell when the vendor refused, and rose again.
    assert min(limits) <= 24
    assert max(limits[limits.index(min(limits)) :]) > min(limits)


async def _watched(here: Inside) -> tuple[list[int], int]:
    """The limit on requests in flight as each row ended, and how many rows were announced."""
    course: list[int] = []
    rows = 0
    async with asyncio.timeout(120):
        while True:
            message = await here.next_message()
            if message.get("method") == "batch:row-done":
                rows += 1
                limiter = here.services.batches.runner.limiters.of("openai", SIMULATED_KEY, 1)
                course.append(limiter.limits.course.limit)
            if message.get("method") == "batch:progress" and message["params"]["status"] != "processing":
                return course, rows


def _ledger_and_rows(conn: Any) -> tuple[int, ...]:
    return tuple(
        conn.execute(f"SELECT sum(cost_pico) FROM {table}").fetchone()[0]
        for table in ("ledger", "batch_results", "batch_jobs")
    )


async def test_progress_comes_at_most_ten_times_a_second_and_ends_with_the_end(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY) as here:
        job_id = await _submitted(here, [f"Row {n} Reply with exactly: ok" for n in range(300)])
        loop = asyncio.get_running_loop()
        began = loop.time()
        here.send({"jsonrpc": "2.0", "id": 1, "method": "batch:start", "params": {"jobId": job_id}})
        told: list[dict[str, Any]] = []
        while not told or told[-1]["status"] == "processing":
            message = await here.next_message()
            if message.get("method") == "batch:progress":
                told.append(message["params"])
        passed = loop.time() - began
    assert len(told) <= 10 * passed + 2
    assert [each["completedRows"] for each in told] == sorted(each["completedRows"] for each in told)
    assert (told[-1]["status"], told[-1]["completedRows"], told[-1]["percentage"]) == ("completed", 300, 100)


async def test_a_chat_is_answered_at_once_while_a_batch_waits_for_a_limit(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY) as here:
        limited = "[[simulate: status=429 retry_after=3000 times=1]] Reply with exactly: ok"
        job_id = await _submitted(here, [limited], start=True)
        async with asyncio.timeout(60):
            while not here.simulator.ledger.entries:
                await asyncio.sleep(0)
        answer = await here.ask("chat:send", {"content": "Reply with exactly: pong", "modelId": MODEL})
        assert answer["result"]["answer"] == "pong"
        cancelled = (await here.ask("batch:cancel", {"jobId": job_id}))["result"]
        row = (await here.ask("batch:get-results", {"jobId": job_id}))["result"][0]
    assert cancelled["status"] == "cancelled"
    # It was waiting, so that it certainly cost nothing.
    assert (row["status"], row["cost_usd"], row["attempts"]) == ("cancelled", 0, 1)


async def test_cancelling_closes_the_connections_of_rows_in_flight(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY) as here:
        slow = "[[simulate: slow_first_ms=60000]] Tell me more"
        job_id = await _submitted(here, [f"{slow} {n}" for n in range(20)], start=True)
        simulator: Simulator = here.simulator
        async with asyncio.timeout(60):
            while len(simulator.ledger.entries) < 8:
                await asyncio.sleep(0)
        cancelled = (await here.ask("batch:cancel", {"jobId": job_id}))["result"]
        rows = (await here.ask("batch:get-results", {"jobId": job_id}))["result"]
        states = [entry.state for entry in simulator.ledger.entries]
    assert (cancelled["status"], cancelled["completedRows"]) == ("cancelled", 0)
    assert states == ["cancelled"] * 8
    assert [row["status"] for row in rows] == ["cancelled"] * 20
    # Nobody knows whether the eight will be charged; the others were never sent.
    assert [row["cost_usd"] for row in rows] == [None] * 8 + [0.0] * 12


@pytest.mark.parametrize("order", ["cut=3", "error_after=3"])
async def test_rows_whose_answers_break_off_are_asked_again_at_every_vendor(
    tmp_path: Path, order: str
) -> None:
    models = (MODEL, "anthropic/claude-haiku-5-5", "gemini/gemini-3.8-flash", "grok/grok-4.7")
    async with inside(tmp_path, day=DAY) as here:
        project = (await here.ask("project:create", {"name": "Batches"}))["result"]["id"]
        rows = [{"prompt": f"Tell a story. [[simulate: {order}]]", "model": model} for model in models]
        job = (await here.ask("batch:submit", {"projectId": project, "rows": rows, "start": True}))["result"][
            "id"
        ]
        await here.services.batches.finished(job)
        came = (await here.ask("batch:get-results", {"jobId": job}))["result"]
    assert [(row["attempts"], row["status"]) for row in came] == [(3, "error-api")] * 4
