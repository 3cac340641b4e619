"""Creations whose answers are lost, and processes that end at each step: no part is created twice, no row is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.batch.native.machine import LONGEST_DOUBT_MS
from sidecar.errors import Failure
from sidecar.providers.batches import BatchLimits, LookupResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import ledger_sums, unheard_stops
from tests.helpers.asking import Clock
from tests.helpers.native_batches import NativeWorks, Vendor, native_works, on_disk
from tests.helpers.resting import Rest

LOST = OutcomeUnknown("timeout", "OpenAI did not answer in time.")
COST_USD = Decimal("0.00225")
PROMPTS = ("One", "Two", "Three")


async def whole(here: NativeWorks, job_id: str, prompts: Sequence[str] = PROMPTS) -> None:
    """Every row has its one answer, its one settled charge, and the vendor was asked for each part once."""
    job = await here.ended(job_id)
    rows, entries = await here.rows(job_id), await here.entries()
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", len(prompts), 0)
    assert [row.response for row in rows] == [f"Re: {prompt}" for prompt in prompts]
    assert [entry.state for entry in entries] == ["settled"] * len(prompts)
    assert job.cost_usd == len(prompts) * COST_USD
    assert len(set(here.vendor.created)) == len(here.vendor.created)


async def test_a_batch_whose_creation_was_not_answered_is_found_and_adopted(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[("cut", LOST)])) as here:
        job = await here.submit(*PROMPTS)
        await whole(here, job.id)
        assert here.waits[0] == 2
    assert here.vendor.calls[:4] == ["upload", "create", "find", "check"]


async def test_a_creation_that_never_arrived_is_repeated_once_its_absence_counts(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[("lost", LOST)])) as here:
        job = await here.submit(*PROMPTS)
        await whole(here, job.id)
        # Two seconds, then the rest of a quarter of an hour, by which the vendor's list may lag.
        assert here.waits[:2] == [2, 898]
    assert here.vendor.calls[:5] == ["upload", "create", "find", "find", "upload"]


async def test_a_part_that_is_sent_again_says_where_its_input_went_before(tmp_path: Path) -> None:
    class Container(Vendor):
        """Adds rows to what is there, as xAI does."""

        before: list[str | None] = []  # noqa: RUF012

        async def upload(self, key, part):  # type: ignore[no-untyped-def]
            self.before.append(part.input_file_id)
            return part.input_file_id or await super().upload(key, part)

    vendor = Container(create_problems=[("lost", LOST)])
    async with native_works(tmp_path, vendor) as here:
        await whole(here, (await here.submit(*PROMPTS)).id)
    assert vendor.before == [None, "file-0"]


async def test_a_creation_that_arrives_late_is_found_before_it_is_repeated(tmp_path: Path) -> None:
    looks = 0

    class Late(Vendor):
        async def find(self, key, part):  # type: ignore[no-untyped-def]
            nonlocal looks
            looks += 1
            self.forgetful = looks < 2
            return await super().find(key, part)

    async with native_works(tmp_path, Late(create_problems=[("cut", LOST)])) as here:
        job = await here.submit(*PROMPTS)
        await whole(here, job.id)
    assert len(here.vendor.created) == 1


async def test_a_vendor_that_cannot_be_asked_is_asked_again(tmp_path: Path) -> None:
    down = Failure("provider_unavailable", "It is down.", retryable=True)
    vendor = Vendor(create_problems=[("cut", LOST)], find_problems=[down, down, down])
    async with native_works(tmp_path, vendor) as here:
        await whole(here, (await here.submit(*PROMPTS)).id)
    assert vendor.calls.count("find") == 4


async def doubted(here: NativeWorks) -> str:
    with pytest.raises(Failure) as raised:
        await here.submit(*PROMPTS)
    job = await here.only_job()
    assert raised.value.kind == "conflict"
    assert (job.status, job.error_kind) == ("pending", "conflict")
    assert "It is not in the list." in (job.error or "")
    return job.id


async def test_in_doubt_the_job_waits_and_nothing_is_sent_again(tmp_path: Path) -> None:
    vendor = Vendor(create_problems=[("cut", LOST)], forgetful=True, certain=False)
    async with native_works(tmp_path, vendor, poll_ms=3_600_000) as here:
        job_id = await doubted(here)
        with pytest.raises(Failure) as raised:
            await here.native.start(job_id, retry_failed=True)
        assert raised.value.kind == "conflict"
        asked = vendor.calls.count("find")
        job = await here.native.start(job_id)
        assert vendor.calls.count("find") > asked
        assert (job.status, job.error_kind) == ("pending", "conflict")
        assert vendor.calls.count("create") == 1


async def test_a_start_asks_again_and_adopts_what_is_found(tmp_path: Path) -> None:
    vendor = Vendor(create_problems=[("cut", LOST)], forgetful=True, certain=False)
    clock = Clock()
    rest = Rest(clock)
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000, sleep=rest) as here:
        job_id = await doubted(here)
        vendor.forgetful = False
        job = await here.native.start(job_id)
        assert (job.status != "pending", job.error) == (True, None)
        rest.over.set()
        await whole(here, job_id)
    assert vendor.calls.count("create") == 1


async def test_a_start_sends_what_is_then_known_to_be_absent(tmp_path: Path) -> None:
    vendor = Vendor(create_problems=[("lost", LOST)], forgetful=True, certain=False)
    clock = Clock()
    rest = Rest(clock)
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000, sleep=rest) as here:
        job_id = await doubted(here)
        vendor.forgetful, vendor.certain = False, True
        await here.native.start(job_id)
        rest.over.set()
        await whole(here, job_id)
    assert len(vendor.created) == 1


async def test_a_doubt_outlives_the_process(tmp_path: Path) -> None:
    clock = Clock()
    vendor = Vendor(create_problems=[("cut", LOST)], forgetful=True, certain=False)
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000) as here:
        job_id = await doubted(here)
    rest = Rest(clock)
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000, sleep=rest) as here:
        assert await here.native.resumption.jobs() == (job_id,)
        await here.native.start(job_id)
        assert (await here.job(job_id)).status == "pending"
        vendor.forgetful = False
        await here.native.start(job_id)
        rest.over.set()
        await whole(here, job_id)
    assert vendor.calls.count("create") == 1


async def test_an_absence_that_another_key_sees_is_a_doubt_until_the_first_key_is_back(
    tmp_path: Path,
) -> None:
    clock, keys = Clock(), {"openai": "sk-the-first-key"}
    vendor = Vendor(create_problems=[("cut", LOST)], hang_at="find")
    async with native_works(tmp_path, vendor, clock=clock, keys=keys, poll_ms=3_600_000) as here:
        submitting = asyncio.create_task(here.submit(*PROMPTS))
        await vendor.hanging.wait()
        submitting.cancel()
    # Another project's key: the vendor lists none of the first one's batches to it, and calls that certain.
    vendor.hang_at, vendor.forgetful = None, True
    other = {"openai": "sk-of-another-project"}
    async with native_works(tmp_path, vendor, clock=clock, keys=other, poll_ms=3_600_000) as here:
        (job_id,) = await here.native.resumption.jobs()
        job = await here.until(job_id, lambda job: job.status == "pending")
        assert job.error_kind == "conflict"
        assert "another API key" in (job.error or "")
    marks = [mark for (mark,) in on_disk(tmp_path, "SELECT key_mark FROM batch_parts")]
    assert [len(mark) for mark in marks] == [6]
    vendor.forgetful = False
    async with native_works(tmp_path, vendor, clock=clock, keys=keys, poll_ms=3_600_000) as here:
        await whole(here, job_id)
    assert vendor.calls.count("create") == 1


async def test_a_cancelled_doubt_is_given_up_when_no_vendor_runs_it_any_more(tmp_path: Path) -> None:
    vendor = Vendor(create_problems=[("cut", LOST)], forgetful=True, certain=False)
    async with native_works(tmp_path, vendor, poll_ms=3_600_000) as here:
        began = here.clock.ms
        job_id = await doubted(here)
        await here.native.cancel(job_id)
        job = await here.ended(job_id)
        assert here.clock.ms - began > LONGEST_DOUBT_MS
        assert job.status == "cancelled"
        assert {row.status for row in await here.rows(job_id)} == {"cancelled"}
        # It may have run and been charged: that is not 0.
        assert [entry.state for entry in await here.entries()] == ["unknown"] * len(PROMPTS)
        await here.native.start(job_id)
        await here.ended(job_id)
    assert vendor.calls.count("create") == 2


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_cancelled_batch_whose_key_is_gone_does_not_hold_back_the_budget_for_ever(
    tmp_path: Path, arrived: bool
) -> None:
    clock = Clock()
    vendor = Vendor(
        checks_to_end=1_000_000,
        create_problems=[] if arrived else [("lost", LOST)],
        hang_at=None if arrived else "find",
    )
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000) as here:
        submitting = asyncio.create_task(here.submit(*PROMPTS))
        async with asyncio.timeout(60):
            while "check" not in vendor.calls and "find" not in vendor.calls:
                await asyncio.sleep(0)
        job_id = (await here.only_job()).id
        submitting.cancel()
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=3_600_000, keys={}) as here:
        await here.native.cancel(job_id)
        begun = clock.ms
        await here.ended(job_id)
        assert clock.ms - begun > 40 * 3_600_000
        assert await here.store.read(ledger_sums.reserved) == 0
        assert {entry.state for entry in await here.entries()} == {"unknown"}
        assert [row.status for row in await here.rows(job_id)] == ["cancelled"] * 3


async def test_the_parts_after_one_in_doubt_wait_for_it(tmp_path: Path) -> None:
    vendor = Vendor(
        limits=BatchLimits(rows=1, bytes=1_000_000),
        create_problems=[("cut", LOST)],
        forgetful=True,
        certain=False,
    )
    async with native_works(tmp_path, vendor, poll_ms=3_600_000) as here:
        job_id = await doubted(here)
        assert vendor.calls.count("create") == 1
        vendor.forgetful = False
        await here.native.start(job_id)
        await whole(here, job_id)
    assert len(vendor.created) == 3


async def test_a_first_part_that_is_refused_is_told_and_nothing_is_left_running(tmp_path: Path) -> None:
    busy = Failure("rate_limited", "Too many batches.", retryable=True)
    vendor = Vendor(limits=BatchLimits(rows=1, bytes=1_000_000), create_problems=[("refused", busy)])
    async with native_works(tmp_path, vendor) as here:
        with pytest.raises(Failure, match="Too many batches"):
            await here.submit(*PROMPTS)
        job = await here.only_job()
        rows, entries = await here.rows(job.id), await here.entries()
        assert (job.status, job.error, job.cost_usd) == ("failed", "Too many batches.", Decimal(0))
        assert [row.status for row in rows] == ["error-api", "pending", "pending"]
        assert [entry.state for entry in entries] == ["failed"]
        await here.native.start(job.id)
        job = await here.until(job.id, lambda job: job.status == "completed")
        await here.native.start(job.id, retry_failed=True)
        job = await here.until(job.id, lambda job: job.completed_rows == 3)
    assert len(vendor.created) == 3


async def test_a_later_part_that_is_refused_for_the_moment_is_tried_until_it_is_taken(tmp_path: Path) -> None:
    busy = Failure("rate_limited", "Too many batches.", retryable=True, retry_after_ms=60_000)
    vendor = Vendor(
        limits=BatchLimits(rows=2, bytes=1_000_000),
        create_problems=[None, ("refused", busy), ("refused", busy)],
    )
    async with native_works(tmp_path, vendor) as here:
        await whole(here, (await here.submit(*PROMPTS)).id)
        assert here.waits.count(60) == 2
    # What was certainly refused need not be looked for.
    assert vendor.calls.count("find") == 0


async def test_a_later_part_that_is_refused_for_good_fails_its_own_rows(tmp_path: Path) -> None:
    wrong = Failure("provider_rejected", "The file is wrong.")
    vendor = Vendor(limits=BatchLimits(rows=2, bytes=1_000_000), create_problems=[None, ("refused", wrong)])
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit(*PROMPTS)).id)
        rows = await here.rows(job.id)
    assert [row.status for row in rows] == ["success", "success", "error-api"]
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 2, 1)


async def test_a_part_that_went_again_with_fewer_rows_is_found_by_those(tmp_path: Path) -> None:
    class Counting(Vendor):
        """Knows a batch again by its rows alone, as Anthropic has to."""

        planned = 0  # twice for its place in a part, and once more when that is sent again

        def line(self, custom_id, plan):  # type: ignore[no-untyped-def]
            prompt = plan.body["request"].turns[-1].text
            self.planned += prompt == "Three"
            if self.planned > 2 and prompt == "Three":
                raise Failure("unsupported", "The settings do not go with a batch any more.")
            return super().line(custom_id, plan)

        async def find(self, key, part):  # type: ignore[no-untyped-def]
            ours = [held for held in self.held.values() if list(held.rows) == list(part.custom_ids)]
            return LookupResult(self._state(ours[0]) if ours else None, True)

    down = Failure("provider_unavailable", "It is down.", retryable=True)
    vendor = Counting(
        limits=BatchLimits(rows=2, bytes=1_000_000), create_problems=[None, ("refused", down), ("cut", LOST)]
    )
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One", "Two", "Three", "Four")).id)
        rows = await here.rows(job.id)
    assert [row.status for row in rows] == ["success", "success", "error", "success"]
    assert len(vendor.created) == 2
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 3, 1)


STEPS = ["upload", "create", "created", "find", "check", "results", "results-read"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_process_that_ends_in_the_middle_of_a_step_goes_on_at_the_next_start(
    tmp_path: Path, step: str
) -> None:
    clock = Clock()
    vendor = Vendor(hang_at=step, create_problems=[("cut", LOST)] if step == "find" else [])
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=1_000) as here:
        submitting = asyncio.create_task(here.submit(*PROMPTS))
        async with asyncio.timeout(60):
            await vendor.hanging.wait()
        job_id = (await here.only_job()).id
        submitting.cancel()
    vendor.hang_at = None
    async with native_works(tmp_path, vendor, clock=clock, poll_ms=1_000) as here:
        assert await here.native.resumption.jobs() == (job_id,)
        await whole(here, job_id)
    assert len(vendor.created) == 1


async def test_results_that_were_stored_in_part_are_not_stored_again_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    prompts = [f"row {number}" for number in range(250)]
    vendor = Vendor(limits=BatchLimits(rows=1_000, bytes=1_000_000), hang_at="results-read")
    async with native_works(tmp_path, vendor, clock=clock) as here:
        job_id = (await here.submit(*prompts)).id
        async with asyncio.timeout(60):
            await vendor.hanging.wait()
        assert (await here.job(job_id)).completed_rows == 200
    vendor.hang_at = None
    async with native_works(tmp_path, vendor, clock=clock) as here:
        await whole(here, job_id, prompts)


async def test_a_job_that_had_rows_to_send_goes_on_sending_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    vendor = Vendor(limits=BatchLimits(rows=1, bytes=1_000_000))
    uploads = 0

    def look(call: str) -> None:
        nonlocal uploads
        uploads += call == "upload"
        vendor.hang_at = "upload" if uploads == 2 else None

    vendor.look = look
    async with native_works(tmp_path, vendor, clock=clock) as here:
        job_id = (await here.submit(*PROMPTS)).id
        async with asyncio.timeout(60):
            await vendor.hanging.wait()
    vendor.look, vendor.hang_at = None, None
    async with native_works(tmp_path, vendor, clock=clock) as here:
        await whole(here, job_id)
    assert len(vendor.created) == 3


async def test_a_job_whose_rows_had_all_ended_when_the_process_died_ends_at_the_next_start(
    tmp_path: Path,
) -> None:
    vendor = Vendor(limits=BatchLimits(rows=10, bytes=1_000_000, row_bytes=50))
    async with native_works(tmp_path, vendor) as here:
        with pytest.raises(Failure):
            await here.submit("long " * 100)
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn, conn:
        # Between the end of its last row and its own.
        conn.execute("UPDATE batch_jobs SET status = 'processing', completed_at = NULL")
    async with native_works(tmp_path, vendor) as here:
        await here.native.resumption.jobs()
        job = await here.only_job()
    assert (job.status, job.failed_rows) == ("completed", 1)


async def test_a_job_cancelled_before_its_part_was_created_never_is(tmp_path: Path) -> None:
    vendor = Vendor(hang_at="upload")
    clock = Clock()
    async with native_works(tmp_path, vendor, clock=clock) as here:
        submitting = asyncio.create_task(here.submit(*PROMPTS))
        async with asyncio.timeout(60):
            await vendor.hanging.wait()
        job_id = (await here.only_job()).id
        await here.native.cancel(job_id)
        submitting.cancel()
    vendor.hang_at = None
    async with native_works(tmp_path, vendor, clock=clock) as here:
        job = await here.ended(job_id)
        rows, entries = await here.rows(job_id), await here.entries()
    assert (job.status, vendor.created) == ("cancelled", [])
    assert {row.status for row in rows} == {"cancelled"}
    assert {entry.state for entry in entries} == {"failed"}


async def test_a_vendors_batch_is_never_taken_for_two_parts(tmp_path: Path) -> None:
    class Confused(Vendor):
        async def find(self, key, part):  # type: ignore[no-untyped-def]
            first = next(iter(self.held.values()))
            return (await super().find(key, part)).__class__(self._state(first), True)

    vendor = Confused(limits=BatchLimits(rows=2, bytes=1_000_000), create_problems=[None, ("lost", LOST)])
    async with native_works(tmp_path, vendor, poll_ms=1_000) as here:
        job = await here.submit(*PROMPTS)
        job = await here.until(job.id, lambda job: job.status == "pending")
        assert "belongs to another part" in (job.error or "")
        assert [row.status for row in await here.rows(job.id)] == ["success", "success", "processing"]
    assert len(vendor.created) == 1


async def test_a_batch_that_a_proxy_had_created_twice_is_collected_once_and_the_other_is_stopped(
    tmp_path: Path,
) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[("doubled", LOST)], checks_to_end=3)) as here:
        job = await here.submit(*PROMPTS)
        await whole(here, job.id)
        ours, twin = here.vendor.held.values()
        assert (ours.cancelled, twin.cancelled) == (False, True)
        assert await here.store.read(unheard_stops.waiting) == []


async def test_a_twin_that_its_vendor_did_not_hear_of_is_remembered_until_it_does(tmp_path: Path) -> None:
    deaf = [Failure("provider_unavailable", "Not now.", retryable=True)]
    vendor = Vendor(create_problems=[("doubled", LOST)], cancel_problems=[*deaf], checks_to_end=3)
    async with native_works(tmp_path, vendor) as here:
        job = await here.submit(*PROMPTS)
        await whole(here, job.id)
        _, twin = vendor.held.values()
        assert [stop.native_id for stop in await here.store.read(unheard_stops.waiting)] == [twin.id]
