"""A disk that fills step by step under everything that writes: no file of the process may grow beyond a limit."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar import resources
from tests.field import lab
from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import ask, batch_rows, own_models
from tests.helpers.process import RpcError, SidecarProcess
from tests.store import old_app

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux sets the limits of another process"
)

PAGE_BYTES = 4096
# Python puts a compiled module in place that the limit has cut, and nobody can load it any more.
NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
LONG = "A long answer. " * 400
OLD = "what was there before"


def sidecar(data: Path, *flags: str, models: Any = None) -> AbstractAsyncContextManager[SidecarProcess]:
    return lab.sidecar(data, *flags, models=models, environment=NO_BYTECODE)


@contextmanager
def no_file_beyond(process: SidecarProcess, size: int) -> Iterator[None]:
    """For the time of a block, as on a disk with so much room."""
    import resource

    _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, most))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))


async def refusal(process: SidecarProcess, method: str, params: Any) -> RpcError | None:
    """What the disk was not large enough for, told as that; None where it was."""
    try:
        await process.call(method, params)
    except RpcError as error:
        if error.data["kind"] != "storage_error":
            raise
        return error
    return None


async def next_opening(process: SidecarProcess, data: Path) -> RpcError | None:
    """What comes of the next attempt to open the database, which takes the folder anew; None where it is open."""
    lock = data / "abai.db.lock"
    before = lock.stat().st_mtime_ns if lock.exists() else None
    while (told := await refusal(process, "project:list", {})) is not None:
        if lock.stat().st_mtime_ns != before:
            return told
        await process.news()
    return None


@asynccontextmanager
async def used(data: Path) -> AsyncIterator[tuple[SidecarProcess, str, str]]:
    """A sidecar with a few long answers in a project, and a batch of such: the project's id and the job's."""
    async with (
        serving(stream(*chat_chunks(LONG), "[DONE]")) as server,
        sidecar(data, models=own_models(server.url)) as process,
    ):
        await batch_rows(process, *({"prompt": f"Why {n}?", "model": "lab/m"} for n in range(8)))
        (project,) = await process.call("project:list")
        (job,) = await process.call("batch:list", {"projectId": project["id"]})
        talk = await process.call("conversation:create", {"projectId": project["id"]})
        await ask(process, conversationId=talk["id"])
        yield process, project["id"], job["id"]


def names_and_sizes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }


async def test_what_is_written_for_the_person_is_all_new_or_all_as_before(tmp_path: Path) -> None:
    home = tmp_path / "home"
    page, beside = str(home / "page.html"), ["markdown", "csv", "xlsx"]
    async with used(tmp_path / "data") as (process, project, job):
        formats = ("csv", "json", "jsonl", "parquet", "openai-tuning")
        calls: list[tuple[str, dict[str, Any]]] = [
            *(("batch:export", {"jobId": job, "format": each, "path": str(home / each)}) for each in formats),
            ("batch:report", {"jobIds": [job], "path": page, "beside": beside}),
            ("conversation:export", {"projectId": project, "format": "json", "path": str(home / "talks")}),
            ("conversation:export", {"projectId": project, "format": "markdown", "path": str(home / "md")}),
            ("data:backup", {"path": str(home / "copy.db")}),
            ("data:export", {"path": str(home / "tables")}),
        ]
        for method, params in calls:
            home.mkdir()
            await process.call(method, params)
            whole = names_and_sizes(home)
            limits = {size + change for size in whole.values() for change in (-1, -(size // 2))}
            for limit in sorted(limits - {-1, 0}):
                for name in whole:
                    (home / name).write_text(OLD, encoding="utf-8")
                with no_file_beyond(process, limit):
                    told = await refusal(process, method, params)
                assert (told is None) == (limit >= max(whole.values())), (method, limit)
                kept = whole if told is None else dict.fromkeys(whole, len(OLD))
                assert names_and_sizes(home) == kept, (method, limit)
            assert await refusal(process, method, params) is None
            shutil.rmtree(home)


async def test_an_old_database_stays_as_it_is_until_there_is_room_to_bring_it_up_to_date(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path = old_app.make(data / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(sqlite3.connect(path)) as conn, conn:
        many = ((f"many{n}", "c1", "user", LONG, n) for n in range(40))
        conn.executemany(
            "INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES (?, ?, ?, ?, ?)",
            many,
        )
    before, size = path.read_bytes(), path.stat().st_size
    refused = 0
    async with sidecar(data) as process:
        for limit in range(size // 2, size * 4, size // 4):
            with no_file_beyond(process, limit):
                if await next_opening(process, data) is None:
                    break
                assert (path.read_bytes(), list(data.glob("*.bak"))) == (before, []), limit
                refused += 1
        projects = await process.call("project:list")
    assert refused > 2
    assert [each["id"] for each in projects] == ["p1"]
    assert len(list(data.glob("*.bak"))) == 1


async def test_an_import_says_what_is_in_and_takes_the_rest_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "talks.json"
    async with used(tmp_path / "data") as (process, project, _):
        for number in range(60):
            talk = await process.call("conversation:create", {"projectId": project, "name": f"Talk {number}"})
            await ask(process, conversationId=talk["id"])
        await process.call("conversation:export", {"projectId": project, "format": "json", "path": str(file)})
    empty = tmp_path / "empty"
    async with sidecar(empty) as process:
        home = (await process.call("project:create", {"name": "Home"}))["id"]
        taken = {"projectId": home, "path": str(file)}
        log = (empty / "abai.db-wal").stat().st_size
        with no_file_beyond(process, log + file.stat().st_size):
            told = await refusal(process, "conversation:import", taken)
        there = len(await process.call("conversation:list", {"projectId": home}))
        assert told is not None
        assert 0 < there < 61
        assert f"{there} conversations were imported before" in told.message
        result = await process.call("conversation:import", taken)
    assert (result["known"], result["conversations"]) == (there, 61 - there)


async def test_a_restore_that_finds_no_room_says_so_and_leaves_all_as_it_was(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    data = tmp_path / "data"
    async with used(data) as (process, _, _):
        await process.call("data:backup", {"path": str(copy)})
        await process.call("project:create", {"name": "Later"})
        size = copy.stat().st_size
        for limit in range(PAGE_BYTES, size, size // 6):
            with no_file_beyond(process, limit):
                told = await refusal(process, "data:restore", {"path": str(copy)})
                assert told is not None, limit
                assert "Another program" not in told.message, limit
                assert len(await process.call("project:list")) == 2
            assert not list(data.glob("*.before-restore-*"))
        await process.call("data:restore", {"path": str(copy)})
        assert len(await process.call("project:list")) == 1


async def test_a_newer_catalogue_that_finds_no_room_leaves_the_one_before_to_go_back_to(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    document = json.loads(resources.read_bytes("data/models.json"))
    shipped = date.fromisoformat(document["checkedOn"])
    days = [str(shipped + timedelta(days=later)) for later in (1, 2, 3)]
    texts = [
        json.dumps({**document, "checkedOn": day, "notes": "x" * number * 10_000})
        for number, day in enumerate(days, start=1)
    ]
    async with sidecar(data) as process:
        for text in texts[:2]:
            await process.call("models:update", {"text": text})
        before = names_and_sizes(data)
        with no_file_beyond(process, len(texts[1]) + 100):
            assert await refusal(process, "models:update", {"text": texts[2]}) is not None
        assert names_and_sizes(data) == before
        undone = await process.call("models:update", {"undo": True})
    assert undone["checkedOn"] == days[0]


async def test_keys_that_find_no_room_leave_nothing_half_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with sidecar(data) as process:
        saved = {"key": "apiKey", "provider": "openai", "value": "sk-short"}
        await process.call("settings:save", saved)
        before = (data / "keys.json").read_bytes()
        with no_file_beyond(process, 100):
            told = await refusal(process, "settings:save", {**saved, "value": "sk-" + "long" * 40})
        assert told is not None
        assert (data / "keys.json").read_bytes() == before
        assert not list(data.glob("keys.*.partial"))
        await process.call("settings:save", {**saved, "value": "sk-" + "long" * 40})


async def test_a_recording_goes_on_once_there_is_room_and_says_what_it_lacks(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    async with sidecar(tmp_path / "data", "--record", str(record)) as process:
        await process.call("project:create", {"name": "Before"})
        with no_file_beyond(process, 2 * PAGE_BYTES):
            while not any("the recording goes on once there is room" in line for line in process.stderr):
                await process.call("project:list")
        await process.call("project:create", {"name": "After"})
        process.close_stdin()
        await process.wait()
    lines = [json.loads(line) for line in record.read_bytes().splitlines()]
    assert any(line.get("meta", {}).get("lost") for line in lines)
    assert any(line.get(">", {}).get("params") == {"name": "After"} for line in lines)
    assert "end" in lines[-1]["meta"]
