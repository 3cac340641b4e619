from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch.native.look import LOOKS_AT_ONCE
from sidecar.errors import Failure
from sidecar.providers.batches import BatchLimits, BatchState
from tests.helpers.native_batches import NativeWorks, Vendor, native_works


class Crowded(Vendor):
    """Counts the looks that are going on at the same time."""

    inside = 0
    most = 0
    wanted = 0

    async def check(self, key: str, native_id: str) -> BatchState:
        await self._be_inside()
        return await super().check(key, native_id)

    async def cancel(self, key: str, native_id: str) -> None:
        await self._be_inside()
        await super().cancel(key, native_id)

    async def _be_inside(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        # Until as many are there as may be, and then a while in which one more would be seen.
        while self.most < self.wanted:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        self.inside -= 1


async def pause_for_good(seconds: float) -> None:
    await asyncio.Event().wait()


async def results_so_far(here: NativeWorks, job_id: str) -> None:
    (part,) = await here.parts(job_id)
    with pytest.raises(Failure, match="in_progress"):
        await here.native.sent.results("openai", part.native_id or "")


async def test_a_look_can_be_had_at_once_and_is_a_new_one(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=9), sleep=pause_for_good) as here:
        job = await here.submit("One")
        async with asyncio.timeout(60):
            for _ in range(3):
                await results_so_far(here, job.id)
        assert here.vendor.calls.count("check") == 3


async def test_no_two_looks_at_a_part_overlap(tmp_path: Path) -> None:
    vendor = Crowded(checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor) as here:
        job = await here.submit("One")
        async with asyncio.timeout(60):
            await asyncio.gather(*(results_so_far(here, job.id) for _ in range(5)))
    assert vendor.most == 1


async def test_only_so_many_parts_are_looked_at_at_once(tmp_path: Path) -> None:
    vendor = Crowded(limits=BatchLimits(rows=1, bytes=1_000_000), checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor, sleep=pause_for_good) as here:
        many = LOOKS_AT_ONCE + 8
        job = await here.submit(*(f"Prompt {number}" for number in range(many)))
        async with asyncio.timeout(60):
            while len(vendor.held) < many:
                await asyncio.sleep(0)
            vendor.wanted = LOOKS_AT_ONCE
            # Whose vendor must be asked to stop is looked at without delay.
            await here.native.cancel(job.id)
            while vendor.calls.count("cancel") < many:
                await asyncio.sleep(0)
    assert vendor.most == LOOKS_AT_ONCE


async def test_a_bug_in_a_look_does_not_end_the_looks(tmp_path: Path, caplog: Any) -> None:
    vendor = Vendor(check_problems=[ValueError("a bug")])
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One")).id)
        assert (job.status, here.waits) == ("completed", [1, 300])
    assert "could not be looked after" in caplog.text


async def test_a_bug_in_the_first_sending_is_told_to_who_submitted(tmp_path: Path, caplog: Any) -> None:
    vendor = Vendor(upload_problems=[ValueError("a bug")])
    async with native_works(tmp_path, vendor, sleep=pause_for_good) as here:
        with pytest.raises(Failure) as raised:
            await here.submit("One")
        assert raised.value.kind == "internal_error"
        assert (await here.only_job()).error_kind == "internal_error"
    assert "could not be looked after" in caplog.text
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.only_job()).id)
    assert (job.status, job.completed_rows, len(vendor.created)) == ("completed", 1, 1)


async def test_what_a_vendor_says_at_each_look_is_logged_once(tmp_path: Path, caplog: Any) -> None:
    gone, busy = (Failure("provider_unavailable", words, retryable=True) for words in ("It is out.", "Busy."))
    vendor = Vendor(check_problems=[gone, gone, gone, busy, gone])
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One")).id)
    assert job.status == "completed"
    told = [record.args[-1] for record in caplog.records if "at openai" in record.getMessage()]
    assert told == ["It is out.", "Busy.", "It is out."]
