"""Batches whose sending takes the real process with it, again and again, are set aside, and not paid twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer
from tests.field.vendors import Misbehaviour, Vendors, closed, native, until, vendors
from tests.helpers.process import SidecarProcess

CREATIONS = {
    "openai": r"POST \S*/v1/batches$",
    "anthropic": r"POST \S*/v1/messages/batches$",
    "gemini": r"POST .*:batchGenerateContent",
}
MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-5",
    "gemini": "gemini/gemini-3.8-flash",
}


def never_answered(pattern: str, times: int) -> Misbehaviour:
    """The vendor takes the request, says nothing, and never shows what came of it."""
    return Misbehaviour(pattern, Answer(keep_open=True), times=times)


async def asked_for(process: SidecarProcess, there: Vendors, pattern: str, number: int) -> None:
    """Wait until the vendor was asked for it so often."""
    while there.count(pattern) < number:
        await process.call("system:health")


async def only_job(process: SidecarProcess) -> dict[str, Any]:
    (project,) = await process.call("project:list")
    (found,) = await process.call("batch:list", {"projectId": project["id"]})
    return dict(found)


async def die_twice(folder: Path, there: Vendors, provider: str, pattern: str, prompts: list[str]) -> str:
    """Submit, and kill the process whenever the vendor has what matches; the id of the job."""
    async with native(folder, there) as process:
        made = (await process.call("project:create", {"name": "Field"}))["id"]
        given = [{"prompt": prompt, "model": MODELS[provider]} for prompt in prompts]
        process.start_call(
            "batch:submit-native", {"projectId": made, "rows": given, "providerName": provider}
        )
        await asked_for(process, there, pattern, 1)
        job_id = str((await only_job(process))["id"])
    async with native(folder, there) as process:
        await process.call("initialize", {"protocolVersion": "1.0"})
        await asked_for(process, there, pattern, 2)
    return job_id


@pytest.mark.parametrize("provider", CREATIONS)
async def test_a_batch_whose_creation_was_cut_by_two_kills_in_a_row_is_not_asked_for_again_until_a_person_starts_it(
    tmp_path: Path, provider: str
) -> None:
    pattern = CREATIONS[provider]
    async with vendors(never_answered(pattern, 2)) as there:
        job_id = await die_twice(tmp_path, there, provider, pattern, ["One", "Two"])
        for _ in range(2):
            async with native(tmp_path, there) as process:
                found = await until(process, job_id, lambda found: found["status"] != "processing")
                assert found["status"] == "pending"
                assert "set aside" in found["error"]
                assert "might be paid twice" in found["error"]
                assert there.count(pattern) == 2
        async with native(tmp_path, there) as process:
            await process.call("batch:start", {"jobId": job_id})
            assert (await closed(process, job_id))["completedRows"] == 2
        assert there.count(pattern) == 3


async def test_a_batch_whose_upload_took_the_process_twice_holds_back_what_comes_after_it(
    tmp_path: Path,
) -> None:
    upload = r"POST \S*/v1/files$"
    async with vendors(never_answered(upload, 2)) as there:
        job_id = await die_twice(tmp_path, there, "openai", upload, ["One", "Two"])
        async with native(tmp_path, there) as process:
            found = await until(process, job_id, lambda found: found["status"] != "processing")
            assert "set aside" in found["error"]
            assert there.count(upload) == 2
            await process.call("batch:start", {"jobId": job_id})
            assert (await closed(process, job_id))["completedRows"] == 2
        assert len(there.batches) == 1


async def test_a_batch_that_was_set_aside_while_it_was_sent_can_be_cancelled(
    tmp_path: Path,
) -> None:
    pattern = CREATIONS["openai"]
    async with vendors(never_answered(pattern, 2)) as there:
        job_id = await die_twice(tmp_path, there, "openai", pattern, ["One"])
        async with native(tmp_path, there) as process:
            await until(process, job_id, lambda found: found["status"] == "pending")
            await process.call("batch:cancel", {"jobId": job_id})
            assert (await closed(process, job_id))["status"] == "cancelled"
        assert there.count(pattern) == 2
