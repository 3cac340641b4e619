"""Parts are made when they are first needed, and nothing is lost by their being late."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.store import jobs
from sidecar.store.database import Database
from sidecar.store.job_records import Job
from sidecar.store.lock import FolderLock
from sidecar.store.store import Exchanged
from tests.helpers.inside import Inside, inside

MODEL = "openai/gpt-6-luna"
# What an app asks at its start needs none of these.
LATE = {
    "sidecar.batch",
    "sidecar.chat",
    "sidecar.providers",
    "sidecar.contract.types",
    "pydantic",
    "httpx",
    "aiohttp",
}


def loaded_by(code: str) -> set[str]:
    listing = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_serving_begins_without_what_only_questions_and_batches_need() -> None:
    loaded = loaded_by("import sidecar.app")
    assert {
        name for name in loaded if any(name == late or name.startswith(f"{late}.") for late in LATE)
    } == set()


def test_who_leaves_while_it_is_loaded_ahead_waits_for_one_piece_of_it_at_most() -> None:
    begun = """
from sidecar.load_ahead import load_ahead
asked = []
def pulse():
    asked.append(1)
    if len(asked) == 2:
        raise SystemExit(print(*sys.modules))
load_ahead(pulse)
"""
    loaded = loaded_by(f"exec({begun!r})")
    assert "sidecar.methods.settings" in loaded
    assert {"sidecar.methods.chat", "httpx"} & loaded == set()


async def made(here: Inside) -> set[str]:
    return {"chat", "batches", "native", "providers"} & set(vars(here.services))


async def test_projects_and_models_are_answered_before_anything_else_is_made(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        await here.ask("initialize", {"protocolVersion": "1.0"})
        await here.ask("project:list")
        await here.ask("models:get-all")
        assert await made(here) == set()
        await here.services.warm_up(0)
        assert await made(here) == {"batches", "native", "providers", "chat"}


async def test_a_batch_that_is_being_stored_when_the_batches_are_made_is_kept(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        project = (await here.ask("project:create", {"name": "P"}))["result"]["id"]
        await here.services.store.write(jobs.create, Job("half", project, 0), storing=True)
        await here.services.warm_up(0)
        await here.services.batches.resumption.jobs()
        assert await here.services.store.write(jobs.stored, "half") is not None


async def test_a_submission_that_a_crash_cut_short_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        project = (await here.ask("project:create", {"name": "P"}))["result"]["id"]
        rows = [{"prompt": "Hi", "model": MODEL}]
        job = (await here.ask("batch:submit", {"projectId": project, "rows": rows}))["result"]["id"]
        await here.services.store.write(_half_stored, job)
        assert (await here.ask("batch:list", {"projectId": project}))["result"] == []
    async with inside(tmp_path) as here:
        assert (await here.ask("batch:list", {"projectId": project}))["result"] == []
        assert await here.services.store.read(_rows_stored) == 0


def _half_stored(conn: sqlite3.Connection, job_id: str) -> None:
    conn.execute("UPDATE batch_jobs SET status = 'storing' WHERE id = ?", (job_id,))


def _rows_stored(conn: sqlite3.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM batch_results").fetchone()[0])


@pytest.mark.parametrize("greeted", [True, False], ids=["greeted", "not greeted"])
async def test_a_job_that_was_left_running_goes_on_whoever_is_there(tmp_path: Path, greeted: bool) -> None:
    rows = [{"prompt": f"[[simulate: slow_first_ms=60000 times=1]] {n}", "model": MODEL} for n in range(2)]
    async with inside(tmp_path) as here:
        project = (await here.ask("project:create", {"name": "P"}))["result"]["id"]
        job = (await here.ask("batch:submit", {"projectId": project, "rows": rows, "start": True}))["result"]
        async with asyncio.timeout(60):
            while not here.simulator.ledger.entries:
                await asyncio.sleep(0)
    async with inside(tmp_path) as here:
        if greeted:
            hello = (await here.ask("initialize", {"protocolVersion": "1.0"}))["result"]
            assert hello["resumedJobs"] == [job["id"]]
        else:
            await here.services.warm_up(0)
        assert here.services.batches.is_running(
            job["id"]
        ) or await here.services.batches.resumption.jobs() == (job["id"],)


async def test_what_is_made_while_the_process_ends_begins_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        here.services.stop_taking()
        await here.services.warm_up(0)
        assert await made(here) == set()
        answer = await here.ask("batch:start", {"jobId": "any"})
        assert answer["error"]["data"]["kind"] in ("shutting_down", "not_found")


async def test_it_says_that_it_is_well_while_a_large_database_is_brought_up_to_date(tmp_path: Path) -> None:
    done = asyncio.Event()

    async def takes_minutes(database: Database | None) -> Exchanged:
        await done.wait()
        return Exchanged(database)

    async with inside(tmp_path) as here:
        working = asyncio.create_task(here.services.store.replace(takes_minutes))
        health = (await here.ask("system:health"))["result"]
        assert (health["status"], health["schemaVersion"]) == ("opening", 0)
        done.set()
        await working
        health = (await here.ask("system:health"))["result"]
        assert health["status"] == "ok"
        assert health["schemaVersion"] > 0


async def test_a_sidecar_that_is_still_ending_is_waited_for_by_the_next_one(tmp_path: Path) -> None:
    """The person who quits the app and opens it again at once."""
    before = FolderLock.take(tmp_path / "abai.db.lock")
    async with inside(tmp_path) as here:
        asking = asyncio.create_task(here.ask("project:create", {"name": "P"}))
        here.send({"jsonrpc": "2.0", "id": 1, "method": "models:get-all"})
        assert (await here.next_message())["id"] == 1
        assert not asking.done()
        before.release()
        assert (await asking)["result"]["name"] == "P"


async def test_a_data_folder_that_is_a_file_is_told_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    async with inside(tmp_path / "data") as here:
        error = (await here.ask("project:list"))["error"]
    assert error["data"]["kind"] == "storage_error"
    assert error["message"].startswith("The data folder cannot be used.")
