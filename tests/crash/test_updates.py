"""An update of the database that takes the process each time: it is left alone after two deaths, and all else works."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.field.lab import project, sidecar
from tests.helpers.crashing import KILLED, leave
from tests.helpers.process import RpcError, SidecarProcess
from tests.store import old_app

DIES = {"ABAI_CRASH_AT": "migration:2"}


async def death(folder: Path) -> None:
    async with sidecar(folder, environment=DIES) as process:
        process.start_call("initialize", {"protocolVersion": "1.0"})
        assert await process.wait() == KILLED


async def refusal(process: SidecarProcess) -> str:
    """What is told of the database, which does not open."""
    told = ""
    try:
        await process.call("project:list")
    except RpcError as error:
        told = error.message
    return told


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.startswith("abai.db.before"))


async def test_an_update_that_kills_each_start_is_left_alone_after_two_deaths_until_a_person_says_so(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    old_app.make(folder / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    for _ in range(2):
        await death(folder)
    # A third start that would die too.
    async with sidecar(folder, environment=DIES) as process:
        told = await refusal(process)
        assert "ended twice in a row while it brought the database up to date" in told
        assert "move abai.db.updating out of the data folder" in told
        assert (await process.call("system:health"))["status"] != "ok"
        assert await process.call("data:backups") == []
        assert await process.call("system:doctor")
        await leave(process)
    assert names(folder) == [], "each death left a copy of the whole database behind"
    with closing(sqlite3.connect(folder / "abai.db")) as conn:
        assert conn.execute("SELECT count(*) FROM messages").fetchone() == (5,)
    # Whatever killed it is over, and a person says so.
    async with sidecar(folder) as process:
        assert await refusal(process)
        (folder / "abai.db.updating").rename(tmp_path / "away")
        while await refusal(process):
            assert await process.call("system:health")
            await process.news()
        assert [each["name"] for each in await process.call("project:list")] == ["First"]
        await leave(process)
    assert len(names(folder)) == 1
    assert not (folder / "abai.db.updating").exists()


async def test_a_backup_is_put_in_the_place_of_a_database_whose_update_kills_each_start(
    tmp_path: Path,
) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup.db"
    async with sidecar(tmp_path / "other") as process:
        made = await project(process)
        await process.call("data:backup", {"path": str(backup)})
        await leave(process)
    folder.mkdir()
    old_app.make(folder / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    for _ in range(2):
        await death(folder)
    async with sidecar(folder) as process:
        assert "twice in a row" in await refusal(process)
        await process.call("data:restore", {"path": str(backup)})
        assert [each["id"] for each in await process.call("project:list")] == [made]
        await leave(process)
    assert not (folder / "abai.db.updating").exists()


async def test_an_update_that_is_killed_once_works_the_next_time_and_leaves_one_copy(tmp_path: Path) -> None:
    old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    await death(tmp_path)
    async with sidecar(tmp_path) as process:
        assert [each["name"] for each in await process.call("project:list")] == ["First"]
        await leave(process)
    assert len(names(tmp_path)) == 1
    assert not (tmp_path / "abai.db.updating").exists()


async def test_the_copy_of_what_was_before_an_update_stays_when_a_person_puts_another_database_in_its_place(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    old_app.make(folder / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    await death(folder)
    (copy,) = names(folder)
    for left in folder.glob("abai.db-*"):
        left.unlink()
    (folder / "abai.db").unlink()
    more = "INSERT INTO projects VALUES ('p' || hex(randomblob(900)), 'Other', '', '{}', 1, 1);"
    old_app.make(folder / "abai.db", old_app.TABLES, old_app.GOOD_ROWS, more * 9)
    async with sidecar(folder) as process:
        assert len(await process.call("project:list")) == 10
        await leave(process)
    assert copy in names(folder)


async def test_a_journal_that_a_dead_update_left_is_not_laid_over_a_backup_that_a_person_copies_in_place(
    tmp_path: Path,
) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup.db"
    async with sidecar(tmp_path / "other") as process:
        for number in range(50):
            await process.call("project:create", {"name": f"{number} {'x' * 500}"})
        await process.call("data:backup", {"path": str(backup)})
        await leave(process)
    folder.mkdir()
    database = folder / "abai.db"
    old_app.make(database, old_app.TABLES, old_app.GOOD_ROWS)
    with closing(sqlite3.connect(database)) as conn, conn:
        # So much that a part of the update is in the file before it ends.
        conn.executemany(
            "INSERT INTO messages VALUES (?, 'c1', 'user', ?, NULL, NULL, NULL, NULL, NULL, 2000)",
            [(f"long {number}", "y" * 3_000) for number in range(4_000)],
        )
    async with sidecar(folder, environment={"ABAI_CRASH_AT": "migration:18"}) as process:
        process.start_call("initialize", {"protocolVersion": "1.0"})
        assert await process.wait() == KILLED
    assert (folder / "abai.db-journal").stat().st_size > 0
    shutil.copyfile(backup, database)
    async with sidecar(folder) as process:
        assert len(await process.call("project:list")) == 50
        assert (await process.call("data:check", {"full": True}))["sound"]
        await leave(process)
    assert len(list(folder.glob("abai.db.foreign-log-*"))) == 1
