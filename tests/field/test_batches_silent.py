"""Vendors that take the question how a batch is and say nothing: nobody waits for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.hostile import raw
from tests.field.vendors import Misbehaviour, closed, ended, native, submitted, until, vendors

# How each vendor is asked how a batch is.
LOOK = {
    "openai": r"GET /v1/batches/",
    "anthropic": r"GET \S*/messages/batches/[^/]+$",
    "gemini": r"GET \S*/batches/",
    "grok": r"GET \S*/batches/[^/]+$",
}
SLOW = "One [[simulate: batch_slow_ms=3600000]]"


def silent(provider: str) -> Misbehaviour:
    return Misbehaviour(LOOK[provider], raw(keep_open=True), times=1_000_000)


@pytest.mark.parametrize("provider", LOOK)
async def test_a_stop_does_not_wait_for_a_look_that_nobody_answers(provider: str, tmp_path: Path) -> None:
    quiet = silent(provider)
    async with vendors(quiet) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, [SLOW])
        await there.came(LOOK[provider])
        await process.call("batch:cancel", {"jobId": job_id})
        await until(process, job_id, lambda _: there.batches[0]["state"] in ("cancelling", "cancelled"))
        # What has run is collected as soon as the vendor speaks again.
        quiet.left = 0
        found = await closed(process, job_id)
    assert found["status"] == "cancelled"


async def test_batches_whose_vendor_is_silent_keep_no_other_s_waiting(tmp_path: Path) -> None:
    many = 8
    async with vendors(silent("openai")) as there, native(tmp_path, there) as process:
        for _ in range(many):
            await submitted(process, "openai", ["One"])
        await there.came(LOOK["openai"], many)
        other = await ended(process, await submitted(process, "anthropic"))
    assert (other["status"], other["completedRows"]) == ("completed", 3)


async def test_results_that_a_vendor_never_sends_keep_no_other_vendor_s_waiting(tmp_path: Path) -> None:
    results = r"GET /v1/files/\S*/content"
    withheld = Misbehaviour(results, raw(keep_open=True), times=1_000_000)
    async with vendors(withheld) as there, native(tmp_path, there) as process:
        for _ in range(8):
            await submitted(process, "openai", ["One"])
        await there.came(results, 2)
        other = await ended(process, await submitted(process, "anthropic"))
    assert (other["status"], other["completedRows"]) == ("completed", 3)
