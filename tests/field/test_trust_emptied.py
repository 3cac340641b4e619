"""The database's file has no bytes any more, as a crash or a synced folder leaves it: it is not a new one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.field.lab import sidecar
from tests.field.test_trust_data import NAMES, damaged_folder, names
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment


def nothing(content: bytes) -> bytes:
    return b""


async def emptied_folder(tmp_path: Path) -> Path:
    """A data folder whose database is empty, with a copy of the day in which all is."""
    data, copy = await damaged_folder(tmp_path, nothing)
    (data / "backups").mkdir(exist_ok=True)
    shutil.move(copy, data / "backups" / "abai-20261122T080000Z.db")
    return data


async def test_an_emptied_database_is_not_begun_anew_while_there_are_copies_of_it(tmp_path: Path) -> None:
    data = await emptied_folder(tmp_path)
    async with sidecar(data) as process:
        with pytest.raises(RpcError, match=r"abai\.db in the data folder is empty, .* Restore one of them"):
            await process.call("project:list")
        assert (await process.call("system:health"))["status"] != "ready"
        checked = await process.call("data:check")
        assert checked["sound"] is False
        assert "is empty" in checked["problems"][0]
        [copy] = await process.call("data:backups")
        await process.call("data:restore", {"path": copy["path"]})
        assert await names(process) >= set(NAMES)


async def test_what_can_be_read_of_an_emptied_database_is_nothing_and_that_is_told(tmp_path: Path) -> None:
    data = await emptied_folder(tmp_path)
    async with sidecar(data) as process:
        found = await process.call("data:salvage")
        assert {each["rows"] for each in found["tables"]} == {0}
        assert found["lost"]
        assert await process.call("project:list") == []
        assert len(await process.call("data:backups")) == 2


async def test_deleting_the_emptied_file_begins_anew(tmp_path: Path) -> None:
    data = await emptied_folder(tmp_path)
    (data / "abai.db").unlink()
    async with sidecar(data) as process:
        assert await process.call("project:list") == []


async def test_a_file_that_a_kill_left_empty_as_it_was_made_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "abai.db").touch()
    async with sidecar(tmp_path / "data") as process:
        assert await process.call("project:list") == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the limits of another process")
async def test_a_new_database_that_finds_no_room_is_begun_once_there_is_room_though_there_are_copies(
    tmp_path: Path,
) -> None:
    import resource

    data = await emptied_folder(tmp_path)
    (data / "abai.db").unlink()
    no_room = ["sh", "-c", 'ulimit -S -f 1; exec "$@"', "sh", *command(data)]
    environment = quiet_environment(PYTHONDONTWRITEBYTECODE="1")
    async with SidecarProcess(no_room, env=environment) as process:
        with pytest.raises(RpcError, match="disk") as caught:
            await process.call("project:list")
        assert caught.value.data["kind"] == "storage_error"
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        assert await opened(process) == []


async def opened(process: SidecarProcess) -> list[str]:
    """The names of the projects, once the disk's want of room is forgotten: it is looked at once a second."""
    while True:
        try:
            return sorted(await names(process))
        except RpcError as error:
            told = error.message
        assert "empty" not in told
        await process.news()
