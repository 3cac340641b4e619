from __future__ import annotations

import asyncio
import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.batch.native import interruptions, transactions
from sidecar.errors import Failure
from sidecar.providers.base import Done
from sidecar.providers.batches import BatchLimits, BatchResult
from sidecar.store import jobs, ledger_sums, projects, unheard_stops, vendor_batches
from tests.helpers.native_batches import MODEL, USAGE, NativeWorks, Vendor, answer, native_works, on_disk

# 1,000 tokens in and 200 out of gpt-4o at half its price: 0.00125 + 0.001 dollars.
COST_USD = Decimal("0.00225")


async def test_a_job_is_sent_followed_collected_and_priced_as_a_batch(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=3, checks_to_results=3)) as here:
        job = await here.ended((await here.submit("One", "Two", "Three")).id)
        rows, entries = await here.rows(job.id), await here.entries()
        (part,) = await here.parts(job.id)
    assert (job.mode, job.status, job.completed_rows, job.failed_rows) == ("native", "completed", 3, 0)
    assert [(row.prompt, row.response, row.status, row.attempts) for row in rows] == [
        ("One", "Re: One", "success", 1),
        ("Two", "Re: Two", "success", 1),
        ("Three", "Re: Three", "success", 1),
    ]
    assert job.cost_usd == 3 * COST_USD == sum(row.cost_usd or 0 for row in rows)
    assert [(entry.state, entry.kind, entry.batch_rate, entry.cost_usd) for entry in entries] == [
        ("settled", "batch", True, COST_USD)
    ] * 3
    assert (part.state, part.vendor_status, part.rows) == ("collected", "completed", 3)
    assert here.vendor.calls[:4] == ["upload", "create", "created", "check"]


async def test_every_step_is_on_the_disk_before_the_next_one_is_taken(tmp_path: Path) -> None:
    seen: dict[str, tuple[str, bool, bool, list[str]]] = {}

    def look(call: str) -> None:
        ((state, file_id, sent),) = on_disk(
            tmp_path, "SELECT state, input_file_id, submitted_at FROM batch_parts"
        )
        states = [row[0] for row in on_disk(tmp_path, "SELECT state FROM ledger")]
        seen.setdefault(call, (state, file_id is not None, sent is not None, states))

    async with native_works(tmp_path, Vendor(look=look)) as here:
        await here.ended((await here.submit("One", "Two")).id)
    assert seen["upload"] == ("intent", False, False, ["intent"] * 2)
    assert seen["create"] == ("intent", True, True, ["intent"] * 2)
    assert seen["check"][0] == "submitted"
    assert seen["results"][0] == "ended"
    assert seen["results-read"][3] == ["intent"] * 2  # the first page is not full yet


async def test_a_job_larger_than_the_vendor_takes_travels_in_parts_and_is_one_job(tmp_path: Path) -> None:
    vendor = Vendor(limits=BatchLimits(rows=2, bytes=1_000_000))
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit(*"ABCDE")).id)
        found = await here.parts(job.id)
        rows = await here.rows(job.id)
    assert sorted(part.rows for part in found) == [1, 2, 2]
    assert (job.status, job.completed_rows, job.cost_usd) == ("completed", 5, 5 * COST_USD)
    assert [row.response for row in rows] == [f"Re: {letter}" for letter in "ABCDE"]
    assert len(set(vendor.created)) == len(vendor.created) == 3


async def test_parts_hold_one_model_each_where_the_vendor_wants_it_so(tmp_path: Path) -> None:
    async with native_works(tmp_path) as here:
        given = [
            {"prompt": str(number), "model": f"openai/{model}"}
            for number, model in enumerate(["gpt-4o", "gpt-4.1", "gpt-4o", "gpt-4.1"])
        ]
        job, _ = await here.native.submit("p", given, "openai", "")
        job = await here.ended(job.id)
        assert sorted(part.model or "" for part in await here.parts(job.id)) == ["gpt-4.1", "gpt-4o"]
        assert job.completed_rows == 4


async def test_a_row_that_fits_into_no_batch_fails_alone(tmp_path: Path) -> None:
    vendor = Vendor(limits=BatchLimits(rows=10, bytes=1_000_000, row_bytes=200))
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One", "long " * 100)).id)
        first, second = await here.rows(job.id)
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 1, 1)
    assert (first.status, second.status, second.error_kind) == ("success", "error", "invalid_params")


async def test_a_job_that_cannot_be_sent_for_a_fault_of_the_disk_is_not_left_running(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor()) as here:
        await here.store.write(
            lambda conn: (
                conn.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON batch_parts BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
                and None
            )
        )
        with pytest.raises(Failure) as raised:
            await here.submit("One")
        job = await here.only_job()
        assert (raised.value.kind, job.status, job.error_kind) == (
            "internal_error",
            "failed",
            "internal_error",
        )
        assert await here.store.read(ledger_sums.reserved) == 0
        await here.store.write(lambda conn: conn.execute("DROP TRIGGER full") and None)
        await here.native.start(job.id)
        job = await here.ended(job.id)
    assert (job.status, job.completed_rows) == ("completed", 1)


def outcomes_of(**each: BatchResult | None):  # type: ignore[no-untyped-def]
    def outcome(custom_id: str, prompt: str) -> BatchResult | None:
        came = each.get(prompt, answer(custom_id, prompt))
        return replace(came, custom_id=custom_id) if came is not None else None

    return outcome


async def test_rows_that_failed_expired_or_were_cancelled_are_told_apart_and_cost_nothing(
    tmp_path: Path,
) -> None:
    refused = BatchResult("", failure=Failure("provider_rejected", "The row was refused."))
    vendor = Vendor(
        outcome=outcomes_of(
            refused=refused,
            expired=BatchResult("", never_ran="expired"),
            cancelled=BatchResult("", never_ran="cancelled"),
        )
    )
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("fine", "refused", "expired", "cancelled")).id)
        rows = {row.prompt: row for row in await here.rows(job.id)}
        states = {entry.row_id: entry.state for entry in await here.entries()}
    assert {name: row.status for name, row in rows.items()} == {
        "fine": "success",
        "refused": "error-api",
        "expired": "error-api",
        "cancelled": "cancelled",
    }
    assert (rows["expired"].error_kind, rows["refused"].error_message) == ("timeout", "The row was refused.")
    assert [states[rows[name].id] for name in ("refused", "expired", "cancelled")] == ["failed"] * 3
    assert [rows[name].cost_usd for name in ("refused", "expired", "cancelled")] == [Decimal(0)] * 3
    assert job.cost_usd == COST_USD


async def test_answers_of_a_model_that_was_taken_out_of_the_catalogue_meanwhile_are_kept(
    tmp_path: Path,
) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=3), poll_ms=1) as here:
        job = await here.submit("One")
        await here.store.write(_rename_models, "openai/of-my-own")
        job = await here.ended(job.id)
        (row,), (entry,) = await here.rows(job.id), await here.entries()
    assert (row.status, row.response, row.tokens_out) == ("success", "Re: One", 200)
    assert (row.cost_usd, entry.state, entry.cost_usd) == (None, "settled", None)


def _rename_models(conn: sqlite3.Connection, name: str) -> None:
    """As if its row in models.json were gone."""
    conn.execute("UPDATE batch_results SET model = ?", (name,))


async def test_a_failed_row_that_was_billed_is_paid_for(tmp_path: Path) -> None:
    blocked = BatchResult(
        "",
        "No",
        done=Done("content_filter", USAGE, "gpt-4o"),
        failure=Failure("content_filtered", "It was blocked."),
    )
    async with native_works(tmp_path, Vendor(outcome=outcomes_of(bad=blocked))) as here:
        job = await here.ended((await here.submit("bad")).id)
        (row,), (entry,) = await here.rows(job.id), await here.entries()
    assert (row.status, row.response, row.cost_usd) == ("error-api", "No", COST_USD)
    assert (entry.state, job.cost_usd) == ("settled", COST_USD)


async def test_a_row_without_a_result_fails_and_its_cost_stays_unknown(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(outcome=outcomes_of(lost=None))) as here:
        job = await here.ended((await here.submit("fine", "lost")).id)
        rows, entries = await here.rows(job.id), await here.entries()
    assert [row.status for row in rows] == ["success", "error-api"]
    assert sorted(entry.state for entry in entries) == ["settled", "unknown"]
    assert (job.completed_rows, job.failed_rows) == (1, 1)


async def test_a_batch_that_failed_at_its_vendor_fails_its_rows_for_its_reason(tmp_path: Path) -> None:
    vendor = Vendor(outcome=lambda custom_id, prompt: None, word_at_end="failed", error="line 1: bad model")
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One")).id)
        (row,), (entry,) = await here.rows(job.id), await here.entries()
    assert (row.status, entry.state) == ("error-api", "failed")
    assert "line 1: bad model" in (row.error_message or "")
    assert (job.completed_rows, job.failed_rows, job.cost_usd) == (0, 1, Decimal(0))


async def test_json_rows_are_held_against_their_schema(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    texts = {"good": '{"n": 1}', "bad": '{"n": "one"}'}

    def outcome(custom_id: str, prompt: str) -> BatchResult:
        return BatchResult(custom_id, texts[prompt], done=Done("stop", USAGE))

    async with native_works(tmp_path, Vendor(outcome=outcome)) as here:
        job = await here.ended((await here.submit("good", "bad", jsonSchema=schema)).id)
        good, bad = await here.rows(job.id)
    assert (good.status, bad.status, bad.error_kind) == ("success", "error", "invalid_output")
    assert bad.response == '{"n": "one"}'
    assert job.cost_usd == 2 * COST_USD


async def test_an_ended_batch_without_results_is_asked_again_until_they_are_there(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1, checks_to_results=4)) as here:
        job = await here.ended((await here.submit("One")).id)
        assert job.completed_rows == 1
        assert here.vendor.calls.count("check") == 4
        assert here.vendor.calls.count("results") == 1


async def test_results_that_break_off_are_kept_and_the_rest_is_fetched_later(tmp_path: Path) -> None:
    vendor = Vendor(limits=BatchLimits(rows=1_000, bytes=1_000_000), cut_results_after=[250])
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit(*(f"row {n}" for n in range(300)))).id)
        rows = await here.rows(job.id)
    assert vendor.calls.count("results") == 2
    assert (job.completed_rows, job.cost_usd) == (300, 300 * COST_USD)
    assert {row.response for row in rows} == {f"Re: row {n}" for n in range(300)}


async def test_polling_begins_after_a_second_and_grows_to_five_minutes(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=11, checks_to_results=11)) as here:
        await here.ended((await here.submit("One")).id)
        assert here.waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_polling_can_be_fixed_and_obeys_what_the_vendor_asks_for(tmp_path: Path) -> None:
    slow = Failure("rate_limited", "Too much.", retryable=True, retry_after_ms=90_000)
    vendor = Vendor(checks_to_end=3, checks_to_results=3, check_problems=[None, slow])
    async with native_works(tmp_path, vendor, poll_ms=500) as here:
        await here.ended((await here.submit("One")).id)
        assert here.waits == [0.5, 0.5, 90, 0.5]


async def test_what_hinders_the_polling_stands_with_the_job_until_it_is_over(tmp_path: Path) -> None:
    errors: list[str | None] = []

    def look(call: str) -> None:
        if call == "check":
            errors.append(on_disk(tmp_path, "SELECT error FROM batch_jobs")[0][0])

    refused = Failure("invalid_api_key", "The key was refused.")
    vendor = Vendor(checks_to_end=2, checks_to_results=2, check_problems=[refused], look=look)
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One")).id)
        assert here.refused_keys == ["openai"]
    assert errors == [None, "The key was refused.", None]
    assert (job.status, job.error) == ("completed", None)


async def test_what_is_said_of_a_part_before_the_last_is_sent_stays_and_what_hindered_the_sending_goes(
    tmp_path: Path,
) -> None:
    async with native_works(tmp_path, Vendor(hang_at="check")) as here:
        job = await here.submit("One")
        await here.vendor.hanging.wait()
        await here.store.write(jobs.note, job.id, "processing", "The key was refused.", "invalid_api_key")
        kept = await here.store.write(transactions.all_sent, job.id, "There was no room.", here.clock.ms)
        gone = await here.store.write(transactions.all_sent, job.id, "The key was refused.", here.clock.ms)
    assert kept is not None
    assert gone is not None
    assert (kept.error, gone.error) == ("The key was refused.", None)


async def test_progress_is_told_and_always_at_the_end(tmp_path: Path) -> None:
    async with native_works(tmp_path) as here:
        job = await here.ended((await here.submit("One", "Two")).id)
        async with asyncio.timeout(60):
            # It is told as soon as it is stored, which may be seen before.
            while here.told[-1].job.status != "completed":
                await asyncio.sleep(0)
        last = here.told[-1]
    assert (last.job.id, last.job.status, last.job.completed_rows, last.percentage) == (
        job.id,
        "completed",
        2,
        100,
    )


async def test_the_end_of_a_job_is_told_once(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[NO])) as here:
        job_id = await refused(here)
        assert [told.job.status for told in here.told] == ["processing", "failed"]
        await here.native.start(job_id, retry_failed=True)
        await here.ended(job_id)
        for _ in range(50):
            await here.job(job_id)
        assert [told.job.status for told in here.told].count("completed") == 1
        assert here.told[-1].job.status == "completed"


async def test_what_comes_of_a_cancelled_job_is_told_no_oftener_than_of_any_other(tmp_path: Path) -> None:
    vendor = Vendor(limits=BatchLimits(rows=5_000, bytes=1_000_000), checks_to_end=3)
    async with native_works(tmp_path, vendor, poll_ms=0) as here:
        job = await here.submit(*(f"row {number}" for number in range(1_500)))
        begun = asyncio.get_running_loop().time()
        await here.native.cancel(job.id)
        job = await here.ended(job.id)
        tenths = (asyncio.get_running_loop().time() - begun) * 10
        async with asyncio.timeout(60):
            while here.told[-1].job.completed_rows < job.completed_rows:
                await asyncio.sleep(0)
    cancelled = [told for told in here.told if told.job.status == "cancelled"]
    assert 1 <= len(cancelled) <= tenths + 2
    assert cancelled[-1].job.completed_rows == job.completed_rows == 1_500


async def test_a_cancelled_job_asks_its_vendor_to_stop_and_keeps_what_has_run(tmp_path: Path) -> None:
    vendor = Vendor(
        checks_to_end=1_000_000,
        checks_to_results=0,
        outcome=outcomes_of(Two=BatchResult("", never_ran="cancelled")),
    )
    async with native_works(tmp_path, vendor) as here:
        job = await here.submit("One", "Two")
        assert (await here.native.cancel(job.id)).status == "cancelled"
        job = await here.ended(job.id)
        rows = await here.rows(job.id)
        with pytest.raises(Failure, match="ended already"):
            await here.native.cancel(job.id)
    assert vendor.calls.count("cancel") == 1
    assert [row.status for row in rows] == ["success", "cancelled"]
    assert (job.status, job.completed_rows, job.cost_usd) == ("cancelled", 1, COST_USD)


async def test_the_rows_of_a_cancelled_job_can_be_started_again(tmp_path: Path) -> None:
    vendor = Vendor(
        checks_to_end=1_000_000,
        checks_to_results=0,
        outcome=outcomes_of(Two=BatchResult("", never_ran="cancelled")),
    )
    async with native_works(tmp_path, vendor) as here:
        job = await here.submit("One", "Two")
        await here.native.cancel(job.id)
        await here.ended(job.id)
        vendor.checks_to_end, vendor.outcome = 1, answer
        await here.native.start(job.id)
        job = await here.ended(job.id)
        rows = await here.rows(job.id)
    assert [(row.status, row.attempts) for row in rows] == [("success", 1), ("success", 2)]
    assert (job.status, job.completed_rows, job.cost_usd) == ("completed", 2, 2 * COST_USD)


async def test_failed_rows_are_sent_again_as_a_new_part(tmp_path: Path) -> None:
    vendor = Vendor(outcome=outcomes_of(Two=BatchResult("", never_ran="expired")))
    async with native_works(tmp_path, vendor) as here:
        job = await here.ended((await here.submit("One", "Two")).id)
        assert job.failed_rows == 1
        vendor.outcome = answer
        await here.native.start(job.id, retry_failed=True)
        job = await here.ended(job.id)
        found = await here.parts(job.id)
        with pytest.raises(Failure, match="has ended"):
            await here.native.start(job.id)
    assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 2, 0)
    assert [part.rows for part in found] == [2, 1]
    assert len(set(vendor.created)) == 2


async def test_a_running_job_cannot_be_started_again(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1_000_000)) as here:
        job = await here.submit("One")
        with pytest.raises(Failure, match="running already"):
            await here.native.start(job.id)


async def refused(here: NativeWorks) -> str:
    """A job whose first creation was refused."""
    with pytest.raises(Failure):
        await here.submit("One", "Two")
    return (await here.only_job()).id


NO = ("refused", Failure("provider_rejected", "The file is wrong."))


async def test_two_starts_at_once_are_one_start(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[NO])) as here:
        job_id = await refused(here)
        came = await asyncio.gather(
            *(here.native.start(job_id, retry_failed=True) for _ in range(3)), return_exceptions=True
        )
        assert [each.kind for each in came if isinstance(each, Failure)] == ["conflict", "conflict"]
        assert (await here.ended(job_id)).completed_rows == 2
        assert len(here.vendor.created) == 1


async def test_a_cancel_that_comes_right_after_a_start_is_the_last_word(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(create_problems=[NO])) as here:
        job_id = await refused(here)
        starting = asyncio.create_task(here.native.start(job_id, retry_failed=True))
        await asyncio.sleep(0)
        await here.native.cancel(job_id)
        await starting
        job = await here.ended(job_id)
        assert job.status == "cancelled"
        assert [row.status for row in await here.rows(job_id)] == ["cancelled", "cancelled"]
        assert not here.vendor.created


async def test_models_that_the_provider_does_not_batch_are_named(tmp_path: Path) -> None:
    async with native_works(tmp_path) as here:
        with pytest.raises(Failure) as raised:
            await here.submit("One", model="anthropic/claude-opus-4-8")
        with pytest.raises(Failure) as nobody:
            await here.native.submit("p", [{"prompt": "x", "model": MODEL}], "ollama", "")
    assert raised.value.kind == nobody.value.kind == "unsupported"
    assert "anthropic/claude-opus-4-8" in raised.value.message
    assert here.vendor.calls == []


async def test_a_job_above_the_months_budget_sends_nothing(tmp_path: Path) -> None:
    async with native_works(tmp_path) as here:
        await here.settings.save("monthlyBudgetUSD", 0.000001)
        with pytest.raises(Failure) as raised:
            await here.submit("One")
        job = await here.only_job()
        await here.settings.save("monthlyBudgetUSD", 100)
        await here.native.start(job.id)
        job = await here.ended(job.id)
        assert await here.store.read(ledger_sums.reserved) == 0
    assert raised.value.kind == "budget_exceeded"
    assert (job.status, job.completed_rows) == ("completed", 1)


async def test_the_budget_holds_what_the_rows_may_cost_until_they_are_settled(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1_000_000)) as here:
        await here.submit("One", "Two")
        entries = await here.entries()
        held = await here.store.read(ledger_sums.reserved)
    assert held == sum((entry.estimate_usd or Decimal(0) for entry in entries), Decimal(0)) > 0
    # A few tokens in, and the 8,192 that the settings let it write, at half of gpt-4o's price.
    assert Decimal("0.04096") < (entries[0].estimate_usd or 0) < Decimal("0.04100")


async def test_results_by_the_vendors_id_have_their_custom_ids_and_wait_for_the_end(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1_000_000)) as here:
        job = await here.submit("One", "Two")
        (part,) = await here.parts(job.id)
        assert part.native_id is not None
        with pytest.raises(Failure, match="in_progress"):
            await here.native.sent.results("openai", part.native_id)
        here.vendor.checks_to_end = 1
        async with asyncio.timeout(60):
            rows = await here.native.sent.results("openai", part.native_id)
        with pytest.raises(Failure, match="No batch with the id"):
            await here.native.sent.results("openai", "batch-unknown")
        assert (await here.native.sent.status("openai", part.native_id)).word == "completed"
    assert [row.prompt for row in rows] == ["One", "Two"]
    assert len({row.custom_id for row in rows}) == 2


async def test_deleting_its_project_stops_a_batch_at_the_vendor(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1_000_000)) as here:
        await here.submit("One")
        await here.native.cancel_project("p")
        await here.store.write(projects.delete, "p")
        assert [entry.state for entry in await here.entries()] == ["unknown"]
        assert await here.store.read(vendor_batches.open_parts) == []
    assert "cancel" in here.vendor.calls


async def test_a_vendor_that_does_not_hear_of_a_deletion_is_asked_to_stop_until_it_does_over_a_restart(
    tmp_path: Path,
) -> None:
    class Deaf(Vendor):
        kinds = itertools.cycle(("provider_unavailable", "not_found"))
        hears = False

        async def cancel(self, key, native_id):  # type: ignore[no-untyped-def]
            if not self.hears:
                raise Failure(next(self.kinds), "Not now.")
            await super().cancel(key, native_id)

    vendor = Deaf(checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor) as here:
        await here.submit("One")
        await here.native.cancel_project("p")
        await here.store.write(projects.delete, "p")
        assert len(await here.store.read(unheard_stops.waiting)) == 1
    vendor.hears = True
    async with native_works(tmp_path, vendor) as here, asyncio.timeout(60):
        while await here.store.read(unheard_stops.waiting):
            await asyncio.sleep(0)
    assert [held.cancelled for held in vendor.held.values()] == [True]


async def test_a_batch_that_had_ended_before_its_project_was_deleted_is_not_asked_for_again(
    tmp_path: Path,
) -> None:
    class Ended(Vendor):
        async def cancel(self, key, native_id):  # type: ignore[no-untyped-def]
            self.held[native_id].checks = self.checks_to_end
            raise Failure("provider_rejected", "It has ended.")

    async with native_works(tmp_path, Ended(checks_to_end=1_000_000)) as here:
        await here.submit("One")
        await here.native.cancel_project("p")
        assert await here.store.read(unheard_stops.waiting) == []


async def test_deleting_its_project_sends_no_further_part_of_a_batch(tmp_path: Path) -> None:
    class Slow(Vendor):
        uploads = 0

        async def upload(self, key, part):  # type: ignore[no-untyped-def]
            self.uploads += 1
            if self.uploads == 2:
                self.hanging.set()
                await stopping.wait()
            return await super().upload(key, part)

        async def cancel(self, key, native_id):  # type: ignore[no-untyped-def]
            await super().cancel(key, native_id)
            stopping.set()
            # Long enough for what was being uploaded to be created, and the next part after it.
            for _ in range(200):
                await asyncio.sleep(0)

    stopping = asyncio.Event()
    vendor = Slow(limits=BatchLimits(rows=1, bytes=1_000_000), checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor) as here:
        await here.submit("One", "Two", "Three")
        await vendor.hanging.wait()
        await here.native.cancel_project("p")
        await here.store.write(projects.delete, "p")
        for _ in range(200):
            await here.store.read(ledger_sums.reserved)
        assert len(vendor.held) == 1
        assert all(held.cancelled for held in vendor.held.values())
        assert [entry.state for entry in await here.entries()] == ["unknown", "failed"]
        assert await here.store.read(ledger_sums.reserved) == 0


async def test_a_creation_under_way_when_its_project_is_deleted_is_stopped_at_the_vendor(
    tmp_path: Path,
) -> None:
    class Slow(Vendor):
        async def create(self, key, part):  # type: ignore[no-untyped-def]
            self.hanging.set()
            await answering.wait()
            return await super().create(key, part)

    answering, vendor = asyncio.Event(), Slow(checks_to_end=1_000_000)
    async with native_works(tmp_path, vendor) as here:
        submitting = asyncio.create_task(here.submit("One"))
        await vendor.hanging.wait()
        deleting = asyncio.create_task(here.native.cancel_project("p"))
        for _ in range(50):
            await here.store.read(ledger_sums.reserved)
        answering.set()
        await deleting
        await here.store.write(projects.delete, "p")
        await asyncio.gather(submitting, return_exceptions=True)
        assert [held.cancelled for held in vendor.held.values()] == [True]


async def test_a_part_at_work_in_two_deaths_in_a_row_is_left_alone_until_the_person_starts_it(
    tmp_path: Path,
) -> None:
    async with native_works(tmp_path, Vendor(checks_to_end=1_000_000)) as here:
        held = here.vendor.held
        job = await here.submit("One")
        (part,) = await here.parts(job.id)
    for deaths in (1, 2):
        with closing(sqlite3.connect(tmp_path / "abai.db")) as conn, conn:
            conn.execute("UPDATE batch_parts SET at_work = 1")
        async with native_works(tmp_path, Vendor(checks_to_end=1_000_000, held=held)) as here:
            await here.native.resumption.over()
            assert [each.interruptions for each in await here.parts(job.id)] == [deaths]
            told = await here.store.read(jobs.get, job.id)
    assert told is not None
    assert (told.status, told.error) == ("pending", interruptions.SET_ASIDE)
    assert here.vendor.calls == []
    async with native_works(tmp_path, Vendor(checks_to_end=0, held=held)) as here:
        await here.native.start(job.id)
        assert (await here.ended(job.id)).completed_rows == 1
        (part,) = await here.parts(job.id)
    assert (part.state, part.interruptions) == ("collected", 0)
