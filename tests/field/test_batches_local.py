"""Local batches at a vendor whose credit runs out, and what batches cost."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.money import charge
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import Usage
from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, head, raw, serving, stream, whole
from tests.field.lab import MODEL, own_models, project, sidecar
from tests.field.vendors import ended, rows, until

QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "code": "insufficient_quota",
    }
}


@field("batches", "local job of 120 rows, after 10 of them OpenAI answers 429 `insufficient_quota`")
async def test_used_up_credit_stops_a_local_batch_and_leaves_the_rest_for_later(tmp_path: Path) -> None:
    answered = 0

    def until_it_is_spent(asked: Asked) -> Answer:
        nonlocal answered
        if answered >= 10 and not refilled:
            return whole(QUOTA, 429)
        answered += 1
        return stream(*chat_chunks("Good morning"), "[DONE]")

    refilled = False
    async with (
        serving(until_it_is_spent) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        given = [{"prompt": f"Row {number}", "model": MODEL} for number in range(120)]
        params = {"projectId": await project(process), "rows": given, "start": True}
        job_id = (await process.call("batch:submit", params))["id"]
        found = await ended(process, job_id)
        came = await rows(process, job_id)
        assert found["status"] == "failed"
        assert "credit or spending limit" in found["error"]
        assert (found["completedRows"], found["failedRows"]) == (10, 0)
        assert [row["status"] for row in came].count("pending") == 110
        assert len(server.asked) < 40, "those that were under way, and no more"
        refilled = True
        await process.call("batch:start", {"jobId": job_id})
        found = await ended(process, job_id)
    assert (found["status"], found["completedRows"]) == ("completed", 120)
    assert json.dumps(found).count("error") == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_of_days_stops_a_local_batch_at_once_and_says_how_long(
    status: int, tmp_path: Path
) -> None:
    answered = 0

    def until_it_is_closed(asked: Asked) -> Answer:
        nonlocal answered
        if answered >= 4 and not opened:
            return whole({"error": {"message": "Come back later."}}, status, {"retry-after": "864000"})
        answered += 1
        return stream(*chat_chunks("Good morning"), "[DONE]")

    opened = False
    async with (
        serving(until_it_is_closed) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        given = [{"prompt": f"Row {number}", "model": MODEL} for number in range(20)]
        params = {"projectId": await project(process), "rows": given, "start": True}
        job_id = (await process.call("batch:submit", params))["id"]
        found = await ended(process, job_id)
        came = await rows(process, job_id)
        assert found["status"] == "failed"
        assert "in 10 days" in found["error"]
        assert [row["status"] for row in came].count("pending") == 16
        opened = True
        await process.call("batch:start", {"jobId": job_id})
        found = await ended(process, job_id)
    assert (found["status"], found["completedRows"]) == ("completed", 20)


@field("batches", "local job: the network, the server or a login page is in the way after some rows")
@pytest.mark.parametrize(
    "page",
    [
        whole("<html><title>Welcome to the hotel's network</title></html>"),
        *(raw(head(status, {"location": "http://login.hotel.example/"})) for status in (302, 303)),
    ],
    ids=["page", "302", "303"],
)
async def test_rows_of_a_local_batch_wait_while_a_login_page_is_in_the_way(
    page: Answer, tmp_path: Path
) -> None:
    asked = 0

    def with_a_page_between(_: Asked) -> Answer:
        nonlocal asked
        asked += 1
        return page if asked == 5 else stream(*chat_chunks("Good morning"), "[DONE]")

    async with (
        serving(with_a_page_between) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        given = [{"prompt": f"Why {number}?", "model": MODEL} for number in range(8)]
        submission = {"projectId": await project(process), "rows": given}
        job_id = (await process.call("batch:submit", submission))["id"]
        await process.call("batch:start", {"jobId": job_id, "concurrency": 1})
        job = await until(process, job_id, lambda job: job["status"] != "processing", 60)
        found = await rows(process, job_id)
    assert (job["status"], job["failedRows"]) == ("completed", 0)
    assert [row["status"] for row in found] == ["success"] * 8
    assert asked == 9


@pytest.mark.parametrize("status", [403, 413])
async def test_a_row_that_is_refused_with_a_page_fails_and_keeps_nobody_waiting(
    status: int, tmp_path: Path
) -> None:
    def guarded(asked: Asked) -> Answer:
        blocked = whole(f"<html><title>{status} Blocked</title></html>", status)
        return blocked if b"DROP TABLE" in asked.body else stream(*chat_chunks("Good morning"), "[DONE]")

    async with serving(guarded) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        given = [{"prompt": prompt, "model": MODEL} for prompt in ("Why?", "DROP TABLE users")]
        submission = {"projectId": await project(process), "rows": given}
        job_id = (await process.call("batch:submit", submission))["id"]
        await process.call("batch:start", {"jobId": job_id, "concurrency": 1})
        job = await ended(process, job_id)
        assert len(server.asked) == 2
    assert (job["status"], job["completedRows"], job["failedRows"]) == ("completed", 1, 1)


@field("batches", "gpt-6.2-sol by batch, 1,000 in of which 400 written to the cache for 30 minutes")
def test_what_a_batch_writes_to_the_cache_is_halved_too() -> None:
    catalogue, day = Catalogue.load(), date(2026, 11, 26)
    model = catalogue.served("openai/gpt-6.2-sol", day).model
    usage = Usage(in_uncached=600, cache_write_short=400, out_visible=500, prompt_total=1_000)
    assert charge.charge(catalogue, model, None, usage, day, batch=True).usd == Decimal("0.0036")
    assert charge.charge(catalogue, model, None, usage, day, batch=False).usd == Decimal("0.0072")
