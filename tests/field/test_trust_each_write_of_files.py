"""A disk that is full from the first, second, third … write on, under what makes files, or reads them in."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sidecar import resources
from tests.field.full_place import Place, told, writes
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer
from tests.store import old_app

MODEL = "openai/gpt-6-luna"
LONG = " A long line." * 700
TALKS = 5
# Who could not open the database tries again after a second: not after each write where there is little time.
AT_THE_END = 60
STEP = longer(7, 2)


def below(folder: Path) -> dict[str, int]:
    """The files of a folder by their names in it, with their sizes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


async def projects(process: SidecarProcess) -> list[dict[str, Any]]:
    """Those that are there once the database is open: who could not open it tries again after a second."""
    async with asyncio.timeout(60):
        while isinstance(found := await told(process, "project:list", {}), RpcError):
            await process.news()
    return list(found)


async def used(process: SidecarProcess) -> tuple[str, str]:
    """The ids of a project with long conversations, and of a batch of it that has run."""
    project = (await process.call("project:create", {"name": "P"}))["id"]
    for number in range(TALKS):
        talk = await process.call("conversation:create", {"projectId": project, "name": f"Talk {number}"})
        asked = {"content": f"Why {number}?" + LONG, "modelId": MODEL, "conversationId": talk["id"]}
        await process.call("chat:send", asked)
    rows = [{"id": f"r{row}", "prompt": f"Why {row}?" + LONG, "model": MODEL} for row in range(8)]
    job = await process.call("batch:submit", {"projectId": project, "rows": rows, "start": True})
    while (await process.call("batch:get", {"jobId": job["id"]}))["status"] != "completed":
        await process.news()
    return project, job["id"]


async def test_a_file_is_written_while_the_disk_fills_at_each_of_its_writes(place: Place) -> None:
    home = place.data.parent / "home"
    path = str(home / "it.html")
    async with place.sidecar() as process:
        project, job = await used(process)
        formats = ("csv", "json", "jsonl", "parquet", "openai-tuning")
        beside = ["markdown", "csv", "xlsx"]
        calls: list[tuple[str, dict[str, Any]]] = [
            *(("batch:export", {"jobId": job, "format": each, "path": path}) for each in formats),
            ("batch:report", {"jobIds": [job], "path": path, "beside": beside}),
            ("conversation:export", {"projectId": project, "format": "json", "path": path}),
            ("conversation:export", {"projectId": project, "format": "markdown", "path": path}),
            ("data:backup", {"path": path}),
            ("data:export", {"path": path}),
        ]
        for method, params in calls:
            home.mkdir()
            for write in writes():
                with place.disk.full_from(write):
                    answer = await told(process, method, params)
                if not isinstance(answer, RpcError):
                    break
                assert below(home) == {}, (method, write)
            assert write > 1, method
            whole = below(home)
            shutil.rmtree(home)
            home.mkdir()
            await process.call(method, params)
            assert below(home) == whole, method
            shutil.rmtree(home)


async def test_conversations_are_imported_while_the_disk_fills_at_each_write(place: Place) -> None:
    file = place.scratch / "talks.json"
    async with place.sidecar() as process:
        project, _ = await used(process)
        await process.call("conversation:export", {"projectId": project, "format": "json", "path": str(file)})
        await process.call("project:delete", {"id": project})
        for write in writes():
            home = (await process.call("project:create", {"name": f"Home {write}"}))["id"]
            taken = {"projectId": home, "path": str(file)}
            with place.disk.full_from(write):
                answer = await told(process, "conversation:import", taken)
                listed = await process.call("conversation:list", {"projectId": home})
            if isinstance(answer, RpcError):
                there = len(listed)
                assert not there or f"{there} conversation" in answer.message, answer
                result = await process.call("conversation:import", taken)
                assert (result["known"], result["conversations"]) == (there, TALKS - there)
            listed = await process.call("conversation:list", {"projectId": home})
            assert len(listed) == TALKS
            for talk in listed:
                kept = await process.call("messages:list", {"conversationId": talk["id"], "limit": 1000})
                assert [message["role"] for message in kept] == ["user", "assistant"]
            await process.call("project:delete", {"id": home})
            if not isinstance(answer, RpcError):
                break
    assert write > 1


async def test_a_backup_is_put_back_while_the_disk_fills_at_each_write(place: Place) -> None:
    small, large = str(place.scratch / "small.db"), str(place.scratch / "large.db")
    async with place.sidecar() as process:
        await process.call("project:create", {"name": "First"})
        await process.call("data:backup", {"path": small})
        # What is there is larger than what takes its place.
        await used(process)
        await process.call("data:backup", {"path": large})
        with place.disk.full_from(0):
            await process.call("data:restore", {"path": small})
        there = place.disk.seen
        await process.call("data:restore", {"path": large})
        kept = below(place.data).keys()
        # The exchange is in the last of them; before, a copy is written page by page.
        for write in (*range(1, there - AT_THE_END, 9), *range(there - AT_THE_END, 2 * there, STEP)):
            with place.disk.full_from(write):
                answer = await told(process, "data:restore", {"path": small})
            if not place.disk.refused:
                break
            assert len(await projects(process)) == (2 if isinstance(answer, RpcError) else 1), write
            assert place.read("PRAGMA integrity_check") == [("ok",)], write
            written = await process.call("project:create", {"name": "Written"})
            await process.call("project:delete", {"id": written["id"]})
            if not isinstance(answer, RpcError):
                await process.call("data:restore", {"path": large})
                kept = below(place.data).keys()
            assert {name for name in below(place.data) if "before-restore" in name} <= kept, write
        assert not isinstance(answer, RpcError)
        assert len(await process.call("project:list")) == 1


async def test_an_old_database_is_brought_up_to_date_while_the_disk_fills_at_each_write(place: Place) -> None:
    for write in itertools.count(1, longer(9, 2)):
        shutil.rmtree(place.data, ignore_errors=True)
        place.data.mkdir()
        path = old_app.make(place.data / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
        with closing(sqlite3.connect(path)) as conn:
            (messages,) = conn.execute("SELECT count(*) FROM messages").fetchone()
        with place.disk.full_from(write):
            async with place.sidecar() as process:
                answer = await told(process, "project:list", {})
                assert (await process.call("system:health"))["status"] in ("ok", "degraded", "unhealthy")
                place.disk.make_room()
                assert [each["id"] for each in await projects(process)] == ["p1"]
        assert place.read("SELECT count(*) FROM messages") == [(messages,)]
        if not place.disk.refused:
            break
        assert len(list(place.data.glob("*.bak"))) == 1, write
    assert not isinstance(answer, RpcError)
    assert write > 1


async def test_a_newer_catalogue_is_taken_while_the_disk_fills_at_each_write(place: Place) -> None:
    document = json.loads(resources.read_bytes("data/models.json"))
    shipped = date.fromisoformat(document["checkedOn"])
    texts = [json.dumps({**document, "checkedOn": str(shipped + timedelta(days=later))}) for later in (1, 2)]
    async with place.sidecar() as process:
        await process.call("models:update", {"text": texts[0]})
        for write in writes():
            before = below(place.data)
            with place.disk.full_from(write):
                answer = await told(process, "models:update", {"text": texts[1]})
            if not isinstance(answer, RpcError):
                break
            assert below(place.data) == before, write
        undone = await process.call("models:update", {"undo": True})
    assert undone["checkedOn"] == str(shipped + timedelta(days=1))
    assert write > 1
