"""Rows that take the process before anything of them is under way: one is found and set aside, the others go on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.field.hostile import HostileServer, chat_chunks, serving, stream
from tests.field.lab import MODEL, own_models, project, sidecar
from tests.helpers.crashing import KILLED, leave
from tests.helpers.process import SidecarProcess

POISON = "poison"
ROWS = 40
PREPARING = f"row-preparing@{POISON}"
FINISHED = ("completed", "failed", "cancelled")
ANSWER = stream(*chat_chunks("Good morning"), "[DONE]")


def prompts(*poisoned: int) -> list[dict[str, Any]]:
    return [
        {"id": f"r{row}", "prompt": f"{POISON if row in poisoned else 'Why'} {row}?", "model": MODEL}
        for row in range(ROWS)
    ]


async def submitted(process: SidecarProcess, rows: list[dict[str, Any]], **params: Any) -> str:
    made = await process.call("batch:submit", {"projectId": await project(process), "rows": rows, **params})
    return str(made["id"])


async def dies(folder: Path, crash_at: str, job: str | None = None) -> None:
    """One life of a sidecar, which ends by a kill; the job is started in it where that is said."""
    async with sidecar(folder, environment={"ABAI_CRASH_AT": crash_at}) as process:
        process.start_call("initialize", {"protocolVersion": "1.0"})
        if job is not None:
            process.start_call("batch:start", {"jobId": job, "concurrency": 2})
        async with asyncio.timeout(60):
            assert await process.wait() == KILLED


async def ended(process: SidecarProcess, job: str) -> dict[str, Any]:
    while (found := await process.call("batch:get", {"jobId": job}))["status"] not in FINISHED:
        await process.notification("batch:progress")
    return dict(found)


async def results(process: SidecarProcess, job: str) -> dict[str, dict[str, Any]]:
    rows = await process.call("batch:get-results", {"jobId": job, "limit": ROWS})
    return {row["id"]: row for row in (rows["results"] if isinstance(rows, dict) else rows)}


def asked(server: HostileServer, row: int) -> int:
    return sum(f" {row}?" in str(each.json) for each in server.asked)


async def test_a_row_that_kills_the_process_while_it_is_prepared_is_set_aside_and_all_others_go_on(
    tmp_path: Path,
) -> None:
    async with serving(ANSWER) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            job = await submitted(process, prompts(11, 30))
            await leave(process)
        await dies(tmp_path, PREPARING, job)
        await dies(tmp_path, PREPARING)
        # One is found; the other comes long after it, and is found by deaths of its own.
        await dies(tmp_path, PREPARING)
        await dies(tmp_path, PREPARING)
        async with sidecar(tmp_path, environment={"ABAI_CRASH_AT": PREPARING}) as process:
            found = await ended(process, job)
            told = await results(process, job)
            assert (found["status"], found["completedRows"], found["failedRows"]) == (
                "completed",
                ROWS - 2,
                2,
            )
            for row in ("r11", "r30"):
                assert told[row]["status"] == "error"
                assert "set aside" in told[row]["errorMessage"]
                assert "cost nothing" in told[row]["errorMessage"]
            assert asked(server, 11) == asked(server, 30) == 0
            await leave(process)
        async with sidecar(tmp_path) as process:
            await process.call("batch:retry-failed", {"jobId": job})
            assert (await ended(process, job))["completedRows"] == ROWS
            assert asked(server, 11) == asked(server, 30) == 1


async def test_a_batch_whose_process_dies_before_any_row_begins_stops_after_three_times_until_a_person_starts_it(
    tmp_path: Path,
) -> None:
    async with serving(ANSWER) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            job = await submitted(process, prompts())
            await leave(process)
        await dies(tmp_path, "job-run", job)
        for _ in range(2):
            await dies(tmp_path, "job-run")
        async with sidecar(tmp_path, environment={"ABAI_CRASH_AT": "job-run"}) as process:
            found = await process.call("batch:get", {"jobId": job})
            assert found["status"] == "failed"
            assert "three times in a row" in found["error"]
            assert "Start it" in found["error"]
            await leave(process)
        async with sidecar(tmp_path) as process:
            await process.call("batch:start", {"jobId": job})
            assert (await ended(process, job))["completedRows"] == ROWS


async def test_a_batch_that_ended_in_order_begins_its_rows_without_a_mark_at_each(tmp_path: Path) -> None:
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        job = await submitted(process, prompts(), start=True)
        await ended(process, job)
        await leave(process)
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        kept = conn.execute("SELECT at_work, interruptions, beginning_row FROM batch_jobs").fetchall()
    assert kept == [(0, 0, None)]
