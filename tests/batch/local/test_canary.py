"""Jobs that run a few rows first, and that pause by themselves."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from sidecar.errors import Failure
from tests.helpers.local_batches import COST_USD, PromptedProvider, Step, answers, works


def _failing(*prompts: str) -> PromptedProvider:
    refusal = Failure("provider_rejected", "It will not.")
    return PromptedProvider(script=lambda prompt: [refusal] if prompt in prompts else answers())


def _prompts(number: int) -> list[str]:
    return [f"Row {each:03}" for each in range(number)]


async def test_the_rows_of_a_canary_end_before_any_other_begins_and_the_rest_follows(tmp_path: Path) -> None:
    gate = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(gate))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*_prompts(40))
        await here.engine.start(job.id, canary=3, concurrency=8)
        async with asyncio.timeout(60):
            while provider.in_flight < 3:
                await asyncio.sleep(0)
        assert len(provider.sent) == 3
        told = await here.job(job.id)
        assert told.safeguard is not None
        assert (told.safeguard.phase, told.safeguard.canary) == ("canary", 3)
        gate.set()
        job = await here.ended(job.id)
    assert (job.status, job.completed_rows) == ("completed", 40)
    assert job.safeguard is not None
    assert (job.safeguard.phase, job.safeguard.tripped) == ("all", ())
    assert len(provider.sent) == 40


async def test_a_canary_is_of_short_and_of_long_prompts(tmp_path: Path) -> None:
    provider = _failing("a" * 900, "b" * 90, "c")
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("c", "d", "e", "b" * 90, "a" * 900)
        job = await here.ran(job, canary=3)
        assert sorted(map(len, provider.sent)) == [1, 90, 900]
    assert (job.status, job.failed_rows) == ("failed", 3)
    assert job.error is not None
    assert job.error.startswith(
        "The batch paused after its first 3 rows: 100 % of the rows failed, and 50 % were allowed. "
        "The last failure: It will not. 2 rows wait and nothing more is sent."
    )


async def test_a_paused_job_goes_on_by_the_persons_word_only(tmp_path: Path) -> None:
    provider = _failing("Row 000", "Row 001")
    async with works(tmp_path, provider=provider) as here:
        job = await here.ran(await here.submit(*_prompts(20)), canary=2, limits={"errorRate": 0.1})
        assert (job.status, len(provider.sent)) == ("failed", 2)
    async with works(tmp_path, provider=provider) as here:
        assert await here.engine.resumption.jobs() == ()
        assert await here.statuses(job.id) == ["error-api"] * 2 + ["pending"] * 18
        job = await here.ran(job)
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 18, 2)


async def test_failed_rows_of_a_canary_that_are_retried_are_judged_anew(tmp_path: Path) -> None:
    provider = _failing("Row 000", "Row 001")
    async with works(tmp_path, provider=provider) as here:
        job = await here.ran(await here.submit(*_prompts(6)), canary=2)
        job = await here.ran(job, retry_failed=True)
        assert (job.status, job.failed_rows, len(provider.sent)) == ("failed", 2, 4)
        provider.script = lambda prompt: answers()
        job = await here.ran(job, retry_failed=True)
    assert (job.status, job.completed_rows, len(provider.sent)) == ("completed", 6, 10)


async def test_a_job_whose_process_died_in_its_canary_ends_the_canary_first(tmp_path: Path) -> None:
    never = asyncio.Event()
    hanging = PromptedProvider(script=lambda prompt: answers(never))
    async with works(tmp_path, provider=hanging) as here:
        job = await here.submit(*_prompts(20))
        await here.engine.start(job.id, canary=4, limits={"errorRate": 0.1})
        async with asyncio.timeout(60):
            while hanging.in_flight < 4:
                await asyncio.sleep(0)
    again = _failing("Row 000")
    async with works(tmp_path, provider=again) as here:
        assert await here.engine.resumption.jobs() == (job.id,)
        job = await here.ended(job.id)
    assert (job.status, len(again.sent)) == ("failed", 4)
    assert job.safeguard is not None
    assert [(each.name, each.measured) for each in job.safeguard.tripped] == [("errorRate", 0.25)]


async def test_what_ended_before_the_process_died_still_counts(tmp_path: Path) -> None:
    never, ended = asyncio.Event(), 0

    def half(prompt: str) -> list[Step]:
        nonlocal ended
        ended += 1
        return [Failure("provider_rejected", "No.")] if ended <= 9 else answers(never)

    provider = PromptedProvider(script=half)
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*_prompts(20))
        await here.engine.start(job.id, limits={"errorRate": 0.5}, concurrency=1)
        async with asyncio.timeout(60):
            while provider.in_flight < 1 or (await here.job(job.id)).failed_rows < 9:
                await asyncio.sleep(0)
    provider = PromptedProvider()
    async with works(tmp_path, provider=provider) as here:
        job = await here.ended(job.id)
    assert job.status == "failed"
    assert job.failed_rows == 9
    assert job.error is not None
    assert "90 % of the rows failed, and 50 % were allowed" in job.error


async def test_a_sum_stops_the_job_from_its_first_rows_on(tmp_path: Path) -> None:
    provider = PromptedProvider()
    async with works(tmp_path, provider=provider) as here:
        limit = float(COST_USD * 3)
        job = await here.ran(await here.submit(*_prompts(50)), concurrency=1, limits={"totalUSD": limit})
        # The next one may have begun before the last one was stored.
        assert (job.status, job.completed_rows in (3, 4)) == ("failed", True)
        assert await here.reserved() == Decimal(0)
        assert job.error is not None
        assert "it has cost up to $0.01" in job.error
        assert "and $0.0135 was allowed" in job.error
        job = await here.ran(job, concurrency=1, limits={"totalUSD": limit * 2})
        assert (job.status, job.completed_rows in (6, 7)) == ("failed", True)
        job = await here.ran(job, limits={})
    assert (job.status, job.completed_rows) == ("completed", 50)


async def test_a_job_that_was_cancelled_in_its_canary_goes_on_with_it(tmp_path: Path) -> None:
    never = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(never))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*_prompts(10))
        await here.engine.start(job.id, canary=2)
        async with asyncio.timeout(60):
            while provider.in_flight < 2:
                await asyncio.sleep(0)
        job = await here.engine.cancel(job.id)
        assert job.status == "cancelled"
        provider.script, provider.sent = _failing(*_prompts(10)).script, []
        job = await here.ran(job)
    assert (job.status, len(provider.sent)) == ("failed", 2)
