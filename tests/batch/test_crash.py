from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.helpers.process import SidecarProcess
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.simulator import SimulatorProcess, simulator_process
from tests.helpers.soak import longer

ROWS = longer(60, 100)
ROUNDS = longer(6, 20)
MODEL = "openai/gpt-6-luna"
# Slow enough for the job to be still running after many short lives of the process.
SLOW = "[[simulate: slow_first_ms=20]]"
FINISHED = ("success", "error", "error-api")


def _finished(folder: Path) -> dict[str, tuple[str, int]]:
    """Prompt -> (result, attempts) of every row that has ended, as a committed transaction says."""
    with closing(sqlite3.connect(folder / "abai.db")) as conn:
        rows = conn.execute("SELECT prompt, status, response, attempts FROM batch_results").fetchall()
        assert conn.execute("PRAGMA quick_check").fetchone() == ("ok",)
    return {prompt: (response, attempts) for prompt, status, response, attempts in rows if status in FINISHED}


def _asked(ledger: dict[str, Any]) -> Counter[str]:
    return Counter(request["prompt"] for request in ledger["requests"])


async def _run_until_killed(
    folder: Path, simulator: SimulatorProcess, job_id: str | None, chance: random.Random
) -> str:
    """Starts the sidecar, lets it come so far as chance has it, and kills it. Gives the job."""
    env = quiet_environment(**simulator.environment)
    async with SidecarProcess(command(folder), env=env) as process:
        if job_id is None:
            project = await process.call("project:create", {"name": "Batches"})
            rows = [
                {"id": f"r{n}", "prompt": f"Row {n} {SLOW} Reply with exactly: answer {n}", "model": MODEL}
                for n in range(ROWS)
            ]
            params = {"projectId": project["id"], "rows": rows}
            job_id = str((await process.call("batch:submit", params))["id"])
            await process.call("batch:start", {"jobId": job_id, "concurrency": 4, "notifyRows": True})
        else:
            shaken = await process.call("initialize", {"protocolVersion": "1.0"})
            assert shaken["resumedJobs"] in ([job_id], [])
        with suppress(TimeoutError):
            # Fewer may be left than chance asks for.
            async with asyncio.timeout(2):
                for _ in range(chance.randrange(9)):
                    await process.notifications["batch:row-done"].get()
        # And then somewhere between two rows.
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0, 0.02)):
                await process.notifications["batch:row-done"].get()
        process.kill()
        await process.wait()
    return job_id


async def _finished_job(process: SidecarProcess, job_id: str | None) -> dict[str, Any]:
    while (job := dict(await process.call("batch:get", {"jobId": job_id})))["status"] == "processing":
        await process.notification("batch:progress")
    return job


async def test_a_job_that_is_killed_again_and_again_does_every_row_and_none_that_was_finished_twice(
    tmp_path: Path,
) -> None:
    chance, killed_amid = random.Random(20261123), 0
    job_id: str | None = None
    asked, finished = Counter[str](), dict[str, tuple[str, int]]()
    async with simulator_process(pace_ms=1) as simulator:
        for _ in range(ROUNDS):
            job_id = await _run_until_killed(tmp_path, simulator, job_id, chance)
            asked_before, finished_before = asked, finished
            asked, finished = _asked(await simulator.ledger()), _finished(tmp_path)
            # What has a result is never asked again, however often the process dies.
            assert all(asked[prompt] == asked_before[prompt] for prompt in finished_before)
            assert finished_before.items() <= finished.items()
            killed_amid += len(finished_before) < len(finished) < ROWS
        env = quiet_environment(**simulator.environment)
        async with SidecarProcess(command(tmp_path), env=env) as process:
            await process.call("initialize", {"protocolVersion": "1.0"})
            job = await _finished_job(process, job_id)
            if job["failedRows"]:
                # What was at work in two deaths in a row is set aside, and sent again by a person only.
                await process.call("batch:retry-failed", {"jobId": job_id})
                job = await _finished_job(process, job_id)
            rows = await process.call("batch:get-results", {"jobId": job_id})
            process.close_stdin()
            assert await process.wait() == 0
        asked = _asked(await simulator.ledger())
    assert killed_amid >= ROUNDS // 2, "the job was done too soon, or not begun, to tell anything"
    assert (job["status"], job["completedRows"], job["failedRows"]) == ("completed", ROWS, 0)
    assert [row["response"] for row in rows] == [f"answer {n}" for n in range(ROWS)]
    # A row was asked as often as an attempt of it was written down, or less: it died before it was sent.
    assert all(1 <= asked[row["prompt"]] <= row["attempts"] for row in rows)
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        states = dict(conn.execute("SELECT state, count(*) FROM ledger GROUP BY state"))
        (reserved,) = conn.execute("SELECT sum(reserved_pico) FROM batch_jobs").fetchone()
        per_row, per_job = conn.execute(
            "SELECT (SELECT sum(cost_pico) FROM batch_results), (SELECT cost_pico FROM batch_jobs)"
        ).fetchone()
    assert states["settled"] == ROWS
    assert states.keys() <= {"settled", "unknown"}
    assert (reserved, per_row) == (0, per_job)


async def test_a_kill_in_the_canary_neither_skips_nor_passes_it(tmp_path: Path) -> None:
    hangs, refused = "[[simulate: slow_first_ms=60000]]", "[[simulate: status=400]]"
    async with simulator_process(pace_ms=1) as simulator:
        env = quiet_environment(**simulator.environment)
        async with SidecarProcess(command(tmp_path), env=env) as process:
            project = await process.call("project:create", {"name": "Canary"})
            prompts = [f"A {refused}", f"B {hangs}", *(f"C{n} {refused}" for n in range(20))]
            rows = [{"prompt": prompt, "model": MODEL} for prompt in prompts]
            job = (await process.call("batch:submit", {"projectId": project["id"], "rows": rows}))["id"]
            asks = {"jobId": job, "canary": 2, "stopWhen": {"errorRate": 0.25}, "notifyRows": True}
            started = await process.call("batch:start", asks)
            assert started["safeguard"] == {
                "state": "canary",
                "canary": 2,
                "stopWhen": {"errorRate": 0.25},
            }
            await process.notification("batch:row-done")
            process.kill()
            await process.wait()
        async with SidecarProcess(command(tmp_path), env=env) as process:
            assert (await process.call("initialize", {"protocolVersion": "1.0"}))["resumedJobs"] == [job]
            found = await process.call("batch:get-status", {"jobId": job})
            assert (found["status"], found["safeguard"]["state"]) == ("processing", "canary")
            # The row that hangs has left once more: no more is sent of the canary, and nothing else is.
            async with asyncio.timeout(60):
                while sum(_asked(await simulator.ledger()).values()) < 3:
                    await process.call("system:health")
            process.kill()
            await process.wait()
        # The row that hangs was at work in two deaths, and is set aside: the canary is over.
        async with SidecarProcess(command(tmp_path), env=env) as process:
            await process.call("initialize", {"protocolVersion": "1.0"})
            found = await _finished_job(process, job)
        asked = _asked(await simulator.ledger())
    assert (found["status"], found["safeguard"]["state"]) == ("failed", "paused")
    assert found["safeguard"]["tripped"] == [{"name": "errorRate", "limit": 0.25, "measured": 1.0}]
    assert {prompt[0] for prompt in asked} == {"A", "B"}
