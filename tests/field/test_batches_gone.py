"""Results that a vendor names and does not have: deleted in its console, or kept no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.vendors import (
    Misbehaviour,
    Vendors,
    closed,
    native,
    not_found,
    rows,
    submitted,
    until,
    vendors,
)

RESULTS = {
    "openai": r"GET /v1/files/\S+/content",
    "anthropic": r"GET \S+/results$",
    "gemini": r"GET /gemini/download/",
    "grok": r"GET \S+/results\?",
}
ALWAYS = 1_000_000


def _charged(there: Vendors) -> float:
    return float(there.batches[0]["chargedUSD"])


@field("batches", "the file of answers is gone")
@pytest.mark.parametrize("provider", RESULTS)
async def test_results_that_are_gone_end_the_batch_and_can_be_collected_once_they_are_found(
    provider: str, tmp_path: Path
) -> None:
    gone = Misbehaviour(RESULTS[provider], not_found("No such file."), ALWAYS)
    async with vendors(gone) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
        assert [row["status"] for row in came] == ["error-api"] * 3
        assert [row.get("cost_usd") for row in came] == [None] * 3, "nobody knows what was charged"
        assert found["costAtMostUSD"] > 0
        told = came[0]["errorMessage"]
        assert "has no results of it under the name that it gave them" in told
        assert "collect the batch again" in told
        asked = there.count(RESULTS[provider])
        assert asked <= 6, "it is not asked for a day"
        gone.left = 0
        await process.call("batch:collect", {"jobId": job_id})
        found = await until(process, job_id, lambda job: job["completedRows"] == 3)
    assert found["totalCost"] == pytest.approx(_charged(there))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_results_that_come_late_are_waited_for(provider: str, tmp_path: Path) -> None:
    late = Misbehaviour(RESULTS[provider], (410, b"{}"), times=3)
    async with vendors(late) as there, native(tmp_path, there) as process:
        found = await closed(process, await submitted(process, provider))
    assert (found["completedRows"], found["totalCost"]) == (3, pytest.approx(_charged(there)))
