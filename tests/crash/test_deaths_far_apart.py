"""A row that takes the process once in a long while: two deaths in a row count, whatever lies between them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.test_unbegun_rows import ended, results
from tests.field.hostile import Answer, Asked, HostileServer, chat_chunks, serving, stream
from tests.field.lab import MODEL, own_models, project, sidecar
from tests.helpers.crashing import leave
from tests.helpers.process import SidecarProcess

HOURS_MS = 5 * 3_600_000
TIMES = {
    "batch_jobs": ("created_at", "started_at"),
    "batch_results": ("updated_at",),
    "ledger": ("created_at",),
}
GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


def hours_later(folder: Path) -> None:
    """Put all that is stored as much earlier as the next start is later."""
    with closing(sqlite3.connect(folder / "abai.db")) as conn:
        for table, names in TIMES.items():
            for name in names:
                conn.execute(f"UPDATE {table} SET {name} = {name} - {HOURS_MS}")
        conn.commit()


def poisoned(server: HostileServer) -> int:
    return sum("poison" in str(each.json) for each in server.asked)


async def life(folder: Path, server: HostileServer, *, in_order: bool, job: str | None = None) -> None:
    """A start that goes on with the job until the row is under way, and its end."""
    before = poisoned(server)
    async with sidecar(folder) as process:
        await process.call("initialize", {"protocolVersion": "1.0"})
        if job is not None:
            await process.call("batch:start", {"jobId": job, "concurrency": 1})
        async with asyncio.timeout(60), server.arrived:
            await server.arrived.wait_for(lambda: poisoned(server) > before)
        if in_order:
            await leave(process)
        else:
            await killed(process)


async def killed(process: SidecarProcess) -> None:
    process.kill()
    await process.wait()


@pytest.mark.parametrize(
    "between", [[], [True], [True, True]], ids=["nothing", "an end in order", "two such"]
)
async def test_a_row_that_kills_the_process_every_few_hours_is_set_aside_after_two_deaths(
    between: Sequence[bool], tmp_path: Path
) -> None:
    never = asyncio.Event()

    async def answer(asked: Asked) -> Answer:
        if "poison" in str(asked.json):
            await never.wait()
        return GOOD

    async with serving(answer) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            rows = [
                {"id": name, "prompt": f"{name}?", "model": MODEL} for name in ("first", "poison", "last")
            ]
            submission = {"projectId": await project(process), "rows": rows}
            job = (await process.call("batch:submit", submission))["id"]
            await leave(process)
        for number, in_order in enumerate([False, *between, False]):
            await life(tmp_path, server, in_order=in_order, job=None if number else job)
            hours_later(tmp_path)
        asked = poisoned(server)
        async with sidecar(tmp_path) as process:
            await process.call("initialize", {"protocolVersion": "1.0"})
            found = await ended(process, job)
            came = await results(process, job)
            await leave(process)
        assert poisoned(server) == asked == 2 + len(between)
    assert {name: row["status"] for name, row in came.items()} == {
        "first": "success",
        "poison": "error",
        "last": "success",
    }
    # What the deaths may have cost is told.
    assert found["uncertainCalls"] >= 2
