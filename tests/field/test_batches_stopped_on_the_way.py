"""Batches that are stopped while they are on their way to a vendor: nothing more is asked for, and they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from tests.field.hostile import Answer, raw
from tests.field.lab import project
from tests.field.vendors import MODELS, Misbehaviour, Vendors, closed, job, native, rows, until, vendors
from tests.helpers.process import RpcError, SidecarProcess

# What is asked before the creation. Anthropic's rows go with it.
UPLOAD = {"openai": r"POST \S*/v1/files$", "gemini": r"POST \S*/upload/", "grok": r"POST \S*/v1/batches$"}
CREATE = {
    "openai": r"POST \S*/v1/batches$",
    "anthropic": r"POST \S*/v1/messages/batches$",
    "gemini": r"POST \S*:batchGenerateContent$",
    "grok": r"POST \S*/v1/batches/[^/]+/requests$",
}


def not_now(seconds: int = 30) -> Answer:
    """Too much is asked for: the same is to be tried again after so many seconds."""
    said = orjson.dumps({"error": {"message": "Slow down.", "type": "rate_limit_error"}})
    head = f"HTTP/1.1 429 Too Many Requests\r\nretry-after: {seconds}\r\ncontent-type: application/json\r\n"
    return raw(f"{head}connection: close\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)


async def on_its_way(
    process: SidecarProcess, there: Vendors, provider: str, pattern: str
) -> tuple[str, str, asyncio.Task[object]]:
    """A project, its job, and who waits for its submission, once the first such request has come."""
    where = await project(process)
    given = [{"prompt": prompt, "model": MODELS[provider]} for prompt in ("One", "Two")]
    params = {"projectId": where, "rows": given, "providerName": provider}
    submitting = asyncio.create_task(process.call("batch:submit-native", params))
    await there.came(pattern)
    (found,) = await process.call("batch:list", {"projectId": where})
    return where, found["id"], submitting


async def ends_unsent(process: SidecarProcess, job_id: str, submitting: asyncio.Task[object]) -> None:
    """The job is over before its vendor would have been asked again, and costs nothing."""
    async with asyncio.timeout(20):
        found = await closed(process, job_id)
        with pytest.raises(RpcError) as caught:
            await submitting
    assert caught.value.data["kind"] == "cancelled"
    assert (found["status"], found["totalCost"], found.get("error")) == ("cancelled", 0, None)
    assert {row["status"] for row in await rows(process, job_id)} == {"cancelled"}


@pytest.mark.parametrize("provider", MODELS)
async def test_a_batch_that_is_stopped_while_its_vendor_wants_a_pause_is_not_asked_for_again(
    provider: str, tmp_path: Path
) -> None:
    busy = Misbehaviour(CREATE[provider], not_now())
    async with vendors(busy) as there, native(tmp_path, there) as process:
        _, job_id, submitting = await on_its_way(process, there, provider, CREATE[provider])
        await process.call("batch:cancel", {"jobId": job_id})
        await ends_unsent(process, job_id, submitting)
        assert there.count(CREATE[provider]) == 1


@pytest.mark.parametrize("said", [not_now(), Answer([], keep_open=True)], ids=["a pause", "silence"])
@pytest.mark.parametrize("provider", UPLOAD)
async def test_a_batch_that_is_stopped_while_its_rows_are_uploaded_ends_at_once(
    provider: str, said: Answer, tmp_path: Path
) -> None:
    stuck = Misbehaviour(UPLOAD[provider], said)
    async with vendors(stuck) as there, native(tmp_path, there) as process:
        _, job_id, submitting = await on_its_way(process, there, provider, UPLOAD[provider])
        await process.call("batch:cancel", {"jobId": job_id})
        await ends_unsent(process, job_id, submitting)
        assert (there.count(UPLOAD[provider]), there.count(CREATE[provider])) == (1, 0)


@pytest.mark.parametrize("provider", MODELS)
async def test_a_batch_whose_project_is_deleted_while_its_vendor_wants_a_pause_is_not_asked_for_again(
    provider: str, tmp_path: Path
) -> None:
    busy = Misbehaviour(CREATE[provider], not_now())
    async with vendors(busy) as there, native(tmp_path, there) as process:
        where, _, submitting = await on_its_way(process, there, provider, CREATE[provider])
        async with asyncio.timeout(20):
            await process.call("project:delete", {"id": where})
            with pytest.raises(RpcError):
                await submitting
        assert there.count(CREATE[provider]) == 1


@pytest.mark.parametrize("provider", MODELS)
async def test_a_batch_that_is_stopped_while_it_is_created_is_stopped_at_its_vendor_once_that_answers(
    provider: str, tmp_path: Path
) -> None:
    late = Misbehaviour(CREATE[provider], lambda whole: whole)
    late.held = asyncio.Event()
    async with vendors(late) as there, native(tmp_path, there) as process:
        _, job_id, submitting = await on_its_way(process, there, provider, CREATE[provider])
        await process.call("batch:cancel", {"jobId": job_id})
        assert {row["status"] for row in await rows(process, job_id)} == {"processing"}
        late.held.set()
        await until(process, job_id, lambda found: there.batches[0]["state"] in ("cancelling", "cancelled"))
        await closed(process, job_id)
        await submitting
        assert there.count(CREATE[provider]) == 1
        assert (await job(process, job_id))["totalCost"] == float(there.batches[0]["chargedUSD"])
