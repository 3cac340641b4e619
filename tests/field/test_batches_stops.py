"""Batches that are to stop at a vendor who does not find them, beside the real process."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.batch.native.machine import LONGEST_DOUBT_MS
from sidecar.errors import Failure
from tests.field.claims import field
from tests.field.vendors import Misbehaviour, closed, native, not_found, rows, submitted, until, vendors
from tests.helpers.asking import Clock
from tests.helpers.native_batches import Vendor, native_works

# Everything that is asked of one batch, after its creation.
OF_ONE = r"(GET|POST) \S*/batches/"
VENDORS = ("openai", "anthropic", "gemini")
CANCEL = r"POST .*[/:]cancel$"
# The batch runs for longer than the test does.
SLOW = "[[simulate: batch_slow_ms=3600000]]"


@field("batches", "OpenAI, and Gemini: the batch is not found (404) for the first 4 s; the person stops")
@pytest.mark.parametrize("provider", VENDORS)
async def test_a_stop_reaches_a_vendor_that_did_not_find_the_batch_at_first(
    tmp_path: Path, provider: str
) -> None:
    hidden = Misbehaviour(OF_ONE, not_found(), times=10)
    async with vendors(hidden) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, [f"One {SLOW}", "Two"])
        await process.call("batch:cancel", {"jobId": job_id})
        found = await until(process, job_id, lambda found: hidden.left == 0 and "error" not in found)
        assert found["status"] == "cancelled"
        assert there.batches[0]["state"] in ("cancelling", "cancelled")
        assert {row["status"] for row in await rows(process, job_id)} <= {"processing", "cancelled"}


@field("batches", "OpenAI: the batch is never found; stopped")
async def test_a_stop_that_is_never_heard_is_tried_over_restarts_and_the_job_says_what_it_may_cost(
    tmp_path: Path,
) -> None:
    hidden = Misbehaviour(OF_ONE, not_found(), times=1_000_000)
    async with vendors(hidden) as there:
        async with native(tmp_path, there) as process:
            job_id = await submitted(process, prompts=["One", "Two"])
            await process.call("batch:cancel", {"jobId": job_id})
            found = await until(process, job_id, lambda found: "error" in found)
        assert found["status"] == "cancelled"
        assert "may run on, and cost at most $0." in found["error"]
        tried = there.count(CANCEL)
        assert tried > 0
        async with native(tmp_path, there) as process:
            await until(process, job_id, lambda found: there.count(CANCEL) > tried + 1)
            # The rows are at the vendor still: nobody says that they were not run.
            assert {row["status"] for row in await rows(process, job_id)} == {"processing"}


async def test_a_batch_of_which_nobody_will_know_whether_it_stopped_says_so_at_last(tmp_path: Path) -> None:
    class Forgetful(Vendor):
        async def cancel(self, key: str, native_id: str) -> None:
            await super().cancel(key, native_id)
            raise Failure("provider_rejected", "No such batch.", status=404)

    vendor = Forgetful(checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor, poll_ms=3_600_000, clock=Clock()) as here:
        found = await here.submit("One", "Two")
        begun = here.clock.ms
        await here.native.cancel(found.id)
        found = await here.ended(found.id)
        assert here.clock.ms - begun >= LONGEST_DOUBT_MS
        assert vendor.calls.count("cancel") > 40
        assert "may have run on and cost at most $" in (found.error or "")
        assert {entry.state for entry in await here.entries()} == {"unknown"}


@field("batches", "OpenAI: stopped, two of three rows were done; one look at the batch finds nothing")
async def test_what_a_stopped_batch_had_done_is_collected_though_one_look_finds_nothing(
    tmp_path: Path,
) -> None:
    unseen = Misbehaviour(r"GET /v1/batches/", not_found(), times=2, skip=1)
    # Half of the rows, or all but one of three, are done at the first look, and no more after it.
    async with vendors(unseen) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, prompts=["One", "Two", "Three", "Four"])
        await until(process, job_id, lambda found: unseen.left < 2)
        await process.call("batch:cancel", {"jobId": job_id})
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    answered = [row for row in came if row["status"] == "success"]
    assert unseen.left == 0
    assert len(answered) >= 2
    assert found["totalCost"] == pytest.approx(sum(row["cost_usd"] for row in answered))
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


async def test_a_stop_that_was_heard_is_not_asked_for_again_after_a_restart(tmp_path: Path) -> None:
    class Slow(Vendor):
        """Goes on cancelling for as long as the test wants."""

        async def cancel(self, key: str, native_id: str) -> None:
            await self._called("cancel")

    vendor = Slow(checks_to_end=1_000_000)
    clock = Clock()
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=1_000) as here:
        found = await here.submit("One")
        await here.native.cancel(found.id)
        await here.until(found.id, lambda found: "cancel" in vendor.calls and vendor.calls[-1] == "check")
    vendor.checks_to_end = 1
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=1_000) as here:
        await here.ended(found.id)
    assert vendor.calls.count("cancel") == 1


async def test_nothing_but_the_id_is_needed_to_stop(tmp_path: Path) -> None:
    """A check that fails does not keep the vendor from hearing it."""
    unseen = Misbehaviour(r"GET /v1/batches/", (500, b"{}"), times=1_000_000)
    async with vendors(unseen) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, prompts=[f"One {SLOW}"])
        await process.call("batch:cancel", {"jobId": job_id})
        await until(process, job_id, lambda found: there.batches[0]["state"] in ("cancelling", "cancelled"))
