"""The disk is full at a random moment, while chats, a local batch and a native batch are at work in one folder."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.fault import Counts, Fault
from tests.faults.killing import counted
from tests.faults.stand import MODEL, planted, secrets_out
from tests.helpers.crashing import MODELS, Lane, leave
from tests.helpers.process import RpcError, SidecarProcess

# How far into the work it happens, as a share of the time that a job takes on this machine.
EARLIEST, LATEST = 0.0, 0.8
REFUSED = "storage_error"


async def filled(folder: Path, number: int) -> Counts:
    """Nothing may be written any more, then all may again; what has stopped is started once more by hand."""
    import resource

    chance = random.Random(number)
    answers: set[str] = set()
    data = folder / "data"
    async with planted() as simulator:
        lane = Lane(data, simulator)
        await lane.begin("openai", native=False)
        async with lane.sidecar() as process:
            await process.call("conversation:create", {"id": "c", "projectId": lane.project, "name": "Sea"})
            working = asyncio.gather(
                _until_refused(process, f"{folder.name} before", answers),
                _submitted(lane, process, "openai", native=False),
                _submitted(lane, process, chance.choice(list(MODELS)), native=True),
            )
            await asyncio.sleep(chance.uniform(EARLIEST, LATEST) * lane.span_ms / 1000)
            _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, most))
            await working
            assert (await process.call("system:health"))["status"] in ("ok", "degraded")
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
            await _goes_on(lane, process, answers, folder.name)
            await leave(process)
            secrets = secrets_out(process, data)
        await lane.end()
        lane.check_rows()
        return replace(await counted(lane, answers, secrets), times=1)


async def _until_refused(process: SidecarProcess, name: str, answers: set[str]) -> None:
    """One question after the other until one is refused for the store's sake."""
    for number in range(10_000):
        answer = await _told(process, "chat:send", _question(f"{name} {number}"))
        if answer is None:
            return
        answers.add(answer["id"])


async def _submitted(lane: Lane, process: SidecarProcess, provider: str, *, native: bool) -> None:
    try:
        await lane.submit(process, provider, native=native)
    except RpcError as error:
        if error.data["kind"] != REFUSED:
            raise


async def _goes_on(lane: Lane, process: SidecarProcess, answers: set[str], name: str) -> None:
    """With room again questions are answered, and no batch seems to run that nobody runs: without a restart."""
    async with asyncio.timeout(60):
        while (answer := await _told(process, "chat:send", _question(f"{name} after"))) is None:
            await asyncio.sleep(0.05)
        answers.add(answer["id"])
        while True:
            jobs = await process.call("batch:list", {"projectId": lane.project, "limit": 1000})
            stopped = [job for job in jobs if job["status"] == "failed"]
            for job in stopped:
                assert job["error"], job
                await process.call("batch:start", {"jobId": job["id"]})
            if not stopped and not any(job["status"] == "processing" for job in jobs):
                return
            await asyncio.sleep(0.05)


def _question(content: str) -> dict[str, Any]:
    return {"content": content, "modelId": MODEL, "conversationId": "c"}


async def _told(process: SidecarProcess, method: str, params: dict[str, Any]) -> Any:
    """The result; None where the store refuses. Raises RpcError for any other reason."""
    try:
        return await process.call(method, params)
    except RpcError as error:
        if error.data["kind"] != REFUSED:
            raise
        return None


FAULTS = [
    Fault(
        "disk full under mixed load",
        "with room again all goes on without a restart, or says that the disk was full and can be started again",
        filled,
    ),
]
