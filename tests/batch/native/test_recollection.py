"""Results that were not there for a day, and are later: they are fetched, and nothing is sent or paid twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.errors import Failure
from sidecar.providers.batches import BatchResult
from tests.helpers.native_batches import Vendor, answer, native_works

COST_USD = Decimal("0.00225")


def lost(custom_id: str, prompt: str) -> BatchResult | None:
    return None if prompt == "Two" else answer(custom_id, prompt)


async def test_rows_whose_results_came_too_late_are_had_by_collecting_again(tmp_path: Path) -> None:
    vendor = Vendor(outcome=lost)
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One", "Two", "Three")).id)
        row = (await here.rows(job.id))[1]
        assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 2, 1)
        assert "collect the batch again before you retry" in (row.error_message or "")
        assert vendor.calls.count("results") > 10, "with the patience of a day"
        vendor.outcome = answer
        await here.native.collect(job.id)
        job = await here.ended(job.id)
        rows, entries = await here.rows(job.id), await here.entries()
        with pytest.raises(Failure, match="has its result"):
            await here.native.collect(job.id)
    assert [(row.status, row.attempts) for row in rows] == [("success", 1)] * 3
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 3, 0)
    assert job.cost_usd == 3 * COST_USD
    assert {entry.state for entry in entries} == {"settled"}
    assert len(vendor.created) == 1


async def test_the_results_of_a_batch_by_its_vendor_s_id_are_fetched_again_too(tmp_path: Path) -> None:
    vendor = Vendor(outcome=lost)
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One", "Two")).id)
        (part,) = await here.parts(job.id)
        vendor.outcome = answer
        rows = await here.native.sent.results("openai", part.native_id or "")
    assert [row.response for row in rows] == ["Re: One", "Re: Two"]


async def test_a_vendor_that_has_no_more_than_before_leaves_the_rows_as_they_were(tmp_path: Path) -> None:
    vendor = Vendor(outcome=lost)
    async with native_works(tmp_path, vendor) as here:
        before = await here.ended((await here.submit("One", "Two")).id)
        await here.native.collect(before.id)
        after = await here.ended(before.id)
        rows = await here.rows(before.id)
    assert replace(after, completed_at=None) == replace(before, completed_at=None)
    assert [row.status for row in rows] == ["success", "error-api"]


async def test_without_counts_a_batch_that_completed_owes_every_row(tmp_path: Path) -> None:
    looks = 0

    def late(custom_id: str, prompt: str) -> BatchResult | None:
        nonlocal looks
        looks += prompt == "Two"
        return None if prompt == "Two" and looks < 3 else answer(custom_id, prompt)

    async with native_works(tmp_path, Vendor(outcome=late, counts=False)) as here:
        job = await here.ended((await here.submit("One", "Two")).id)
    assert (job.status, job.completed_rows) == ("completed", 2)


async def test_what_was_never_sent_or_is_answered_cannot_be_collected(tmp_path: Path) -> None:
    async with native_works(tmp_path) as here:
        job = await here.ended((await here.submit("One")).id)
        with pytest.raises(Failure, match="has its result"):
            await here.native.collect(job.id)
        with pytest.raises(Failure, match="no such batch"):
            await here.native.collect("unknown")
