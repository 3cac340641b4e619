"""Servers that tell charges of millions, as those that count in millionths of a dollar do: nothing breaks by them."""

from __future__ import annotations

from pathlib import Path

from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import ask, batch_rows, own_models, project, refused, sidecar

CHARGED = 9_000_000.0
ANSWER = stream(
    *chat_chunks(
        "Hello",
        usage={"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10, "cost": CHARGED},
    ),
    "[DONE]",
)


async def test_a_server_that_charges_millions_breaks_neither_the_statistics_nor_the_budget(
    tmp_path: Path,
) -> None:
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        home = await project(process)
        for _ in range(2):
            assert (await ask(process, conversationId="c1"))["costUSD"] == CHARGED
        rows = await batch_rows(process, *[{"prompt": "Why?", "model": "lab/m"}] * 2)
        assert [row["cost_usd"] for row in rows] == [CHARGED] * 2
        stats = await process.call("activity:stats", {"byDay": 1})
        assert stats["totalCost"] == stats["monthCost"] == 4 * CHARGED
        for listed in await process.call("project:list"):
            await process.call("activity:get", {"projectId": listed["id"]})
        assert home in {listed["id"] for listed in await process.call("project:list")}
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 100})
        assert "$36,000,000.00 is spent" in str(await refused(process))


async def test_an_estimate_of_many_millions_is_held_back_as_far_as_it_goes(tmp_path: Path) -> None:
    dear = {
        "contextSize": 10_000_000,
        "maxOutputTokens": 10_000_000,
        "prices": [{"from": "2026-01-01", "perMillion": {"prompt": 1_000_000, "completion": 1_000_000}}],
    }
    async with (
        serving(ANSWER) as server,
        sidecar(tmp_path, models=own_models(server.url, model=dear)) as process,
    ):
        row = {"prompt": "Why?", "model": "lab/m", "maxOutputTokens": 9_500_000}
        rows = await batch_rows(process, row, row)
        assert [row["status"] for row in rows] == ["success"] * 2
        (listed,) = await process.call("project:list")
        (job,) = await process.call("batch:list", {"projectId": listed["id"]})
        assert job["totalCost"] == 2 * CHARGED
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 100})
        assert "is spent" in str(await refused(process))
