from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch import external_jobs
from sidecar.batch.external_jobs import RowUpdate
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.store.job_records import Job, RowStatus
from tests.helpers.asking import ids
from tests.helpers.local_batches import Works, works


class _Renderer:
    """A page that runs its batch itself and says so."""

    def __init__(self, here: Works) -> None:
        self._here = here
        self._session = CurrentProject(here.store, ids("project"), here.clock)

    async def says(self, job_id: str, status: Any, **members: Any) -> Job:
        now = self._here.clock()
        return await self._here.store.write(
            external_jobs.update_job, self._session, job_id, status, now=now, **members
        )

    async def row(self, job_id: str, row_id: str, status: RowStatus, **members: Any) -> Job:
        told = RowUpdate(status, **members)
        return await self._here.store.write(
            external_jobs.update_row, self._session, job_id, row_id, told, self._here.clock()
        )


async def test_a_batch_that_nobody_announced_is_made_in_the_open_project(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        page = _Renderer(here)
        await CurrentProject(here.store, ids("x"), here.clock).name_project("p")
        job = await page.says("made-in-the-page", "processing", total_rows=3)
        assert (job.project_id, job.source, job.status, job.total_rows) == ("p", "renderer", "processing", 3)
        job = await page.row("another", "r1", "success", response="Yes.")
        assert (job.project_id, job.status, job.total_rows, job.completed_rows) == ("p", "processing", 1, 1)


async def test_rows_counters_and_cost_follow_each_other(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        page = _Renderer(here)
        await page.says("j", "processing", total_rows=2)
        await page.row("j", "a", "processing", prompt="One", model="openai/gpt-4o", data={"x": 1})
        job = await page.row("j", "a", "success", response="Yes.", cost_usd=Decimal("0.1"), tokens_in=5)
        assert (job.completed_rows, job.failed_rows, job.cost_usd) == (1, 0, Decimal("0.1"))
        job = await page.row("j", "b", "error-api", error_kind="timeout", error_message="Late.", attempts=2)
        assert (job.completed_rows, job.failed_rows, job.cost_usd) == (1, 1, Decimal("0.1"))
        # Tried again by the page: what failed has now ended well, and the first row cost more than was said.
        job = await page.row("j", "b", "success", response="Late, but yes.", cost_usd=Decimal("0.2"))
        job = await page.row("j", "a", "success", response="Yes.", cost_usd=Decimal("0.15"))
        assert (job.completed_rows, job.failed_rows, job.cost_usd) == (2, 0, Decimal("0.35"))
        first, second = await here.rows("j")
        assert (first.prompt, first.model, first.data, first.row_index) == (
            "One",
            "openai/gpt-4o",
            {"x": 1},
            0,
        )
        assert (second.row_index, second.error_kind, second.attempts) == (1, None, 2)
        assert await here.entries() == []
        done = await page.says("j", "completed")
        assert (done.status, done.completed_rows, done.completed_at) == ("completed", 2, here.clock())


async def test_a_batch_that_the_page_runs_is_neither_resumed_nor_started_nor_cancelled_here(
    tmp_path: Path,
) -> None:
    async with works(tmp_path) as here:
        page = _Renderer(here)
        await page.says("j", "processing", total_rows=1)
        await page.row("j", "a", "processing")
        for act in (here.engine.start, here.engine.cancel):
            with pytest.raises(Failure) as refused:
                await act("j")
            assert refused.value.kind == "conflict"
    async with works(tmp_path) as here:
        assert await here.engine.resumption.jobs() == ()
        assert await here.statuses("j") == ["processing"]


async def test_a_submitted_batch_may_be_run_by_the_page_but_not_one_that_the_sidecar_runs(
    tmp_path: Path,
) -> None:
    async with works(tmp_path) as here:
        page = _Renderer(here)
        job = await here.submit("One")
        told = await page.row(job.id, "row-1", "success", response="By the page.")
        assert (told.source, told.total_rows, told.completed_rows) == ("renderer", 1, 1)
        (row,) = await here.rows(job.id)
        assert (row.status, row.response, row.prompt) == ("success", "By the page.", "One")
        ran = await here.ran(await here.submit("Two"))
        with pytest.raises(Failure) as refused:
            await page.row(ran.id, "row-1", "success", response="Not yours.")
        assert refused.value.kind == "conflict"
