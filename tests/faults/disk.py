"""The disk is full, the folder read-only, the database held by another program, damaged, or beside a foreign log."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from tests.faults.fault import Counts, Fault
from tests.faults.stand import Stand, planted
from tests.helpers.process import RpcError, SidecarProcess

PAGE_BYTES = 4096
# The first byte of a page that holds rows or an index says which of them it is.
PAGE_KINDS = (2, 5, 10, 13)
# Whoever is root writes everywhere, unless the two rights to do so are given up before the start.
_WITHOUT_RIGHTS = """
import ctypes, os, sys
for right in (1, 2):
    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
AS_A_PERSON = (sys.executable, "-c", _WITHOUT_RIGHTS)


@asynccontextmanager
async def stand_in(folder: Path) -> AsyncIterator[Stand]:
    async with planted() as simulator:
        yield Stand(folder / "data", simulator)


async def leave(process: SidecarProcess) -> None:
    process.close_stdin()
    assert await process.wait() == 0


async def until_it_works(stand: Stand, process: SidecarProcess) -> None:
    """Work again, without a restart, as soon as that is possible: within 20 s."""
    async with asyncio.timeout(60):
        while await refusal(stand, process) is not None:
            await asyncio.sleep(0.05)


async def refusal(stand: Stand, process: SidecarProcess) -> RpcError | None:
    """Return what the store could not do, or None after a piece of work. Raises RpcError for any other refusal."""
    try:
        await stand.work(process)
    except RpcError as error:
        if error.data["kind"] != "storage_error":
            raise
        return error
    return None


async def nothing_is_sent(stand: Stand, process: SidecarProcess) -> None:
    """A question is refused for the store's sake, and was not sent; the process answers."""
    ran = await stand.ran()
    with pytest.raises(RpcError) as caught:
        await stand.ask(process)
    assert caught.value.data["kind"] == "storage_error"
    assert await stand.ran() == ran
    assert (await process.call("system:health"))["status"] in ("ok", "degraded")


async def full(folder: Path, number: int) -> Counts:
    """No file of the process may grow any more; then they may again."""
    import resource

    room = random.Random(number).randrange(1, 40) * PAGE_BYTES
    async with stand_in(folder) as stand, stand.sidecar() as process:
        await stand.begin(process)
        largest = max(path.stat().st_size for path in stand.folder.rglob("*") if path.is_file())
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest + room, most))
        async with asyncio.timeout(60):
            while await refusal(stand, process) is None:
                pass
        await nothing_is_sent(stand, process)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        await until_it_works(stand, process)
        return await stand.counts(process, 1)


async def locked(folder: Path, number: int) -> Counts:
    """Another program writes in the database and does not end."""
    del number
    async with stand_in(folder) as stand, stand.sidecar() as process:
        await stand.begin(process)
        with closing(sqlite3.connect(stand.folder / "abai.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await nothing_is_sent(stand, process)
            other.execute("ROLLBACK")
        await until_it_works(stand, process)
        return await stand.counts(process, 1)


async def read_only(folder: Path, number: int) -> Counts:
    """Nothing in the folder may be written, and then it may again."""
    del number
    async with stand_in(folder) as stand:
        async with stand.sidecar() as process:
            await stand.begin(process)
            await leave(process)
        modes = {path: path.stat().st_mode for path in (stand.folder, *stand.folder.rglob("*"))}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        async with stand.sidecar(launcher=AS_A_PERSON) as process:
            await nothing_is_sent(stand, process)
            for path, mode in modes.items():
                path.chmod(mode)
            await until_it_works(stand, process)
            return await stand.counts(process, 1)


def flipped(content: bytes, chance: random.Random) -> bytes:
    """One page says that it is of a kind that there is not."""
    pages = [at for at in range(PAGE_BYTES, len(content), PAGE_BYTES) if content[at] in PAGE_KINDS]
    at = chance.choice(pages)
    return content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :]


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content) - 1)]


async def damaged(damage: Callable[[bytes, random.Random], bytes], folder: Path, number: int) -> Counts:
    """The file is damaged between two runs; a backup is put in its place."""
    async with stand_in(folder) as stand:
        copy = folder / "copy.db"
        async with stand.sidecar() as process:
            await stand.begin(process)
            await process.call("data:backup", {"path": str(copy)})
            await leave(process)
        database = stand.folder / "abai.db"
        database.write_bytes(damage(database.read_bytes(), random.Random(number)))
        async with stand.sidecar() as process:
            assert (await process.call("system:health"))["status"] in ("ok", "degraded")
            found = await process.call("data:check", {"full": True})
            assert not found["sound"]
            assert "data:restore" in found["advice"]
            await process.call("data:restore", {"path": str(copy)})
            await stand.work(process)
            return await stand.counts(process, 1)


async def foreign_log(folder: Path, number: int) -> Counts:
    """After a kill, a backup is copied over the database and the log is left where it is."""
    async with stand_in(folder) as stand:
        copy = folder / "copy.db"
        async with stand.sidecar() as process:
            await stand.begin(process)
            await process.call("data:backup", {"path": str(copy)})
            await leave(process)
        async with stand.sidecar() as process:
            for later in range(random.Random(number).randrange(20, 200)):
                await process.call("project:create", {"name": f"Later {later}"})
            process.kill()
            await process.wait()
        assert (stand.folder / "abai.db-wal").stat().st_size > 0
        shutil.copyfile(copy, stand.folder / "abai.db")
        async with stand.sidecar() as process:
            await stand.work(process)
            assert {each["name"] for each in await process.call("project:list")} == stand.names
            assert (await process.call("data:check", {"full": True}))["sound"]
            assert len(list(stand.folder.glob("abai.db.foreign-log-*"))) == 1
            return await stand.counts(process, 1)


NOT_SENT = "questions are refused with a sentence and not sent; health answers; "
RESTORED = (
    "told as damaged, with the way back; `data:restore` of a backup brings all of it, without a restart"
)
FAULTS = [
    Fault("disk full", NOT_SENT + "with room again it goes on without a restart", full),
    Fault("database held by another program", NOT_SENT + "once let go it goes on without a restart", locked),
    Fault("folder read-only", NOT_SENT + "once writable it goes on without a restart", read_only),
    Fault("a byte of the database flipped", RESTORED, partial(damaged, flipped)),
    Fault("database truncated", RESTORED, partial(damaged, truncated)),
    Fault(
        "log of another database beside it",
        "put aside, kept, and nothing of it laid over the file",
        foreign_log,
    ),
]
