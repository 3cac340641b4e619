"""Rows that were answered before: known again, told with the estimate, and free where that is wanted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch import external_jobs
from sidecar.batch.files.export_rows import export_job
from sidecar.batch.row import request_fingerprint
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Turn
from sidecar.providers.batches import BatchLimits
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import jobs, projects
from tests.helpers.asking import Clock
from tests.helpers.local_batches import COST_USD, MODEL, PromptedProvider, answers, works
from tests.helpers.native_batches import Vendor, native_works

REQUEST = ChatRequest("gpt-4o", (Turn("user", "Hi"),), temperature=0.5)
ROWS = [
    {"id": name, "prompt": f"Tell {{{{x}}}} of {name}", "model": MODEL, "data": {"x": "me"}} for name in "abc"
]


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, model="gpt-4o-mini"),
        replace(REQUEST, turns=(Turn("user", "Ho"),)),
        replace(REQUEST, system="Be brief."),
        replace(REQUEST, developer="Be brief."),
        replace(REQUEST, temperature=None),
        replace(REQUEST, max_output_tokens=5),
        replace(REQUEST, json_mode=True),
        replace(REQUEST, json_schema={"type": "object"}),
        replace(REQUEST, web_search_max_uses=5),
        replace(REQUEST, thinking=True),
        replace(REQUEST, effort="low"),
    ],
)
def test_a_question_that_may_be_answered_otherwise_is_another_one(other: ChatRequest) -> None:
    assert request_fingerprint("openai", other) != request_fingerprint("openai", REQUEST)


def test_who_named_an_option_and_how_the_prompt_is_cached_makes_no_other_question() -> None:
    same = replace(REQUEST, asked=frozenset({"temperature"}), cache_ttl="1h")
    assert request_fingerprint("openai", same) == request_fingerprint("openai", REQUEST)
    assert request_fingerprint("house", REQUEST) != request_fingerprint("openai", REQUEST)
    assert request_fingerprint("openai", replace(REQUEST, system="\ud83d"))


async def test_an_estimate_says_which_rows_the_project_has_an_answer_to(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.ran(await here.intake.submit("p", ROWS[:2], ""))
        found = await here.intake.estimate([*ROWS, {**ROWS[0], "id": "warm", "temperature": 1}], "p")
        assert found.answered == ["a", "b"]
        (local,) = found.ways
        assert local.sum.expected_usd == sum(each.local.expected_usd for _, each in found.rows if each.local)
        sent = [
            each.local.expected_usd for row_id, each in found.rows if each.local and row_id in ("c", "warm")
        ]
        assert local.sum.reusing_usd == sum(sent)
        with pytest.raises(Failure) as raised:
            await here.intake.estimate(ROWS, "no such project")
        assert raised.value.kind == "not_found"


async def test_answers_that_are_reused_are_neither_sent_nor_paid_again(tmp_path: Path) -> None:
    async with works(
        tmp_path, provider=PromptedProvider(script=lambda prompt: answers(text=f"Re: {prompt}"))
    ) as here:
        first = await here.ran(await here.intake.submit("p", ROWS[:2], ""))
        job = await here.intake.submit("p", ROWS, "", reuse=True)
        assert (job.status, job.completed_rows, job.total_rows) == ("pending", 2, 3)
        asked = len(here.provider.sent)
        job = await here.ran(job)
        rows, earlier = await here.rows(job.id), await here.rows(first.id)
    assert here.provider.sent[asked:] == ["Tell me of c"]
    assert (job.status, job.completed_rows, job.failed_rows, job.cost_usd) == ("completed", 3, 0, COST_USD)
    assert [row.response for row in rows] == [f"Re: Tell me of {name}" for name in "abc"]
    assert [row.attempts for row in rows] == [0, 0, 1]
    assert [(row.tokens_in, row.tokens_out, row.finish_reason) for row in rows[:2]] == [
        (row.tokens_in, row.tokens_out, row.finish_reason) for row in earlier
    ]


async def test_a_batch_that_is_answered_whole_ends_at_once_and_holds_back_nothing(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.ran(await here.intake.submit("p", ROWS, ""))
        await here.settings.save("monthlyBudgetUSD", 0.02)
        asked = len(here.provider.sent)
        job = await here.ran(await here.intake.submit("p", ROWS, "", reuse=True))
        assert (job.status, job.completed_rows, job.cost_usd) == ("completed", 3, Decimal(0))
        assert job.estimate is not None
        assert Decimal(job.estimate["highUSD"]) == 0
        assert len(here.provider.sent) == asked


async def test_nothing_is_reused_that_nobody_wanted_reused_or_that_is_another_projects(
    tmp_path: Path,
) -> None:
    async with works(tmp_path) as here:
        await here.store.write(projects.create, "q", "Other", now=0)
        await here.ran(await here.intake.submit("p", ROWS, ""))
        asked = len(here.provider.sent)
        await here.ran(await here.intake.submit("p", ROWS, ""))
        await here.ran(await here.intake.submit("q", ROWS, "", reuse=True))
        assert len(here.provider.sent) == asked + 2 * len(ROWS)


async def test_a_setting_that_changed_since_makes_it_another_question(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.ran(await here.intake.submit("p", ROWS, ""))
        await here.settings.save("maxOutputTokens", 100)
        assert (await here.intake.estimate(ROWS, "p")).answered == []
        # It was submitted before the setting changed, and sent afterwards: the name is that of what was sent.
        job = await here.intake.submit("p", ROWS, "")
        await here.settings.save("maxOutputTokens", 200)
        await here.ran(job)
        assert (await here.intake.estimate(ROWS, "p")).answered == ["a", "b", "c"]


async def test_a_failed_row_is_no_answer(tmp_path: Path) -> None:
    refused = Failure("provider_rejected", "The API refused.")
    async with works(tmp_path, provider=PromptedProvider(script=lambda prompt: [refused])) as here:
        await here.ran(await here.intake.submit("p", ROWS, ""))
        assert (await here.intake.estimate(ROWS, "p")).answered == []


async def test_a_native_batch_sends_what_is_not_answered_and_says_when_it_would_end(tmp_path: Path) -> None:
    vendor = Vendor(limits=BatchLimits(rows=100, bytes=1_000_000))
    async with native_works(tmp_path, vendor) as here:
        submitted: list[Any] = [ROWS[:2], ROWS]
        for given in submitted:
            job, _ = await here.native.submit("p", given, "openai", "", reuse=True)
            job = await here.ended(job.id)
        assert [len(held.rows) for held in vendor.held.values()] == [2, 1]
        assert (job.status, job.completed_rows) == ("completed", 3)
        found = await here.intake.estimate(ROWS, "p")
        assert [(way.mode, way.provider, way.within_hours) for way in found.ways] == [
            ("local", None, None),
            ("native", "openai", 24),
        ]
        assert [way.sum.reusing_usd for way in found.ways] == [0, 0]
        with pytest.raises(Failure) as raised:
            await here.native.submit("p", ROWS, "openai", "", reuse=True)
        assert raised.value.kind == "conflict"
        assert len(await here.parts(job.id)) == 1
    assert vendor.calls.count("create") == 2


async def test_where_the_rows_left_cannot_be_sent_the_reason_is_theirs(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor(limits=BatchLimits(rows=100, bytes=300))) as here:
        first, _ = await here.native.submit("p", ROWS[:1], "openai", "")
        await here.ended(first.id)
        too_long = {"prompt": "long " * 100, "model": MODEL}
        with pytest.raises(Failure) as raised:
            await here.native.submit("p", [ROWS[0], too_long], "openai", "", reuse=True)
    assert "longer than a batch" in raised.value.message


async def test_a_part_that_is_sent_again_under_other_settings_answers_the_question_of_those(
    tmp_path: Path,
) -> None:
    vendor = Vendor(limits=BatchLimits(rows=1, bytes=1_000_000), hang_at="upload")
    clock = Clock()
    async with native_works(tmp_path, vendor, clock=clock) as here:
        submitting = asyncio.create_task(here.native.submit("p", ROWS[:1], "openai", ""))
        await vendor.hanging.wait()
        submitting.cancel()
        await here.settings.save("maxOutputTokens", 77)
        job_id = (await here.only_job()).id
    vendor.hang_at = None
    async with native_works(tmp_path, vendor, clock=clock) as here:
        await here.ended(job_id)
        assert (await here.intake.estimate(ROWS, "p")).answered == ["a"]
        await here.settings.save("maxOutputTokens", 8_192)
        assert (await here.intake.estimate(ROWS, "p")).answered == []


async def test_what_the_renderer_says_of_a_row_is_no_answer_to_what_was_submitted(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.ran(await here.intake.submit("p", ROWS[:1], ""))
        job = await here.intake.submit("p", ROWS, "", reuse=True)
        told = external_jobs.RowUpdate("success", prompt="Something else", response="Its answer")
        await here.store.write(
            external_jobs.update_row,
            CurrentProject(here.store, lambda: "q", here.clock),
            job.id,
            "b",
            told,
            0,
        )
        assert (await here.intake.estimate(ROWS, "p")).answered == ["a"]


async def test_answers_that_are_there_already_need_no_key(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        await here.ran(await here.intake.submit("p", ROWS[:2], ""))
    async with works(tmp_path, keys={}) as here:
        job = await here.ran(await here.intake.submit("p", ROWS[:2], "", reuse=True))
        assert (job.status, job.completed_rows) == ("completed", 2)
        with pytest.raises(Failure) as raised:
            await here.intake.submit("p", ROWS, "", reuse=True)
        assert raised.value.kind == "missing_api_key"
        listed = await here.store.read(jobs.list_page, "p", 10)
        assert listed is not None
        assert len(listed) == 2


async def test_a_reused_answer_is_exported_as_free_and_an_unknown_cost_as_unknown(tmp_path: Path) -> None:
    target, data = tmp_path / "out.json", tmp_path / "data"
    data.mkdir()
    unanswered = OutcomeUnknown("timeout", "It did not answer.")
    script = {"Tell me of c": [unanswered]}
    provider = PromptedProvider(script=lambda prompt: script.get(prompt) or answers())
    async with works(data, provider=provider) as here:
        await here.ran(await here.intake.submit("p", ROWS[:1], ""))
        job = await here.ran(await here.intake.submit("p", ROWS, "", reuse=True))
        await export_job(here.store, tmp_path / "data", job.id, str(target), "json")
    assert [row["cost_usd"] for row in json.loads(target.read_text())] == [0, 0.0045, None]
