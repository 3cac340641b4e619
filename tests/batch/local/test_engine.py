from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch.row_transactions import write_when_possible
from sidecar.checker.replies import ReplyChecker
from sidecar.errors import Failure
from sidecar.providers.base import Done, TextDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import jobs
from tests.helpers.local_batches import COST_USD, USAGE, PromptedProvider, Step, answers, works


async def test_every_row_is_answered_priced_and_counted(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.ran(await here.submit("One", "Two", "Three"))
        rows, entries = await here.rows(job.id), await here.entries()
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 3, 0)
    assert job.cost_usd == 3 * COST_USD
    assert [(row.prompt, row.response, row.attempts) for row in rows] == [
        ("One", "An answer.", 1),
        ("Two", "An answer.", 1),
        ("Three", "An answer.", 1),
    ]
    assert sum((row.cost_usd or Decimal(0) for row in rows), Decimal(0)) == job.cost_usd
    assert [(entry.state, entry.kind, entry.job_id) for entry in entries] == [
        ("settled", "batch", job.id)
    ] * 3
    assert {entry.row_id for entry in entries} == {row.id for row in rows}


async def test_nothing_is_sent_before_the_start(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One")
        assert (job.status, here.provider.sent, await here.entries()) == ("pending", [], [])


async def test_the_intent_is_on_the_disk_before_the_row_is_sent(tmp_path: Path) -> None:
    seen: list[tuple[str, str, int]] = []

    class Looking(PromptedProvider):
        async def stream(self, plan, key, pacer=None):  # type: ignore[no-untyped-def]
            entry, row = (await here.entries())[0], (await here.rows(job.id))[0]
            seen.append((entry.state, row.status, row.attempts))
            async for event in super().stream(plan, key, pacer):
                yield event

    async with works(tmp_path, provider=Looking()) as here:
        job = await here.submit("One")
        await here.ran(job)
    assert seen == [("intent", "processing", 1)]


async def test_every_attempt_is_counted_under_one_intent(tmp_path: Path) -> None:
    provider = PromptedProvider(refused_first={"One": 2})
    async with works(tmp_path, provider=provider) as here:
        job = await here.ran(await here.submit("One"))
        assert (await here.rows(job.id))[0].attempts == 3
        assert len(await here.entries()) == 1
    assert provider.sent == ["One"] * 3


@pytest.mark.parametrize(
    ("problem", "status", "kind", "state"),
    [
        (Failure("rate_limited", "Too much."), "error-api", "rate_limited", "failed"),
        (Failure("invalid_api_key", "Refused."), "error-api", "invalid_api_key", "failed"),
        (Failure("unsupported", "It cannot."), "error", "unsupported", "failed"),
        (OutcomeUnknown("timeout", "No answer."), "error-api", "timeout", "unknown"),
        (ValueError("a bug"), "error", "internal_error", "unknown"),
    ],
)
async def test_a_failure_is_told_in_the_renderers_words_and_entered_as_what_it_is(
    tmp_path: Path, problem: Exception, status: str, kind: str, state: str
) -> None:
    async with works(tmp_path, provider=PromptedProvider(script=lambda prompt: [problem])) as here:
        job = await here.ran(await here.submit("One"))
        row, entry = (await here.rows(job.id))[0], (await here.entries())[0]
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 0, 1)
    assert (row.status, row.error_kind, entry.state) == (status, kind, state)
    assert row.error_message
    assert row.cost_usd == (Decimal(0) if state == "failed" else None)


class BrokenChecker(ReplyChecker):
    async def problem(self, *_: Any, **__: Any) -> Failure | None:
        raise ValueError("a bug")


async def test_a_bug_in_judging_what_the_last_run_left_is_told_and_leaves_the_answer(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One")

        def died_before_it_was_judged(conn: sqlite3.Connection) -> None:
            conn.execute("UPDATE batch_jobs SET status = 'processing'")
            conn.execute(
                "UPDATE batch_results SET status = 'processing', response = 'Paid', finish_reason = 'stop'"
            )

        await here.store.write(died_before_it_was_judged)
    async with works(tmp_path, checker=BrokenChecker()) as here:
        ended = await here.ended(job.id)
        assert (ended.status, ended.error_kind) == ("failed", "internal_error")
        (row,) = await here.rows(job.id)
    assert (row.status, row.response) == ("processing", "Paid")


async def test_a_refused_key_is_not_tried_by_every_row(tmp_path: Path) -> None:
    refused = PromptedProvider(script=lambda prompt: [Failure("invalid_api_key", "Refused.")])
    async with works(tmp_path, provider=refused) as here:
        job = await here.ran(await here.submit(*map(str, range(50))), concurrency=1)
        assert here.refused_keys == ["openai"]
        assert await here.statuses(job.id) == ["error-api"] * 50
    assert len(refused.sent) <= 2


async def test_a_row_whose_key_was_removed_says_so(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(waiting))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*map(str, range(6)))
        await here.engine.start(job.id, concurrency=1)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.keys.save("openai", "")
        waiting.set()
        job = await here.ended(job.id)
        last = (await here.rows(job.id))[-1]
    assert (last.status, last.error_kind, last.attempts) == ("error-missing-key", "missing_api_key", 0)
    assert job.failed_rows == 6 - len(provider.sent)


async def test_a_job_is_not_begun_without_a_key(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One")
        await here.keys.save("openai", "")
        for act in (here.engine.start(job.id), here.submit("Two")):
            with pytest.raises(Failure, match="Missing API keys for providers: openai") as refused:
                await act
            assert refused.value.kind == "missing_api_key"
        assert await here.statuses(job.id) == ["pending"]


async def test_json_that_breaks_the_schema_is_an_error_with_the_reply_kept_and_paid(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    provider = PromptedProvider(
        script=lambda prompt: answers(text='{"n": 1}' if prompt == "Good" else "No JSON.")
    )
    async with works(tmp_path, provider=provider) as here:
        job = await here.ran(await here.submit("Good", "Bad", jsonSchema=schema))
        good, bad = await here.rows(job.id)
    assert (good.status, bad.status, bad.error_kind) == ("success", "error", "invalid_output")
    assert (bad.response, bad.cost_usd) == ("No JSON.", COST_USD)
    assert job.cost_usd == 2 * COST_USD


async def test_no_more_rows_than_allowed_are_in_flight(tmp_path: Path) -> None:
    gate = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(gate))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*map(str, range(30)))
        await here.engine.start(job.id, concurrency=3)
        async with asyncio.timeout(60):
            while provider.in_flight < 3:
                await asyncio.sleep(0)
        gate.set()
        ended = await here.ended(job.id)
    assert (ended.completed_rows, provider.most_in_flight) == (30, 3)


async def test_rows_are_read_in_pages_and_each_is_run_once(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.ran(await here.submit(*(f"Row {n}" for n in range(350))))
        assert job.completed_rows == 350
    assert sorted(here.provider.sent) == sorted(f"Row {n}" for n in range(350))


async def test_failed_rows_are_retried_and_their_attempts_go_on_counting(tmp_path: Path) -> None:
    broken = PromptedProvider(script=lambda prompt: [Failure("provider_unavailable", "Down.")])
    async with works(tmp_path, provider=broken) as here:
        job = await here.ran(await here.submit("One", "Two"))
        assert job.failed_rows == 2
        broken.script = lambda prompt: answers()
        job = await here.ran(job, retry_failed=True)
        rows = await here.rows(job.id)
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 2, 0)
    assert [(row.status, row.attempts, row.error_kind) for row in rows] == [("success", 2, None)] * 2


async def test_what_a_failed_attempt_cost_stays_with_the_row(tmp_path: Path) -> None:
    provider = PromptedProvider(script=lambda prompt: answers(text="No JSON."))
    async with works(tmp_path, provider=provider) as here:
        job = await here.ran(await here.submit("One", jsonMode=True))
        provider.script = lambda prompt: answers(text="{}")
        job = await here.ran(job, retry_failed=True)
        row = (await here.rows(job.id))[0]
        entries = await here.entries()
    assert row.status == "success"
    assert row.cost_usd == job.cost_usd == 2 * COST_USD == sum(entry.cost_usd or 0 for entry in entries)


async def test_cancelling_cuts_off_what_is_in_flight_and_keeps_what_is_known_of_its_cost(
    tmp_path: Path,
) -> None:
    waiting = asyncio.Event()
    scripts: dict[str, list[Step]] = {
        "Known": [TextDelta("Half an ans"), UsageSoFar(USAGE), waiting],
        "Unknown": [TextDelta("Half"), waiting],
    }
    provider = PromptedProvider(script=lambda prompt: scripts.get(prompt, answers()))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("Known", "Unknown", *map(str, range(100)))
        await here.engine.start(job.id, concurrency=2)
        async with asyncio.timeout(60):
            while provider.in_flight < 2:
                await asyncio.sleep(0)
        job = await here.engine.cancel(job.id)
        rows, entries = await here.rows(job.id), await here.entries()
        assert not here.engine.is_running(job.id)
    assert (job.status, provider.in_flight, len(provider.sent)) == ("cancelled", 0, 2)
    assert {row.status for row in rows} == {"cancelled"}
    assert [row.response for row in rows[:2]] == ["Half an ans", "Half"]
    # A usage that is told on the way is what was used until then: the least that it cost.
    assert [row.known_usd for row in rows[:2]] == [None, None]
    # Of the other one word had come, which is a token at least, and at the cheapest service tier half of one.
    assert [row.uncertain.at_least_usd for row in rows[:2]] == [COST_USD, Decimal("0.000005")]
    assert [(entry.state, entry.at_most_usd) for entry in entries] == [
        ("unknown", entry.estimate_usd) for entry in entries
    ]
    assert here.told[-1].job.status == "cancelled"


async def test_a_cancelled_job_goes_on_with_what_was_not_finished(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: [waiting] if prompt == "Slow" else answers())
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("Fast", "Slow", "Later")
        await here.engine.start(job.id, concurrency=1)
        async with asyncio.timeout(60):
            while "Slow" not in provider.sent:
                await asyncio.sleep(0)
        await here.engine.cancel(job.id)
        provider.script = lambda prompt: answers()
        job = await here.ran(job)
        assert (job.status, job.completed_rows) == ("completed", 3)
        assert [row.attempts for row in await here.rows(job.id)] == [1, 2, 1]
    assert provider.sent.count("Fast") == 1


async def test_a_job_that_runs_cannot_be_started_again_nor_one_that_is_done(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    async with works(tmp_path, provider=PromptedProvider(script=lambda prompt: answers(waiting))) as here:
        job = await here.submit("One")
        await here.engine.start(job.id)
        for retry_failed in (False, True):
            with pytest.raises(Failure) as refused:
                await here.engine.start(job.id, retry_failed=retry_failed)
            assert refused.value.kind == "conflict"
        waiting.set()
        await here.ended(job.id)
        for act in (here.engine.start, here.engine.cancel):
            with pytest.raises(Failure) as refused:
                await act(job.id)
            assert refused.value.kind == "conflict"
        with pytest.raises(Failure) as refused:
            await here.engine.start("unknown")
        assert refused.value.kind == "not_found"


async def test_two_starts_at_once_are_one_start(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One")
        outcomes = await asyncio.gather(
            here.engine.start(job.id), here.engine.start(job.id), return_exceptions=True
        )
        await here.ended(job.id)
    assert [isinstance(each, Failure) for each in outcomes] == [False, True]
    assert here.provider.sent == ["One"]


async def test_rows_are_announced_when_that_is_asked_for_and_the_end_always(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.ran(await here.submit("One", "Two"), notify_rows=True)
        assert [row.status for row in here.rows_told] == ["success", "success"]
        assert (here.told[-1].job, here.told[-1].percentage) == (job, 100.0)
        here.rows_told.clear()
        await here.ran(await here.submit("Three"))
    assert here.rows_told == []


async def test_stopping_in_order_lets_rows_in_flight_end_and_the_job_goes_on_at_the_next_start(
    tmp_path: Path,
) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(waiting))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit(*map(str, range(20)))
        await here.engine.start(job.id, concurrency=2, notify_rows=True)
        async with asyncio.timeout(60):
            while provider.in_flight < 2:
                await asyncio.sleep(0)
        here.engine.stop_taking()
        waiting.set()
        await here.ended(job.id)
        left = await here.job(job.id)
        assert (left.status, left.completed_rows, len(provider.sent)) == ("processing", 2, 2)
    async with works(tmp_path, provider=provider) as here:
        assert await here.engine.resumption.jobs() == (job.id,)
        ended = await here.ended(job.id)
        assert (ended.status, ended.completed_rows) == ("completed", 20)
        assert len(here.rows_told) == 18
    assert sorted(provider.sent) == sorted(map(str, range(20)))


async def test_rows_that_the_end_cut_off_wait_again_and_what_they_cost_is_known(tmp_path: Path) -> None:
    cut: list[Step] = [TextDelta("Half"), UsageSoFar(USAGE), asyncio.Event()]
    provider = PromptedProvider(script=lambda prompt: cut)
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("One", "Two")
        await here.engine.start(job.id, concurrency=1)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.engine.close(0)
        left, rows = await here.job(job.id), await here.rows(job.id)
        assert (left.status, left.cost_usd) == ("processing", Decimal(0))
        assert (left.uncertain.calls, left.uncertain.at_least_usd) == (1, COST_USD)
        assert [(row.status, row.attempts) for row in rows] == [("pending", 1), ("pending", 0)]
        assert [entry.state for entry in await here.entries()] == ["unknown"]
    provider.script = lambda prompt: [TextDelta("Whole"), Done("stop", USAGE)]
    async with works(tmp_path, provider=provider) as here:
        ended = await here.ended(job.id)
        assert (ended.status, ended.cost_usd) == ("completed", 2 * COST_USD)
        assert (ended.uncertain.calls, ended.uncertain.at_least_usd) == (1, COST_USD)
        assert [row.response for row in await here.rows(job.id)] == ["Whole", "Whole"]


async def test_a_deleted_project_stops_its_jobs_first(tmp_path: Path) -> None:
    from sidecar.store import projects

    provider = PromptedProvider(script=lambda prompt: [asyncio.Event()])
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("One", "Two")
        await here.engine.start(job.id)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.engine.cancel_project("p")
        assert (await here.job(job.id)).status == "cancelled"
        assert provider.in_flight == 0
        await here.store.write(projects.delete, "p")
        assert await here.store.read(jobs.get, job.id) is None
        assert {entry.state for entry in await here.entries()} == {"unknown"}


async def test_rows_of_a_job_that_vanishes_while_it_runs_are_still_paid_for(tmp_path: Path) -> None:
    waiting = asyncio.Event()
    provider = PromptedProvider(script=lambda prompt: answers(waiting))
    async with works(tmp_path, provider=provider) as here:
        job = await here.submit("One")
        await here.engine.start(job.id)
        async with asyncio.timeout(60):
            await provider.begun.wait()
        await here.store.write(jobs.delete, job.id)
        waiting.set()
        async with asyncio.timeout(60):
            await here.engine.finished(job.id)
        assert [(entry.state, entry.cost_usd) for entry in await here.entries()] == [("settled", COST_USD)]


@pytest.mark.parametrize("turns_later", [1, 2, 4])
async def test_a_cancel_that_comes_right_after_a_start_is_the_last_word(
    tmp_path: Path, turns_later: int
) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One", "Two")
        starting = asyncio.create_task(here.engine.start(job.id))
        for _ in range(turns_later):
            await asyncio.sleep(0)
        cancelled = await here.engine.cancel(job.id)
        await starting
        job = await here.ended(job.id)
        assert (cancelled.status, job.status) == ("cancelled", "cancelled")
        assert await here.statuses(job.id) == ["cancelled", "cancelled"]
        assert await here.reserved() == 0
        assert here.provider.sent == []


async def test_a_start_whose_request_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One", "Two")

        starting = asyncio.create_task(here.engine.start(job.id))
        while not starting.done() and (await here.job(job.id)).status == "pending":
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait({starting})
        # It ran to its end before, or it was taken back.
        assert (await here.ended(job.id)).status != "processing"
        assert await here.reserved() == 0


async def test_cancelling_a_job_that_the_budget_is_stopping_cancels_it(tmp_path: Path) -> None:
    gate = asyncio.Event()
    dear = Usage(in_uncached=10_000_000, out_visible=1, prompt_total=10_000_000)

    def script(prompt: str) -> list[Step]:
        return answers(*([gate] if prompt == "slow" else []), usage=dear)

    async with works(tmp_path, provider=PromptedProvider(script=script)) as here:
        await here.settings.save("monthlyBudgetUSD", 5)
        job = await here.submit("slow", *(f"row {number}" for number in range(9)), maxOutputTokens=10)
        await here.engine.start(job.id, concurrency=2)
        async with asyncio.timeout(60):
            while "success" not in await here.statuses(job.id):
                await asyncio.sleep(0)
        for _ in range(20):
            await here.statuses(job.id)
        job = await here.engine.cancel(job.id)
        statuses = await here.statuses(job.id)
    assert (job.status, job.error) == ("cancelled", None)
    assert set(statuses) == {"success", "cancelled"}


async def test_a_batch_that_met_a_full_disk_says_so_once_there_is_room_and_can_be_started_again(
    tmp_path: Path,
) -> None:
    async with works(tmp_path) as here:
        job = await here.submit("One", "Two")
        await here.engine.start(job.id)
        here.store.full = True
        waiting = asyncio.create_task(here.ended(job.id))
        # Two rows could not begin, nor draw the salt for the mark of their key before that, nor the job end.
        async with asyncio.timeout(60):
            while here.store.refused < 5:
                await asyncio.sleep(0)
        assert not waiting.done()
        here.store.full = False
        stopped = await waiting
        assert (stopped.status, stopped.error_kind) == ("failed", "storage_error")
        assert here.provider.sent == []
        assert (await here.ran(stopped)).status == "completed"
        assert sorted(here.provider.sent) == ["One", "Two"]


async def test_what_was_paid_for_is_stored_however_long_the_disk_refuses_it() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def write() -> str:
        if len(waited) < 500:
            raise Failure("storage_error", "The disk is full.", retryable=True)
        return "stored"

    assert await write_when_possible(write, sleep) == "stored"
    assert (waited[0], max(waited)) == (0.2, 10.0)
