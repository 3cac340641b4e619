from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch.row import Row
from sidecar.batch.validation import MOST_ISSUES
from sidecar.errors import Failure
from sidecar.store import jobs, kv, projects
from tests.helpers.local_batches import MODEL, works

GOOD = {"prompt": "Hello", "model": MODEL}


@pytest.mark.parametrize(
    ("row", "member", "sentence"),
    [
        ({"prompt": "  "}, "prompt", "empty"),
        ({"model": "nobody/nothing"}, "model", "nobody/nothing"),
        ({"jsonSchema": "{"}, "jsonSchema", "JSON schema cannot be used"),
        ({"data": {"jsonSchema": {"type": "no such type"}}}, "jsonSchema", "JSON schema cannot be used"),
    ],
)
async def test_a_row_that_cannot_be_asked_is_named_and_nothing_is_stored(
    tmp_path: Path, row: dict[str, Any], member: str, sentence: str
) -> None:
    async with works(tmp_path) as here:
        with pytest.raises(Failure) as refused:
            await here.intake.submit("p", [GOOD, {**GOOD, **row}], "")
        stored = await here.store.read(jobs.list_page, "p", 10)
    assert refused.value.kind == "invalid_params"
    assert refused.value.issues is not None
    (issue,) = refused.value.issues
    assert issue["path"] == f"rows.1.{member}"
    assert sentence in issue["message"]
    assert "row 2" in refused.value.message
    assert stored == []


UNFILLED = [
    (
        {"prompt": "{{x}}", "data": {"x": " "}},
        "prompt",
        "The prompt is empty once its variables are filled in. Give them words, or leave the row out.",
    ),
    (
        {"prompt": "{{b}} {{a}}", "system": "{{c}}", "data": {"d": 1}},
        "data",
        "Missing template variables: b, a, c",
    ),
]


@pytest.mark.parametrize(("row", "member", "sentence"), UNFILLED)
async def test_a_row_that_cannot_be_filled_fails_alone_and_stays_failed(
    tmp_path: Path, row: dict[str, Any], member: str, sentence: str
) -> None:
    async with works(tmp_path) as here:
        found = await here.intake.estimate([GOOD, {**GOOD, **row, "id": "bad"}, GOOD], "p")
        assert (len(found.rows), found.total.rows, found.unfilled) == (2, 2, [("bad", sentence)])
        job = await here.intake.submit("p", [GOOD, {**GOOD, **row}, GOOD], "")
        assert (job.total_rows, job.failed_rows) == (3, 1)
        job = await here.ran(job)
        assert (job.status, job.completed_rows, job.failed_rows) == ("completed", 2, 1)
        failed = (await here.rows(job.id))[1]
        assert (failed.status, failed.error_kind, failed.error_message) == (
            "error",
            "invalid_params",
            sentence,
        )
        assert len(here.provider.sent) == 2
        job = await here.ran(job, retry_failed=True)
        assert (job.status, job.failed_rows, len(here.provider.sent)) == ("completed", 1, 2)
        assert (await here.rows(job.id))[1].error_message == sentence


@pytest.mark.parametrize(("row", "member", "sentence"), UNFILLED)
async def test_a_batch_of_which_no_row_can_be_filled_is_refused(
    tmp_path: Path, row: dict[str, Any], member: str, sentence: str
) -> None:
    async with works(tmp_path) as here:
        with pytest.raises(Failure) as refused:
            await here.intake.submit("p", [{**GOOD, **row}], "")
    assert refused.value.issues == [{"path": f"rows.0.{member}", "message": sentence}]


@pytest.mark.parametrize("data", [None, {}, {"jsonMode": True}])
async def test_without_data_braces_are_text_and_reach_the_model(tmp_path: Path, data: Any) -> None:
    row = {**GOOD, "prompt": "Explain <p>{{ message }}</p>", "system": "{{x}}", "data": data}
    async with works(tmp_path) as here:
        job = await here.ran(await here.intake.submit("p", [row], ""))
        (stored,) = await here.rows(job.id)
    assert here.provider.sent == ["Explain <p>{{ message }}</p>"]
    assert Row(stored.request or {}).options().system == "{{x}}"


async def test_a_thousand_wrong_rows_do_not_make_a_thousand_sentences(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        with pytest.raises(Failure) as refused:
            await here.intake.submit("p", [{**GOOD, "prompt": ""}] * 1_000, "")
    assert refused.value.issues is not None
    assert len(refused.value.issues) == MOST_ISSUES
    assert refused.value.message.startswith("At least 100 rows")


async def test_the_rows_are_stored_as_given_with_their_prompt_filled_in(tmp_path: Path) -> None:
    given = {**GOOD, "id": "r1", "prompt": "Hi {{who}}", "data": {"who": "Ada"}, "temperature": 0.5}
    async with works(tmp_path) as here:
        job = await here.intake.submit("p", [given, GOOD], "rows.csv")
        first, second = await here.rows(job.id)
        assert await here.store.read(kv.get, "current_project") == "p"
        assert await here.store.read(jobs.get, job.id) == job
    assert (job.status, job.total_rows, job.file_name, job.mode) == ("pending", 2, "rows.csv", "local")
    assert job.estimate is not None
    assert set(job.estimate) == {"totalUSD", "lowUSD", "highUSD", "nativeUSD"}
    assert (first.request, first.prompt, first.status) == (given, "Hi Ada", "pending")
    assert second.request is not None
    assert second.request["id"] == "row-2"


async def test_the_same_ids_may_come_twice_in_a_batch_and_again_in_the_next(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        for _ in range(2):
            job = await here.ran(await here.intake.submit("p", [{**GOOD, "id": "same"}] * 2, ""))
            assert (job.status, job.completed_rows) == ("completed", 2)
            requests = [row.request for row in await here.rows(job.id)]
            assert [request and request["id"] for request in requests] == ["same", "same"]


async def test_a_project_that_is_not_there_takes_no_batch(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        with pytest.raises(Failure) as refused:
            await here.intake.submit("unknown", [GOOD], "")
    assert refused.value.kind == "not_found"


async def test_others_get_their_turn_while_a_large_batch_is_stored(tmp_path: Path) -> None:
    turns = 0
    async with works(tmp_path) as here:

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async with asyncio.timeout(60):
            job = await here.intake.submit("p", [GOOD] * 3_000, "")
        counting.cancel()
        assert len(await here.rows(job.id)) == 3_000
    # At least a turn for every fifty rows, in each of the two passes.
    assert turns >= 2 * 3_000 // 50


async def test_a_submission_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        submitting = asyncio.create_task(here.intake.submit("p", [GOOD] * 5_000, ""))
        async with asyncio.timeout(60):
            while not await here.store.read(_rows_stored):
                await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        assert await here.store.read(_rows_stored) == 0


def _rows_stored(conn: Any) -> int:
    return int(conn.execute("SELECT count(*) FROM batch_results").fetchone()[0])


async def test_rows_with_any_ids_are_all_stored(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        given = ["a#2", "a", "a", "a#2", "\ud800", "\udbff"]
        job = await here.intake.submit("p", [{**GOOD, "id": each} for each in given], "")
        rows = await here.rows(job.id)
        assert [row.request and row.request["id"] for row in rows] == given
        assert (await here.ran(job)).completed_rows == len(given)


async def test_a_project_that_is_deleted_while_its_rows_are_stored_is_missed_by_name(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        submitting = asyncio.create_task(here.intake.submit("p", [GOOD] * 3_000, ""))
        while not await here.store.read(_stores_one):
            await asyncio.sleep(0)
        await here.store.write(projects.delete, "p")
        with pytest.raises(Failure) as raised:
            await submitting
    assert raised.value.kind == "not_found"


def _stores_one(conn: sqlite3.Connection) -> bool:
    return bool(jobs.with_status(conn, jobs.STORING))
