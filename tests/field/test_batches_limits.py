"""Creations that are late, limits that pass, and batches that somebody else ended, beside the real process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from sidecar.providers.batches import BatchLimits, BatchPart, LookupResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.field.claims import field
from tests.field.vendors import (
    Misbehaviour,
    changed,
    closed,
    ended,
    job,
    native,
    not_found,
    rows,
    submitted,
    until,
    vendors,
)
from tests.helpers.native_batches import Vendor, native_works

FULL = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached for gpt-4o.", "line": None}
CREATE = {
    "openai": r"POST /v1/batches$",
    "gemini": r"POST \S+:batchGenerateContent",
    "grok": r"POST \S+/batches/\S+/requests$",
}


@field(
    "batches", "OpenAI: the connection breaks after the creation, the list shows the batch only after 45 s"
)
async def test_a_batch_that_a_list_shows_late_is_created_once(tmp_path: Path) -> None:
    class Late(Vendor):
        """Lists a batch 45 s after it was made."""

        async def find(self, key: str, part: BatchPart) -> LookupResult:
            shown = here.clock.ms - begun >= 45_000
            found = await super().find(key, part)
            return found if shown else LookupResult(None, True, "It is not in the list.")

    lost = OutcomeUnknown("provider_unavailable", "The connection broke.")
    vendor = Late(create_problems=[("cut", lost)])
    async with native_works(tmp_path, vendor) as here:
        begun = here.clock.ms
        found = await here.ended((await here.submit("One", "Two")).id)
    assert (found.status, found.completed_rows, len(vendor.created)) == ("completed", 2, 1)


@field("batches", "OpenAI: the file that was just uploaded is not found (404) at the creation")
@pytest.mark.parametrize("provider", CREATE)
async def test_an_input_that_is_not_found_yet_is_tried_again(tmp_path: Path, provider: str) -> None:
    late = Misbehaviour(CREATE[provider], not_found("The file files/abc was not found."), times=2)
    async with vendors(late) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider)
        found = await ended(process, job_id)
    assert (late.left, found["status"], found["completedRows"]) == (0, "completed", 3)
    assert len(there.batches) == 1


@field(
    "batches", "OpenAI: two parts; the second fails with `token_limit_exceeded` while the first is at work"
)
async def test_rows_for_which_a_vendor_has_no_room_wait_for_it(tmp_path: Path) -> None:
    first = ""

    def full(batch: Any) -> Any:
        if batch["id"] == first:
            return batch
        return batch | {"status": "failed", "errors": {"data": [FULL]}, "request_counts": None}

    refusing = Misbehaviour(r"GET /v1/batches/", changed(full), times=1_000_000)
    async with vendors(refusing) as there, native(tmp_path, there) as process:
        busy = await submitted(process, prompts=["One [[simulate: batch_slow_ms=1500]]"])
        first = there.batches[0]["id"]
        waiting = await submitted(process, prompts=["Two", "Three"])
        found = await until(process, waiting, lambda found: "takes no more" in found.get("error", ""))
        assert found["status"] == "processing"
        assert "2 rows wait" in found["error"]
        assert {row["status"] for row in await rows(process, waiting)} == {"processing"}
        assert len(there.batches) == 2, "nothing is sent while the first is at work"
        refusing.left = 0
        assert (await ended(process, busy))["status"] == "completed"
        found = await ended(process, waiting)
    assert (found["status"], found["completedRows"], "error" in found) == ("completed", 2, False)
    # The second creation ran nothing; only what ran is paid for.
    assert len(there.batches) == 3


async def test_a_part_that_waits_for_room_goes_out_when_another_has_ended_over_a_restart(
    tmp_path: Path,
) -> None:
    vendor = Vendor(limits=BatchLimits(rows=1, bytes=1_000_000), checks_to_end=3)
    async with native_works(tmp_path, vendor) as here:
        vendor.no_room = [False, True]
        found = await here.submit("One", "Two", "Three")
        found = await here.ended(found.id)
        came = await here.rows(found.id)
        entries = await here.entries()
    assert [row.status for row in came] == ["success"] * 3
    assert len(vendor.created) == 4
    assert {entry.state for entry in entries} == {"settled"}


@field("batches", "xAI: `cancel_by_xai_message` with a reason")
async def test_a_batch_that_its_vendor_stopped_failed_for_its_reason_and_cost_nothing(tmp_path: Path) -> None:
    async with vendors() as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "grok", ["One [[simulate: batch_fails=true]]", "Two"])
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert (found["status"], found["totalCost"]) == ("failed", 0)
    assert "grok refused the batch" in found["error"]
    assert [(row["status"], row["cost_usd"]) for row in came] == [("error-api", 0)] * 2
    assert all(row["errorMessage"] == found["error"] for row in came)


@pytest.mark.parametrize("by", ["console", "person"])
async def test_who_cancelled_a_batch_is_told_apart(tmp_path: Path, by: str) -> None:
    def stopped(batch: Any) -> Any:
        none = {"total": 2, "completed": 0, "failed": 0}
        return batch | {"status": "cancelled", "request_counts": none, "error_file_id": "file-cancelled"}

    lines = b""
    console = Misbehaviour(r"GET /v1/batches/", changed(stopped), times=1_000)
    files = Misbehaviour(r"GET /v1/files/file-cancelled", lambda said: (200, lines), times=1_000)
    async with (
        vendors(*([console, files] if by == "console" else [])) as there,
        native(tmp_path, there) as process,
    ):
        slow = "[[simulate: batch_slow_ms=3600000]]"
        job_id = await submitted(process, prompts=[f"One {slow}", "Two"])
        gone = {"response": None, "error": {"code": "batch_cancelled", "message": "Cancelled."}}
        ids = there.batches[0]["customIds"]
        lines = b"\n".join(orjson.dumps({"custom_id": id_, **gone}) for id_ in ids)
        if by == "person":
            await process.call("batch:cancel", {"jobId": job_id})
        found = await closed(process, job_id)
        came = await rows(process, job_id)
        found = await job(process, job_id)
    assert (found["status"], found["totalCost"]) == ("cancelled", 0)
    assert {row["status"] for row in came} == {"cancelled"}
    assert [row["cost_usd"] for row in came] == [0, 0]
    if by == "person":
        assert "error" not in found
    else:
        assert "cancelled at openai, not from here" in found["error"]
        assert "start the batch" in found["error"]


async def test_rows_of_other_parts_can_be_tried_again_while_one_is_at_work(tmp_path: Path) -> None:
    async with vendors() as there, native(tmp_path, there) as process:
        project = (await process.call("project:create", {"name": "Two models"}))["id"]
        slow = "One [[simulate: batch_slow_ms=3600000]]"
        given = [
            {"prompt": slow, "model": "openai/gpt-4o"},
            {"prompt": "Two [[simulate: batch_fails=true times=1]]", "model": "openai/gpt-4.1"},
        ]
        params = {"projectId": project, "rows": given, "providerName": "openai"}
        job_id = (await process.call("batch:submit-native", params))["jobId"]
        await until(process, job_id, lambda found: found["failedRows"] == 1)
        again = await process.call("batch:retry-failed", {"jobId": job_id})
        assert (again["status"], again["failedRows"]) == ("processing", 0)
        async with asyncio.timeout(60):
            while len(there.batches) < 3:
                await job(process, job_id)
        states = [batch["state"] for batch in there.batches]
        assert states.count("failed") <= 2
        assert (await rows(process, job_id))[0]["status"] == "processing"
