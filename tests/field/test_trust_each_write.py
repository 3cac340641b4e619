"""A disk that is full from the first, second, third … write of a question or a batch on; then there is room again."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest

from tests.field.full_place import Place, told, writes
from tests.helpers.crashing import GOES_ON, MODELS
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer

MODEL = "openai/gpt-6-luna"
LONG = " A long line." * 700
FINISHED = ("completed", "failed", "cancelled")


async def test_a_question_is_asked_while_the_disk_fills_at_each_of_its_writes(place: Place) -> None:
    answered: set[str] = set()
    async with place.sidecar() as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        await process.call("conversation:create", {"id": "c", "projectId": project, "name": "Sea"})
        for write in writes():
            with place.disk.full_from(write):
                answer = await told(process, "chat:send", question(f"Full {write}?"))
                assert (await process.call("system:health"))["status"] in ("ok", "degraded")
            if not isinstance(answer, RpcError):
                answered.add(answer["id"])
            answered.add((await process.call("chat:send", question(f"Room {write}?")))["id"])
            if not place.disk.refused:
                break
        kept = await process.call("messages:list", {"conversationId": "c", "limit": 1000})
        assert answered <= {message["id"] for message in kept}
    ran = await place.ran()
    assert set(ran.values()) == {1}
    assert place.read("SELECT count(*) FROM ledger WHERE state <> 'failed'") == [(len(ran),)]


def question(content: str) -> dict[str, Any]:
    return {"content": content + LONG, "modelId": MODEL, "conversationId": "c"}


def rows(name: str, count: int) -> list[dict[str, Any]]:
    return [
        # Every other answer is stored before it is read.
        {"id": f"r{row}", "prompt": f"{name} {row}", "model": MODEL, "jsonMode": row % 2 == 0}
        for row in range(count)
    ]


async def runs(process: SidecarProcess, job: str) -> bool:
    found = await process.call("batch:get", {"jobId": job})
    assert found["status"] in ("processing", "completed") or "full" in found["error"], found
    return bool(found["status"] == "processing")


async def done(process: SidecarProcess, project: str) -> list[dict[str, Any]]:
    """The jobs once all have ended: what has stopped, or was never started, says why and is started by hand."""
    jobs: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(60):
            return await _done(process, project, jobs)
    except TimeoutError:
        raise AssertionError(f"this does not end: {jobs} {process.stderr}") from None


async def _done(process: SidecarProcess, project: str, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    while True:
        jobs[:] = await process.call("batch:list", {"projectId": project, "limit": 1000})
        for job in jobs:
            if job["status"] in ("failed", "pending"):
                assert job["status"] == "pending" or "full" in job["error"], job
                await process.call("batch:start", {"jobId": job["id"]})
        if all(job["status"] in FINISHED and not job["failedRows"] for job in jobs):
            return jobs
        for job in jobs:
            if job["status"] == "completed" and job["failedRows"]:
                await process.call("batch:retry-failed", {"jobId": job["id"]})
        await process.news()


async def test_a_batch_is_submitted_and_run_while_the_disk_fills_at_each_of_its_writes(place: Place) -> None:
    taken = 0
    async with place.sidecar() as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        for write in writes():
            with place.disk.full_from(write):
                submission = {"projectId": project, "rows": rows(f"Full {write}", 4), "start": True}
                job = await told(process, "batch:submit", submission)
                assert (await process.call("system:health"))["status"] in ("ok", "degraded")
                stored = not isinstance(job, RpcError) or "do not submit it again" in job.message
                taken += stored
                if not isinstance(job, RpcError):
                    # Until it has ended, or some of what it wrote was refused: it then waits for room.
                    while await runs(process, job["id"]) and place.disk.refused < 1 + write % 3:
                        await process.news()
            jobs = await done(process, project)
            if not place.disk.refused:
                assert not isinstance(job, RpcError)
                break
        assert len(jobs) == taken
    ran = await place.ran()
    assert place.read("SELECT count(*) FROM batch_results WHERE status = 'success'") == [(taken * 4,)]
    assert ran.keys() == {row[0] for row in place.read("SELECT prompt FROM batch_results")}
    unknown = Counter(
        row[0]
        for row in place.read(
            "SELECT prompt FROM ledger JOIN batch_results r ON r.id = row_id WHERE ledger.state = 'unknown'"
        )
    )
    assert {prompt for prompt, times in ran.items() if times > 1 + unknown[prompt]} == set()


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "grok"])
async def test_a_batch_goes_to_its_vendor_while_the_disk_fills_at_each_of_its_writes(
    place: Place, provider: str
) -> None:
    async with place.sidecar() as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        for write in writes():
            with place.disk.full_from(write):
                submission = {
                    "projectId": project,
                    "providerName": provider,
                    "rows": [
                        {
                            "id": f"r{row}",
                            "prompt": f"Full {write} {row}{GOES_ON}",
                            "model": MODELS[provider][0],
                        }
                        for row in range(4)
                    ],
                }
                job = await told(process, "batch:submit-native", submission)
                assert (await process.call("system:health"))["status"] in ("ok", "degraded")
                if not isinstance(job, RpcError):
                    while await runs(process, job["jobId"]) and place.disk.refused < 1 + write % 3:
                        await process.news()
            jobs = await done(process, project)
            if not place.disk.refused:
                assert not isinstance(job, RpcError)
                break
    rows_of = {
        (job, prompt): status
        for job, prompt, status in place.read("SELECT job_id, prompt, status FROM batch_results")
    }
    assert len(rows_of) == 4 * len(jobs), place.read("SELECT id, status, error FROM batch_jobs")
    assert set(rows_of.values()) == {"success"}
    native = {each[0] for each in place.read("SELECT native_id FROM batch_parts WHERE state = 'collected'")}
    created = [batch["id"] for batch in (await place.simulator.ledger())["batches"]]
    assert set(created) == native
    assert len(created) == len(jobs)


async def test_what_was_left_goes_on_though_the_disk_fills_at_each_write_of_the_start(place: Place) -> None:
    slow = {"prompt": "Slow [[simulate: slow_first_ms=200]]", "model": MODEL}
    for write in itertools.count(1, longer(17, 3)):
        async with place.sidecar() as process:
            project = (await process.call("project:create", {"name": f"P {write}"}))["id"]
            for native in (False, True):
                submission = {
                    "projectId": project,
                    "rows": [
                        {**slow, "id": f"r{row}", "prompt": f"{slow['prompt']} {write} {row}"}
                        for row in range(4)
                    ],
                }
                if native:
                    await process.call("batch:submit-native", {**submission, "providerName": "openai"})
                else:
                    await process.call("batch:submit", {**submission, "start": True})
            process.kill()
            await process.wait()
        with place.disk.full_from(write):
            async with place.sidecar() as process:
                await process.call("initialize", {"protocolVersion": "1.0"})
                health = await process.call("system:health")
                assert health["status"] == "ok" or "full" in health["problem"], health
                place.disk.make_room()
                # Whoever asks within a second of a refusal is told the same once more.
                while isinstance(await told(process, "project:list", {}), RpcError):
                    await process.news()
                jobs = await done(process, project)
                assert [job["completedRows"] for job in jobs] == [4, 4]
        if not place.disk.refused:
            break
    unknown = place.read("SELECT count(*) FROM ledger WHERE state = 'unknown'")[0][0]
    ran = await place.ran()
    assert sum(ran.values()) - len(ran) <= unknown
