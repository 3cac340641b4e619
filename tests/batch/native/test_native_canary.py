"""A batch at a vendor whose first rows run from here, over the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.helpers.inside import Inside, inside

DAY = "2026-11-23"
MODEL = "openai/gpt-6-luna"


async def _submit(here: Inside, prompts: list[str], **params: Any) -> dict[str, Any]:
    project = (await here.ask("project:create", {"name": "Canary"}))["result"]["id"]
    rows = [{"id": f"r{n}", "prompt": prompt, "model": MODEL} for n, prompt in enumerate(prompts)]
    sent = {"projectId": project, "rows": rows, "providerName": "openai", **params}
    answer = await here.ask("batch:submit-native", sent)
    found: dict[str, Any] = answer["result"]
    return found


async def _until(here: Inside, job_id: str, *statuses: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            job: dict[str, Any] = (await here.ask("batch:get-status", {"jobId": job_id}))["result"]
            if job["status"] in statuses:
                return job


async def test_the_rest_of_a_native_batch_goes_to_the_vendor_when_its_canary_held(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY, batch_poll_ms=20) as here:
        prompts = [f"Row {n}. Reply with exactly: ok" for n in range(12)]
        sent = await _submit(here, prompts, canary=3, stopWhen={"errorRate": 0.2})
        assert sent["nativeBatchId"] == ""
        job = await _until(here, sent["jobId"], "completed", "failed")
        rows = (await here.ask("batch:get-results", {"jobId": sent["jobId"]}))["result"]
        batches = here.simulator.ledger.wire()["batches"]
    assert (job["status"], job["mode"], job["completedRows"]) == ("completed", "native", 12)
    assert job["safeguard"] == {"state": "running", "canary": 3, "stopWhen": {"errorRate": 0.2}}
    assert [part["rows"] for part in job["native"]] == [9]
    assert len(batches) == 1
    costs = sorted(row["cost_usd"] for row in rows)
    assert max(costs[:9]) < 0.6 * min(costs[9:]), "three rows at the full price"


async def test_nothing_goes_to_the_vendor_when_the_canary_did_not_hold_until_the_person_says_so(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path, day=DAY, batch_poll_ms=20) as here:
        prompts = ["[[simulate: status=400]]"] * 2 + [f"Row {n}. Reply with exactly: ok" for n in range(6)]
        sent = await _submit(here, prompts, canary=2, stopWhen={"errorRate": 0.2})
        job = await _until(here, sent["jobId"], "completed", "failed")
        assert (job["status"], job["safeguard"]["state"]) == ("failed", "paused")
        assert job["safeguard"]["tripped"] == [{"name": "errorRate", "limit": 0.2, "measured": 1.0}]
        assert here.simulator.ledger.wire()["batches"] == []
        await here.ask("batch:start", {"jobId": sent["jobId"]})
        job = await _until(here, sent["jobId"], "completed", "failed")
        batches = here.simulator.ledger.wire()["batches"]
    assert (job["mode"], len(batches)) == ("native", 1)
    assert (job["completedRows"], job["failedRows"]) == (6, 2)


async def test_a_native_batch_pauses_before_the_part_that_would_go_past_a_limit(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY, batch_poll_ms=20) as here:
        sent = await _submit(here, ["Reply with exactly: ok"] * 3, canary=1, stopWhen={"totalUSD": 0.0})
        job = await _until(here, sent["jobId"], "completed", "failed")
    assert (job["status"], job["safeguard"]["state"], job["completedRows"]) == ("failed", "paused", 1)
    assert "was allowed" in job["error"]


async def test_a_kill_between_the_canary_and_the_vendor_loses_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path, day=DAY, batch_poll_ms=20) as here:
        here.services.native.take_over = lambda job_id: None  # type: ignore[method-assign]
        sent = await _submit(here, ["Reply with exactly: ok"] * 5, canary=2)
        async with asyncio.timeout(60):
            while (await here.ask("batch:get", {"jobId": sent["jobId"]}))["result"]["mode"] != "native":
                pass
    async with inside(tmp_path, day=DAY, batch_poll_ms=20) as here:
        assert await here.services.resumed_jobs() == (sent["jobId"],)
        job = await _until(here, sent["jobId"], "completed", "failed")
    assert (job["status"], job["completedRows"]) == ("completed", 5)
