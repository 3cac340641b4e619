"""Failed rows are tried again where there are none: nothing is sent, and the job stays what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import mock_process

MODEL = "openai/gpt-4o"
SLOW = "[[simulate: slow_first_ms=600000]] Why?"


async def submitted(here: SidecarProcess, *prompts: str, start: bool = True) -> str:
    project = (await here.call("project:create", {"name": "P"}))["id"]
    rows = [{"prompt": prompt, "model": MODEL} for prompt in prompts]
    return str((await here.call("batch:submit", {"projectId": project, "rows": rows, "start": start}))["id"])


async def ended(here: SidecarProcess, job: str) -> dict[str, Any]:
    while (found := await here.call("batch:get", {"jobId": job}))["status"] == "processing":
        await here.news()
    return dict(found)


async def refused(here: SidecarProcess, job: str) -> str:
    """The sentence with which the job is not tried again; it is what it was."""
    before = await here.call("batch:get", {"jobId": job})
    with pytest.raises(RpcError) as caught:
        await here.call("batch:retry-failed", {"jobId": job})
    assert caught.value.data["kind"] == "conflict"
    assert await here.call("batch:get", {"jobId": job}) == before
    return caught.value.message


async def test_a_batch_of_which_no_row_failed_is_not_tried_again_whatever_became_of_it(
    tmp_path: Path,
) -> None:
    async with mock_process(tmp_path) as here:
        unbegun = await submitted(here, "Why?", start=False)
        assert await refused(here, unbegun) == (
            "This batch has not begun, so no row of it has failed. Start it instead."
        )
        cancelled = await submitted(here, SLOW)
        await here.call("batch:cancel", {"jobId": cancelled})
        assert await refused(here, cancelled) == (
            "No row of this batch has failed. Start it to send the rows that were cancelled."
        )
        done = await submitted(here, "Why?")
        await ended(here, done)
        assert await refused(here, done) == (
            "No row of this batch has failed, so there is nothing to try again."
        )


async def test_a_batch_of_a_vendor_of_which_no_row_failed_is_not_sent_again(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as here:
        project = (await here.call("project:create", {"name": "P"}))["id"]
        rows = [{"prompt": "Why?", "model": MODEL}]
        sent = await here.call(
            "batch:submit-native", {"projectId": project, "providerName": "openai", "rows": rows}
        )
        assert (await ended(here, sent["jobId"]))["completedRows"] == 1
        assert "nothing to try again" in await refused(here, sent["jobId"])


async def test_the_failed_row_of_a_cancelled_batch_is_tried_again_and_the_cancelled_one_stays(
    tmp_path: Path,
) -> None:
    async with mock_process(tmp_path) as here:
        job = await submitted(here, "[[simulate: status=400 times=1]] Why?", SLOW)
        while (await here.call("batch:get", {"jobId": job}))["failedRows"] == 0:
            await here.news()
        await here.call("batch:cancel", {"jobId": job})
        assert (await here.call("batch:retry-failed", {"jobId": job}))["status"] == "processing"
        found = await ended(here, job)
        assert (found["status"], found["completedRows"], found["failedRows"]) == ("cancelled", 1, 0)
        rows = await here.call("batch:get-results", {"jobId": job})
        assert [row["status"] for row in rows] == ["success", "cancelled"]
