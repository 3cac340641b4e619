from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sidecar.errors import Failure
from sidecar.store.database import Database
from sidecar.store.lock import FolderLock
from tests.store.clock import NOW


async def test_a_second_opening_of_the_same_folder_is_refused_and_harms_nothing(database: Database) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(Failure) as caught:
            await Database.open(database.path, now_ms=lambda: NOW)
        assert caught.value.kind == "conflict"
        assert "already using this data folder" in caught.value.message
        await database.write(lambda conn: conn.execute("INSERT INTO app_state VALUES ('a', 'b')") and None)


async def test_a_lock_held_by_another_process_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "abai.db.lock"
    holder = (
        "import sys, pathlib; from sidecar.store.lock import FolderLock;"
        f"lock = FolderLock.take(pathlib.Path({str(path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    async with asyncio.timeout(60):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", holder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert (await process.stdout.readline()).strip() == b"held"
        with pytest.raises(Failure) as caught:
            FolderLock.take(path)
        assert caught.value.kind == "conflict"
        assert f"(process {process.pid}, since 20" in caught.value.message
        process.kill()
        await process.wait()
        FolderLock.take(path).release()


def test_a_lock_can_be_taken_again_after_it_was_released(tmp_path: Path) -> None:
    lock = FolderLock.take(tmp_path / "lock")
    lock.release()
    lock.release()
    FolderLock.take(tmp_path / "lock").release()


def test_a_folder_that_is_not_there_is_a_storage_error_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        FolderLock.take(tmp_path / "none" / "lock")
    assert caught.value.kind == "storage_error"
    assert str(tmp_path) not in caught.value.message


async def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with asyncio.timeout(60):
        with pytest.raises(Failure) as caught:
            await Database.open(tmp_path / "file" / "abai.db", now_ms=lambda: NOW)
    assert caught.value.kind == "storage_error"
    assert "data folder" in caught.value.message
