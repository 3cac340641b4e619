"""Another program looks into the database while A-B/AI has it open: a browser of databases, or somebody's script."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.helpers.process import RpcError, SidecarProcess


def look_into(database: Path) -> int:
    """As a program does that comes, reads and goes: how many projects it saw."""
    with closing(sqlite3.connect(database)) as conn:
        return int(conn.execute("SELECT count(*) FROM projects").fetchone()[0])


async def everything_that_reads_files(process: SidecarProcess, database: Path, project: str) -> None:
    """What looks through the database, and what a person may hand it to by mistake."""
    path = str(database)
    days = {"from": "2026-11-01", "to": "2026-11-02"}
    calls: list[tuple[str, dict[str, Any], bool]] = [
        ("system:doctor", {}, True),
        ("data:check", {"full": True}, True),
        ("data:backups", {}, True),
        ("data:salvage", {}, True),
        ("data:restore", {"path": path}, False),
        ("batch:import", {"path": path}, False),
        ("batch:estimate", {"path": path, "model": "openai/gpt-6-luna"}, False),
        ("conversation:import", {"projectId": project, "path": path}, False),
        ("models:update", {"path": path}, False),
        ("cost:reconcile", {"provider": "openai", "path": path, **days}, False),
    ]
    for method, params, taken in calls:
        if taken:
            await process.call(method, params)
            continue
        with pytest.raises(RpcError, match="is the database itself") as caught:
            await process.call(method, params)
        assert caught.value.data["kind"] == "invalid_params", method


async def test_whoever_looks_into_the_database_and_goes_takes_nothing_along(tmp_path: Path) -> None:
    data = tmp_path / "data"
    database = data / "abai.db"
    for round_number in range(3):
        async with sidecar(data) as process:
            first = await process.call("project:create", {"name": f"Before {round_number}"})
            await everything_that_reads_files(process, database, first["id"])
            assert look_into(database) == 2 * round_number + 1
            assert (data / "abai.db-wal").exists()
            await process.call("project:create", {"name": f"After {round_number}"})
            await process.call("data:backup", {"path": str(tmp_path / "copy.db")})
            assert look_into(tmp_path / "copy.db") == 2 * round_number + 2
            process.kill()
            await process.wait()
    async with sidecar(data) as process:
        names = {each["name"] for each in await process.call("project:list")}
    assert names == {f"{when} {number}" for when in ("Before", "After") for number in range(3)}


async def test_nothing_is_restored_while_another_program_writes(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with sidecar(data) as process:
        await process.call("project:create", {"name": "Before"})
        await process.call("data:backup", {"path": str(copy)})
        await process.call("project:create", {"name": "After"})
        with closing(sqlite3.connect(data / "abai.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RpcError, match="Another program is using the database"):
                await process.call("data:restore", {"path": str(copy)})
            other.execute("ROLLBACK")
        assert len(await process.call("project:list")) == 2
        assert not list(data.glob("*.before-restore-*"))
        await process.call("data:restore", {"path": str(copy)})
        assert len(await process.call("project:list")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/locks is Linux's")
async def test_the_system_knows_that_the_database_is_in_use_however_it_was_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(3):
        async with sidecar(data) as process:
            await process.call("project:list")
            node = str((data / "abai.db").stat().st_ino)
            held = Path("/proc/locks").read_text("ascii").splitlines()
            ours = [line.split() for line in held if "POSIX" in line and f" {process.pid} " in line]
            assert node in {fields[5].rpartition(":")[2] for fields in ours}
            process.close_stdin()
            await process.wait()
