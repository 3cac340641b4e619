"""What a batch is expected to cost beside what it comes to: in the real process, by the simulated vendors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import project, sidecar
from tests.helpers.process import SidecarProcess

PER_SEARCH_USD = {
    "anthropic/claude-opus-5-5": 0.01,
    "openai/gpt-6.2-sol": 0.01,
    "gemini/gemini-3.8-flash": 0.014,
    "grok/grok-4.7": 0.005,
}
ROWS = 4


async def came_to(process: SidecarProcess, rows: list[dict[str, Any]], project_id: str) -> float:
    """What a batch of these rows costs, in US dollars."""
    job = await process.call("batch:submit", {"projectId": project_id, "rows": rows, "start": True})
    while (await process.notification("batch:progress"))["status"] not in ("completed", "failed"):
        pass
    usd: float = (await process.call("batch:get", {"jobId": job["id"]}))["totalCost"]
    return usd


@pytest.mark.parametrize("model", PER_SEARCH_USD)
async def test_rows_that_search_are_expected_to_cost_their_searches(model: str, tmp_path: Path) -> None:
    rows = [{"prompt": f"What is new in Peru {number}?", "model": model} for number in range(ROWS)]
    async with sidecar(tmp_path, "--mock") as process:
        home = await project(process)
        plain = await process.call("batch:estimate", {"rows": rows, "projectId": home})
        await process.call("settings:save", {"key": "enableWebSearch", "value": True})
        first = await process.call("batch:estimate", {"rows": rows, "projectId": home})
        usd = await came_to(process, rows, home)
        learnt = await process.call("batch:estimate", {"rows": rows, "projectId": home})
        await process.call("settings:save", {"key": "enableWebSearch", "value": False})
        without = await process.call("batch:estimate", {"rows": rows, "projectId": home})
    # Nobody knows how much they search: once is assumed, with what is found, and that is said.
    assert first["totalUSD"] >= plain["totalUSD"] + ROWS * PER_SEARCH_USD[model]
    assert any("one search an answer" in sentence for sentence in first["assumptions"])
    assert learnt["totalUSD"] == pytest.approx(usd, rel=0.1)
    assert not any("one search an answer" in sentence for sentence in learnt["assumptions"])
    # What searched before is no reason to expect searches of rows that may not.
    assert without["totalUSD"] < usd - ROWS * PER_SEARCH_USD[model] / 2
