"""A database that is damaged, held, or gone, beside the real process: there is a way back, and it needs no restart."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import ask, own_models, refused, sidecar
from tests.helpers.process import RpcError, SidecarProcess

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
NAMES = [f"Project {number}" for number in range(40)]


def zeros_at_the_start(content: bytes) -> bytes:
    return bytes(100) + content[100:]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeros_in_the_middle(content: bytes) -> bytes:
    # Behind the pages that say which tables there are: without all of these nothing can be read.
    middle = len(content) // 2
    return content[:middle] + bytes(80_000) + content[middle + 80_000 :]


DAMAGES = [zeros_at_the_start, half, zeros_in_the_middle]


async def fill(process: SidecarProcess) -> None:
    """Projects, a conversation and enough text that the damage falls into rows."""
    for name in NAMES:
        project = await process.call("project:create", {"name": name})
    await process.call("conversation:create", {"id": "c", "projectId": project["id"], "name": "Sea"})
    for number in range(60):
        message = {"conversationId": "c", "role": "user", "content": f"{number} " + "northern sea " * 300}
        await process.call("messages:add", message)


async def names(process: SidecarProcess) -> set[str]:
    return {each["name"] for each in await process.call("project:list")}


def is_sound(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as conn:
        return conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def damaged_folder(tmp_path: Path, damage: Callable[[bytes], bytes]) -> tuple[Path, Path]:
    """A data folder whose database is damaged, and a good backup of it."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with sidecar(data) as process:
        await fill(process)
        await process.call("data:backup", {"path": str(copy)})
        process.close_stdin()
        await process.wait()
    database = data / "abai.db"
    database.write_bytes(damage(database.read_bytes()))
    return data, copy


@field("trust", "the first 100 bytes of `abai.db` are zeros")
@field("trust", "the same → `system:health` answers")
@field("trust", "the same → the sentence names the way back")
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_backup_is_put_in_the_place_of_a_damaged_database(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    data, copy = await damaged_folder(tmp_path, damage)
    async with sidecar(data) as process:
        health = await process.call("system:health")
        assert health["status"] in ("ok", "degraded")
        with pytest.raises(RpcError, match="damaged") as caught:
            await process.call("messages:list", {"conversationId": "c", "limit": 100})
        assert "data:restore" in caught.value.message
        await process.call("data:restore", {"path": str(copy)})
        assert await names(process) == set(NAMES)
        assert len(await process.call("messages:list", {"conversationId": "c", "limit": 100})) == 60
        assert (await process.call("system:health"))["status"] == "ok"
        process.close_stdin()
        await process.wait()
    assert is_sound(data / "abai.db")
    assert len(list(data.glob("abai.db.before-restore-*"))) == 1


@field("trust", "a crash left `abai.db-wal` and `-shm`")
@pytest.mark.parametrize("way", ["backup", "raw copy", "moved away"])
async def test_a_log_is_never_laid_over_a_file_that_was_put_in_the_databases_place(
    way: str, tmp_path: Path
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    database = data / "abai.db"
    async with sidecar(data) as process:
        await fill(process)
        await process.call("data:backup", {"path": str(copy)})
        process.close_stdin()
        await process.wait()
    if way == "raw copy":
        shutil.copyfile(database, copy)
    async with sidecar(data) as process:
        for number in range(200):
            await process.call("project:create", {"name": f"Later {number}"})
        process.kill()
        await process.wait()
    assert (data / "abai.db-wal").stat().st_size > 0
    if way == "moved away":
        database.unlink()
    else:
        shutil.copyfile(copy, database)
    async with sidecar(data) as process:
        assert await names(process) == (set() if way == "moved away" else set(NAMES))
        process.close_stdin()
        await process.wait()
    assert is_sound(database)
    assert len(list(data.glob("abai.db.foreign-log-*"))) == 1


async def test_a_log_that_is_the_databases_own_is_read_wherever_the_folder_is_moved_to(
    tmp_path: Path,
) -> None:
    async with sidecar(tmp_path / "data") as process:
        await fill(process)
        process.kill()
        await process.wait()
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    async with sidecar(tmp_path / "moved") as process:
        assert await names(process) == set(NAMES)


@field("trust", "one page of a table is zeros, the rest opens")
async def test_what_is_damaged_is_called_no_backup(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with sidecar(data) as process:
        await fill(process)
        process.close_stdin()
        await process.wait()
    database = data / "abai.db"
    content = bytearray(database.read_bytes())
    at = content.index(b"30 northern sea") // 4096 * 4096
    content[at : at + 4096] = bytes(4096)
    database.write_bytes(content)
    async with sidecar(data) as process:
        with pytest.raises(RpcError, match="damaged") as caught:
            await process.call("data:backup", {"path": str(copy)})
        assert caught.value.data["kind"] == "storage_error"
        assert await names(process) == set(NAMES)
    assert not copy.exists()
    assert list(tmp_path.glob(".*.partial*")) == []


@field("trust", "a second app is told that the folder is in use")
async def test_the_second_app_works_once_the_first_one_has_ended(tmp_path: Path) -> None:
    async with sidecar(tmp_path) as first:
        await first.call("project:create", {"name": "First"})
        async with sidecar(tmp_path) as second:
            with pytest.raises(RpcError, match="already using"):
                await second.call("project:list")
            first.close_stdin()
            await first.wait()
            assert await until_answered(second, "project:list") == {"First"}


async def until_answered(process: SidecarProcess, method: str) -> set[str]:
    """The names in the answer, once there is one: within 10 s."""
    async with asyncio.timeout(10):
        while True:
            try:
                return {each["name"] for each in await process.call(method)}
            except RpcError:
                await asyncio.sleep(0.1)


@field("trust", "Stays as it is: restoring over a sound database keeps the present one")
async def test_restoring_keeps_what_was_there_beside_it(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with sidecar(data) as process:
        await process.call("project:create", {"name": "First"})
        await process.call("data:backup", {"path": str(copy)})
        await process.call("project:create", {"name": "Second"})
        await process.call("data:restore", {"path": str(copy)})
        assert await names(process) == {"First"}
    (kept,) = data.glob("abai.db.before-restore-*")
    with closing(sqlite3.connect(kept)) as conn:
        assert {name for (name,) in conn.execute("SELECT name FROM projects")} == {"First", "Second"}


def take_away(data: Path, how: str, elsewhere: Path) -> None:
    """What people do to a data folder under the running program."""
    if how == "deleted":
        shutil.rmtree(data)
    else:
        data.rename(elsewhere)
    if how == "replaced":
        shutil.copytree(elsewhere, data)


@pytest.mark.parametrize("gone", ["moved", "deleted", "replaced"])
async def test_nothing_is_paid_once_the_data_folder_is_no_longer_there(gone: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with (
        serving(GOOD) as server,
        sidecar(data, models=own_models(server.url)) as process,
    ):
        await ask(process)
        take_away(data, gone, tmp_path / "elsewhere")
        asked = len(server.asked)
        error = await refused(process)
        assert (error.data["kind"], len(server.asked)) == ("storage_error", asked)
        assert "moved, deleted or replaced" in error.message
        if gone == "moved":
            (tmp_path / "elsewhere").rename(data)
            assert (await ask(process))["answer"] == "Good morning"


@pytest.mark.parametrize("gone", ["moved", "deleted", "replaced"])
async def test_whoever_asks_how_it_is_hears_at_once_that_the_data_folder_is_gone(
    gone: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    async with sidecar(data) as process:
        assert (await process.call("system:health"))["status"] == "ok"
        take_away(data, gone, tmp_path / "elsewhere")
        health = await process.call("system:health")
        told = await process.call("system:doctor")
        assert health["status"] == told["database"]["status"] == "degraded"
        assert "moved, deleted or replaced" in health["problem"]
        assert health["problem"] in told["problems"]
        if gone == "moved":
            (tmp_path / "elsewhere").rename(data)
            health = await process.call("system:health")
            assert (health["status"], health.get("problem")) == ("ok", None)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_is_wrong_is_told_without_an_open_database(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    data, _ = await damaged_folder(tmp_path, damage)
    (data / "backups").mkdir()
    shutil.copyfile(tmp_path / "copy.db", data / "backups" / "abai-20261123T080000Z.db")
    async with sidecar(data) as process:
        found = await process.call("data:check", {"full": True})
        assert (found["sound"], bool(found["problems"])) == (False, True)
        assert "data:restore" in found["advice"]
        (backup,) = await process.call("data:backups")
        assert (backup["kind"], backup["checked"], backup["createdAt"]) == ("daily", True, 1_795_420_800_000)
        told = await process.call("system:doctor")
        assert told["folder"] == told["folder"] | {"path": str(data), "exists": True, "writable": True}
        assert told["backups"] == {"count": 1, "newestAt": backup["createdAt"]}
        assert told["database"]["bytes"] == (data / "abai.db").stat().st_size
        await process.call("data:restore", {"path": backup["path"]})
        assert await names(process) == set(NAMES)
        assert (await process.call("data:check", {"full": True}))["sound"]


async def test_a_file_that_is_named_like_a_copy_of_no_day_hides_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    for stamp in ("20261399T000000Z", "20260230T120000Z", "19010101T000000Z", "20260101T000000Z"):
        (tmp_path / "backups" / f"abai-{stamp}.db").write_bytes(b"kept")
    async with sidecar(tmp_path) as process:
        await process.call("project:list")
        (backup,) = await process.call("data:backups")
        assert backup["createdAt"] == 1_767_225_600_000
        assert (await process.call("system:doctor"))["backups"] == {
            "count": 1,
            "newestAt": backup["createdAt"],
        }


async def test_a_disk_without_room_is_tried_again(tmp_path: Path) -> None:
    """What keeps the file from being opened, and then does not any more: here a folder in its place."""
    (tmp_path / "abai.db").mkdir()
    async with sidecar(tmp_path) as process:
        with pytest.raises(RpcError):
            await process.call("project:list")
        assert (await process.call("system:health"))["status"] == "degraded"
        (tmp_path / "abai.db").rmdir()
        assert await until_answered(process, "project:list") == set()
        assert (await process.call("system:health"))["status"] == "ok"
