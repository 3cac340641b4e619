"""Providers that cannot be reached any more while a batch runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sidecar.batch.local.run_context import MOST_PASSED_BY, PATIENCE_MS
from sidecar.errors import Failure
from tests.helpers.local_batches import PromptedProvider, Step, Works, answers, works


def gone() -> Failure:
    failure = Failure("provider_unavailable", "Could not connect to the lab API.", retryable=True)
    failure.out_of_reach = True
    return failure


class Flaky:
    """Answers, but not the prompts that are said, for so many tries. Time passes with each of them."""

    def __init__(self, *prompts: str, tries: int, step_ms: int = 10_000) -> None:
        self.left = dict.fromkeys(prompts, tries)
        self.step_ms = step_ms
        self.here: Works | None = None

    def __call__(self, prompt: str) -> Sequence[Step]:
        if not self.left.get(prompt):
            return answers()
        self.left[prompt] -= 1
        assert self.here is not None
        self.here.clock.step = self.step_ms
        return [gone()]


async def test_rows_wait_for_a_provider_that_has_answered_before(tmp_path: Path) -> None:
    script = Flaky("Two", "Three", tries=2, step_ms=6_000)
    async with works(tmp_path, provider=PromptedProvider(script=script)) as here:
        script.here = here
        job = await here.ran(await here.submit("One", "Two", "Three"), concurrency=1)
        rows, entries = await here.rows(job.id), await here.entries()
    assert (job.status, job.failed_rows) == ("completed", 0)
    assert [row.status for row in rows] == ["success"] * 3
    # What found nobody cost nothing, and is in the books all the same.
    assert sum(entry.state == "settled" for entry in entries) == 3
    assert all(not entry.cost_usd for entry in entries if entry.state == "failed")


async def test_a_job_stops_where_nobody_is_there_for_long_and_its_rows_wait(tmp_path: Path) -> None:
    script = Flaky("Two", "Three", tries=1_000, step_ms=PATIENCE_MS // 4)
    async with works(tmp_path, provider=PromptedProvider(script=script)) as here:
        script.here = here
        job = await here.ran(await here.submit("One", "Two", "Three"), concurrency=1)
        assert (job.status, job.error) == ("failed", "Could not connect to the lab API.")
        assert await here.statuses(job.id) == ["success", "pending", "pending"]
        assert await here.reserved() == 0
        script.left.clear()
        job = await here.ran(job)
    assert (job.status, job.failed_rows) == ("completed", 0)


async def test_a_provider_that_never_answered_is_not_waited_for(tmp_path: Path) -> None:
    script = Flaky("One", "Two", tries=1_000)
    async with works(tmp_path, provider=PromptedProvider(script=script)) as here:
        script.here = here
        job = await here.ran(await here.submit("One", "Two"), concurrency=1)
        assert await here.statuses(job.id) == ["error-api", "error-api"]
    assert job.status == "completed"


async def test_a_row_that_alone_finds_nobody_fails_and_the_others_go_on(tmp_path: Path) -> None:
    prompts = [f"{number}" for number in range(12)]
    script = Flaky("3", tries=1_000)
    async with works(tmp_path, provider=PromptedProvider(script=script)) as here:
        script.here = here
        job = await here.ran(await here.submit(*prompts), concurrency=2)
        statuses = await here.statuses(job.id)
    assert job.status == "completed"
    assert statuses.count("error-api") == 1
    assert statuses.count("success") == 11
    assert 1_000 - script.left["3"] <= 4 * MOST_PASSED_BY
