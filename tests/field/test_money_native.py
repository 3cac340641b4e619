"""What a vendor's own batch may cost: told at its own price, and held against the budget when it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import project
from tests.field.vendors import MODELS, closed, ended, native, submitted, until, vendors
from tests.helpers.process import RpcError, SidecarProcess

ROWS: list[dict[str, Any]] = [
    {"prompt": f"Say {number}", "model": MODELS["openai"], "maxOutputTokens": 100} for number in range(4)
]


def dearer(folder: Path) -> None:
    """The person writes into models.json that the model costs a hundred times as much from today on."""
    rates = {"prompt": 250, "completion": 1000}
    price = {"from": "2026-11-01", "perMillion": rates, "batchPerMillion": rates}
    row = {"provider": "openai", "id": "gpt-4o", "prices": [price]}
    (folder / "models.json").write_text(json.dumps({"models": [row]}), encoding="utf-8")


async def limit(process: SidecarProcess, usd: float) -> None:
    await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": usd})


async def kept_unsent(process: SidecarProcess) -> dict[str, Any]:
    """A job for the vendor that the budget has refused, and that waits for a start by hand."""
    await limit(process, 0.000001)
    home = await project(process)
    with pytest.raises(RpcError) as refused:
        await process.call("batch:submit-native", {"projectId": home, "rows": ROWS, "providerName": "openai"})
    assert refused.value.data["kind"] == "budget_exceeded"
    [job] = await process.call("batch:list", {"projectId": home})
    return dict(job)


async def test_a_batch_whose_price_rises_before_its_vendor_gets_it_stops_at_the_budget(
    tmp_path: Path,
) -> None:
    async with vendors() as there:
        async with native(tmp_path, there) as process:
            job = await kept_unsent(process)
        dearer(tmp_path)
        async with native(tmp_path, there) as process:
            await limit(process, job["estimate"]["highUSD"])
            await process.call("batch:start", {"jobId": job["id"]})
            found = await ended(process, job["id"])
            assert there.batches == []
            assert found["status"] == "failed"
            assert "may cost up to" in found["error"]
            assert (await process.call("activity:stats", {}))["budget"]["heldBackUSD"] == 0
            await limit(process, 100)
            await process.call("batch:start", {"jobId": job["id"]})
            found = await closed(process, job["id"])
            budget = (await process.call("activity:stats", {}))["budget"]
    assert (found["status"], found["completedRows"]) == ("completed", len(ROWS))
    assert job["estimate"]["highUSD"] < found["totalCost"] == pytest.approx(budget["spentUSD"])


async def test_a_batch_whose_price_rises_while_it_is_being_sent_waits_until_the_budget_allows_it(
    tmp_path: Path,
) -> None:
    async with vendors() as there:
        async with native(tmp_path, there, ABAI_CRASH_AT="after-part-intent") as process:
            await limit(process, 0.01)
            with pytest.raises(ConnectionError):
                await submitted(process, maxOutputTokens=100)
            await process.wait()
        dearer(tmp_path)
        async with native(tmp_path, there) as process:
            [home] = await process.call("project:list")
            [job] = await process.call("batch:list", {"projectId": home["id"]})
            found = await until(process, job["id"], lambda job: "may cost up to" in job.get("error", ""))
            assert (found["status"], there.batches) == ("processing", [])
            await limit(process, 100)
            found = await closed(process, job["id"])
    assert (found["status"], found["completedRows"], "error" in found) == ("completed", 3, False)
    assert len(there.batches) == 1


async def test_a_batch_that_a_vendor_runs_tells_what_it_may_cost_there(tmp_path: Path) -> None:
    async with vendors() as there, native(tmp_path, there) as process:
        told = await process.call("batch:estimate", {"rows": ROWS})
        [way] = [way for way in told["ways"] if way["mode"] == "native"]
        job_id = await submitted(process, "openai", [row["prompt"] for row in ROWS], maxOutputTokens=100)
        job = await closed(process, job_id)
    estimate = job["estimate"]
    assert {name: way[name] for name in ("totalUSD", "lowUSD", "highUSD")} == {
        name: estimate[name] for name in ("totalUSD", "lowUSD", "highUSD")
    }
    assert estimate["lowUSD"] <= job["totalCost"] <= estimate["highUSD"] < told["highUSD"]
