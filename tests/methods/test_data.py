"""Copies of the data, and the way back: nothing that was acknowledged is lost on it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.store import jobs, ledger, upgrade
from sidecar.store.exports import TABLES
from sidecar.store.job_records import Job
from sidecar.store.records import LedgerEntry, Settlement
from tests.helpers.inside import Inside, inside

NOW = 1_795_392_000_000


def beside(data_dir: Path) -> Path:
    """A folder of the person's: nothing is written into the data folder for them."""
    folder = data_dir.with_name(f"{data_dir.name}-files")
    folder.mkdir(exist_ok=True)
    return folder


async def project(app: Inside, name: str) -> str:
    return str((await app.ask("project:create", {"name": name}))["result"]["id"])


async def names(app: Inside) -> set[str]:
    return {each["name"] for each in (await app.ask("project:list"))["result"]}


async def backup(app: Inside, path: Path) -> Path:
    answer = (await app.ask("data:backup", {"path": str(path)}))["result"]
    assert answer == {"path": str(path), "bytes": path.stat().st_size}
    return path


def kept(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("abai.db.before-restore-*"))


def project_names(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as conn:
        return {name for (name,) in conn.execute("SELECT name FROM projects")}


async def test_a_backup_is_put_back_and_what_came_after_it_is_kept_beside_it(
    app: Inside, tmp_path: Path
) -> None:
    await project(app, "First")
    copy = await backup(app, beside(tmp_path) / "copy.db")
    await project(app, "Second")
    answer = await app.ask("data:restore", {"path": str(copy)})
    database = tmp_path / "abai.db"
    assert answer["result"] == {"path": str(database), "bytes": database.stat().st_size}
    assert await names(app) == {"First"}
    assert [project_names(path) for path in kept(tmp_path)] == [{"First", "Second"}]
    assert not (tmp_path / "abai.db.restoring").exists()
    await project(app, "Third")
    assert await names(app) == {"First", "Third"}


async def test_what_was_put_back_is_there_after_a_restart_and_can_be_undone(tmp_path: Path) -> None:
    async with inside(tmp_path) as app:
        await project(app, "First")
        copy = await backup(app, beside(tmp_path) / "copy.db")
        await project(app, "Second")
        await app.ask("data:restore", {"path": str(copy)})
    async with inside(tmp_path) as app:
        assert await names(app) == {"First"}
        await app.ask("data:restore", {"path": str(kept(tmp_path)[0])})
        assert await names(app) == {"First", "Second"}


async def test_settings_and_the_open_project_are_those_of_the_backup(app: Inside, tmp_path: Path) -> None:
    first = await project(app, "First")
    await app.ask("settings:save", {"key": "maxOutputTokens", "value": 100})
    copy = await backup(app, beside(tmp_path) / "copy.db")
    await app.ask("settings:save", {"key": "maxOutputTokens", "value": 200})
    await project(app, "Second")
    await app.ask("data:restore", {"path": str(copy)})
    assert (await app.ask("settings:load", {"key": "maxOutputTokens"}))["result"] == 100
    assert await app.services.store.read(app.services.session.open_project) == first


async def test_a_restore_that_is_cancelled_when_it_is_done_already_leaves_nothing_of_the_data_before(
    app: Inside, tmp_path: Path
) -> None:
    await app.ask("settings:save", {"key": "maxOutputTokens", "value": 100})
    copy = await backup(app, beside(tmp_path) / "copy.db")
    await app.ask("settings:save", {"key": "maxOutputTokens", "value": 200})
    app.send({"jsonrpc": "2.0", "id": "r", "method": "data:restore", "params": {"path": str(copy)}})
    async with asyncio.timeout(60):
        while not kept(tmp_path):
            await asyncio.sleep(0)
    app.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "r"}})
    assert (await app.next_message())["error"]["data"]["kind"] == "cancelled"
    assert (await app.ask("settings:load", {"key": "maxOutputTokens"}))["result"] == 100


async def test_calls_wait_while_a_backup_is_put_in_place(app: Inside, tmp_path: Path) -> None:
    await project(app, "First")
    copy = await backup(app, beside(tmp_path) / "copy.db")
    restoring = {"jsonrpc": "2.0", "id": "r", "method": "data:restore", "params": {"path": str(copy)}}
    made = set()
    app.send(restoring)
    answered: dict[Any, Any] = {}
    number = 0
    while "r" not in answered:
        number += 1
        made.add(f"P{number}")
        params = {"name": f"P{number}"}
        app.send({"jsonrpc": "2.0", "id": number, "method": "project:create", "params": params})
        answer = await app.next_message()
        answered[answer["id"]] = answer
    while len(answered) < number + 1:
        answer = await app.next_message()
        answered[answer["id"]] = answer
    assert [each for each in answered.values() if "error" in each] == []
    # Each is in the one or in the other: acknowledged before, or after.
    assert await names(app) | project_names(kept(tmp_path)[0]) == made | {"First"}


@pytest.mark.parametrize(
    "what", ["missing", "folder", "text", "empty", "other", "newer", "half", "damaged", "itself"]
)
async def test_what_is_no_backup_is_refused_and_nothing_is_touched(
    app: Inside, tmp_path: Path, what: str
) -> None:
    await project(app, "First")
    path = beside(tmp_path) / "copy.db"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("hello " * 1_000, encoding="utf-8")
    elif what == "empty":
        path.touch()
    elif what == "other":
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("CREATE TABLE photos (id TEXT)")
    elif what == "itself":
        path = tmp_path / "abai.db"
    elif what != "missing":
        await backup(app, path)
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            if what == "newer":
                conn.execute(f"PRAGMA user_version={upgrade.LATEST + 1}")
            elif what == "half":
                conn.execute("ALTER TABLE messages DROP COLUMN thinking")
            else:
                page = conn.execute("PRAGMA page_size").fetchone()[0]
        if what == "damaged":
            content = bytearray(path.read_bytes())
            content[5 * page + 20 : 9 * page] = os.urandom(4 * page - 20)
            path.write_bytes(content)
    before = sorted(each.name for each in tmp_path.iterdir())
    answer = await app.ask("data:restore", {"path": str(path)})
    kind = "not_found" if what == "missing" else "invalid_params"
    assert answer["error"]["data"]["kind"] == kind, answer
    assert await names(app) == {"First"}
    assert sorted(each.name for each in tmp_path.iterdir()) == before


async def test_a_database_of_the_app_before_can_be_put_in_place(app: Inside, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        steps = upgrade.steps()
        steps[0](conn, NOW)
        conn.execute("INSERT INTO projects (id, name, created_at) VALUES ('p', 'Old one', 5)")
    content = path.read_bytes()
    assert "result" in await app.ask("data:restore", {"path": str(path)})
    assert await names(app) == {"Old one"}
    assert path.read_bytes() == content


async def test_nothing_is_put_in_place_while_something_runs(app: Inside, tmp_path: Path) -> None:
    await project(app, "First")
    copy = await backup(app, beside(tmp_path) / "copy.db")
    entry = LedgerEntry(id="running", created_at=NOW, kind="chat")
    await app.services.store.write(ledger.intent, entry)
    answer = await app.ask("data:restore", {"path": str(copy)})
    assert answer["error"]["data"]["kind"] == "conflict"
    timed_out = Settlement("failed", error_kind="timeout")
    await app.services.store.write(ledger.settle, "running", timed_out, NOW)
    assert "result" in await app.ask("data:restore", {"path": str(copy)})


async def test_a_batch_that_ran_when_the_backup_was_made_does_not_run_again_by_itself(
    app: Inside, tmp_path: Path
) -> None:
    project_id = await project(app, "First")
    running = Job(id="job", project_id=project_id, created_at=NOW, status="processing", total_rows=1)
    theirs = Job(id="theirs", project_id=project_id, created_at=NOW, source="renderer", status="processing")
    entry = LedgerEntry(id="e", created_at=NOW, kind="batch", job_id="job", estimate_usd=Decimal("0.5"))

    def begin(conn: sqlite3.Connection) -> None:
        jobs.create(conn, running)
        jobs.create(conn, theirs)
        ledger.intent(conn, entry)

    def end(conn: sqlite3.Connection) -> None:
        conn.execute("UPDATE batch_jobs SET status = 'completed' WHERE id = 'job'")
        ledger.settle(conn, "e", Settlement("failed", error_kind="cancelled"), NOW)

    await app.services.store.write(begin)
    copy = await backup(app, beside(tmp_path) / "copy.db")
    await app.services.store.write(end)
    assert "result" in await app.ask("data:restore", {"path": str(copy)})
    found = await app.services.store.read(jobs.get, "job")
    assert found is not None
    assert found.status == "failed"
    assert "Start it" in str(found.error)
    left = await app.services.store.read(ledger.get, "e")
    assert left is not None
    assert left.state == "unknown"
    other = await app.services.store.read(jobs.get, "theirs")
    assert other is not None
    assert other.status == "processing"
    # Nothing of it keeps the next one from being put in place.
    assert "result" in await app.ask("data:restore", {"path": str(copy)})


@pytest.mark.skipif(
    sys.platform == "win32", reason="a database that another program holds cannot be renamed at all"
)
async def test_a_database_that_another_program_reads_is_left_in_place(app: Inside, tmp_path: Path) -> None:
    await project(app, "First")
    copy = await backup(app, beside(tmp_path) / "copy.db")
    with closing(sqlite3.connect(tmp_path / "abai.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM projects").fetchall()
        await project(app, "Second")
        answer = await app.ask("data:restore", {"path": str(copy)})
        assert answer["error"]["data"]["kind"] == "storage_error"
        assert "Nothing was restored" in answer["error"]["message"]
        assert await names(app) == {"First", "Second"}
        assert kept(tmp_path) == []
    assert "result" in await app.ask("data:restore", {"path": str(copy)})
    assert await names(app) == {"First"}


@pytest.mark.parametrize("name", ["abai.db", "abai.db-wal", "keys.json", "", "missing/copy.db"])
async def test_a_backup_never_replaces_what_is_not_the_persons(
    app: Inside, tmp_path: Path, name: str
) -> None:
    answer = await app.ask("data:backup", {"path": str(tmp_path / name)})
    assert answer["error"]["data"]["kind"] == "invalid_params"


async def test_an_export_holds_every_table_and_no_key(app: Inside, tmp_path: Path) -> None:
    await app.ask("settings:save", {"key": "apiKey", "provider": "openai", "value": "sk-secret-1234567890"})
    await app.ask("settings:save", {"key": "maxOutputTokens", "value": 100})
    await project(app, "Fürst")
    await app.ask("chat:send", {"conversationId": "c", "content": "Why?\nSo.", "modelId": "openai/gpt-4o"})
    await app.ask("history:log", {"project": "P", "row": {"n": 1}})
    await app.ask("jobqueue:save-state", {"batchId": "b", "state": {"rows": []}})
    answer = (await app.ask("data:export", {"path": str(beside(tmp_path) / "out")}))["result"]
    files = sorted((beside(tmp_path) / "out").iterdir())
    assert answer == {
        "path": str(beside(tmp_path) / "out"),
        "bytes": sum(path.stat().st_size for path in files),
    }
    assert [path.name for path in files] == sorted(f"{table}.jsonl" for table in TABLES)
    found = {
        path.stem: [json.loads(line, parse_float=Decimal) for line in path.read_bytes().splitlines()]
        for path in files
    }
    assert [each["name"] for each in found["projects"]] == ["Fürst"]
    assert found["projects"][0]["settings"] == {}
    assert [each["role"] for each in found["messages"]] == ["user", "assistant"]
    assert found["messages"][0]["content"] == "Why?\nSo."
    entry = found["ledger"][0]
    assert entry["cost_usd"] == found["messages"][1]["cost"]
    assert (entry["state"], "cost_pico" in entry) == ("settled", False)
    assert found["settings"] == [
        {"key": "maxOutputTokens", "value": 100, "updated_at": found["settings"][0]["updated_at"]}
    ]
    assert found["history_rows"][0]["row"] == {"n": 1}
    assert found["jobqueue_states"][0]["state"] == {"rows": []}
    assert b"sk-secret" not in b"".join(path.read_bytes() for path in files)


def test_every_table_but_what_the_app_keeps_for_itself_is_exported() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        upgrade.migrate(conn, Path(), NOW)
        there = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in there if not name.startswith("messages_fts")} == {*TABLES, "app_state"}


async def test_a_person_who_exports_everything_gets_their_votes_and_what_a_cost_is_made_of(
    app: Inside, tmp_path: Path
) -> None:
    project_id = await project(app, "First")
    talk = (await app.ask("conversation:create", {"projectId": project_id}))["result"]["id"]
    models = ["openai/gpt-6-luna", "openai/gpt-5-mini"]
    asked = {"conversationId": talk, "content": "Why?", "modelIds": models}
    turn = (await app.ask("chat:compare", asked))["result"]["turnId"]
    ballot = (await app.ask("compare:ballot", {"turnId": turn}))["result"]
    await app.ask("compare:vote", {"ballotId": ballot["ballotId"], "winner": "tie"})
    folder = beside(tmp_path) / "all"
    await app.ask("data:export", {"path": str(folder)})
    (vote,) = [json.loads(each) for each in (folder / "votes.jsonl").read_bytes().splitlines()]
    assert (vote["winner"], [set(answer) for answer in vote["answers"]].count(set())) == ("tie", 0)
    calls = [json.loads(each) for each in (folder / "ledger.jsonl").read_bytes().splitlines()]
    assert {part["unit"] for call in calls for part in call["parts"]} >= {"in_uncached", "out_visible"}


async def test_an_export_into_a_folder_that_is_there_replaces_its_own_files_only(
    app: Inside, tmp_path: Path
) -> None:
    folder = beside(tmp_path) / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "projects.jsonl").write_text("old", encoding="utf-8")
    await app.ask("data:export", {"path": str(folder)})
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (folder / "projects.jsonl").read_bytes() == b""


@pytest.mark.parametrize("name", ["", "abai.db", "history", "a-file"])
async def test_an_export_is_refused_where_it_does_not_belong(app: Inside, tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "history").mkdir()
    answer = await app.ask("data:export", {"path": str(tmp_path / name)})
    assert answer["error"]["data"]["kind"] == "invalid_params"


async def test_reads_and_writes_go_on_while_everything_is_exported(app: Inside, tmp_path: Path) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        rows = ((f"p{number}", "x" * 2_000) for number in range(20_000))
        conn.executemany("INSERT INTO projects (id, name, created_at, last_used) VALUES (?, ?, 1, 1)", rows)

    await app.services.store.write(fill)
    params = {"path": str(beside(tmp_path) / "out")}
    app.send({"jsonrpc": "2.0", "id": "e", "method": "data:export", "params": params})
    app.send({"jsonrpc": "2.0", "id": "p", "method": "project:create", "params": {"name": "Beside"}})
    async with asyncio.timeout(60):
        order = [(await app.next_message())["id"] for _ in range(2)]
    assert order == ["p", "e"]
    # A moment is a moment: what came beside it is in it or not, and no line is cut.
    assert len((beside(tmp_path) / "out" / "projects.jsonl").read_bytes().splitlines()) in (20_000, 20_001)
