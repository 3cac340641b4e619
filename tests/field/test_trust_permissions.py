"""Files and folders that this user may not read or write: each is named, nothing changes, and with rights all goes on.

Whoever runs the tests as root may read and write everything: the sidecar is started without that power then.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import project, sidecar
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment

ANOTHER = 65_534
WITHOUT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
MODELS = '{"models": []}'


@cache
def as_one_without_power() -> Sequence[str] | None:
    """What is put before a command so that permissions hold for it, None where they cannot."""
    if os.name != "posix":
        return None
    if os.geteuid() != 0:
        return ()
    if shutil.which(WITHOUT[0]) is None:
        return None
    looks = "import os, sys; sys.exit(os.access('/proc/1/mem', os.R_OK) and 0)"
    done = subprocess.run([*WITHOUT, sys.executable, "-c", looks], check=False, capture_output=True)
    return WITHOUT if done.returncode == 0 else None


pytestmark = pytest.mark.skipif(
    as_one_without_power() is None, reason="permissions hold for nobody whom this user can be"
)


@asynccontextmanager
async def without_power(data_dir: Path) -> AsyncIterator[SidecarProcess]:
    wrapped = [*(as_one_without_power() or ()), *command(data_dir)]
    async with SidecarProcess(wrapped, env=quiet_environment(ABAI_KEY_STORE="file")) as process:
        yield process


async def filled(data_dir: Path) -> str:
    """The id of a project in a folder whose app ended at once, so that all files of the database are there."""
    async with sidecar(data_dir, environment={"ABAI_KEY_STORE": "file"}) as process:
        made = await project(process)
        key = {"key": "apiKey", "provider": "openai", "value": "sk-proj-" + "a1B2" * 12}
        await process.call("settings:save", key)
        process.kill()
        await process.wait()
    (data_dir / "models.json").write_text(MODELS, encoding="utf-8")
    return made


async def told(process: SidecarProcess, method: str, **params: Any) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(RpcError) as caught:
        await process.call(method, params)
    assert caught.value.data["kind"] == "storage_error", caught.value
    return caught.value.message


async def projects(process: SidecarProcess) -> list[str]:
    """Their ids, once the database could be opened; without a restart."""
    async with asyncio.timeout(60):
        while True:
            try:
                return [each["id"] for each in await process.call("project:list")]
            except RpcError:
                await asyncio.sleep(0.05)


def content(data_dir: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data_dir.iterdir() if path.suffix == ".db"}


@pytest.mark.parametrize("mode", [0o000, 0o400])
@pytest.mark.parametrize("name", ["abai.db", "abai.db-wal", "abai.db-shm", "abai.db.lock"])
async def test_a_file_of_the_database_that_may_not_be_used_is_named_and_with_rights_all_is_there(
    name: str, mode: int, tmp_path: Path
) -> None:
    made = await filled(tmp_path)
    before = content(tmp_path)
    path = tmp_path / name
    path.chmod(mode)
    async with without_power(tmp_path) as process:
        sentence = await told(process, "project:list")
        assert (
            sentence
            == f"{name} may not be used. Check its permissions, or whether another program has it open."
        )
        assert (await process.call("system:health"))["problem"] == sentence
        assert await process.call("data:backups") == []
        assert (await process.call("system:doctor"))["folder"]["exists"]
        assert content(tmp_path) == before
        path.chmod(0o600)
        assert await projects(process) == [made]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["abai.db", "abai.db-wal", "abai.db.lock", "keys.json", "models.json"])
async def test_a_file_of_another_user_in_the_data_folder_is_named(name: str, tmp_path: Path) -> None:
    made = await filled(tmp_path)
    path = tmp_path / name
    os.chown(path, ANOTHER, ANOTHER)
    path.chmod(0o600)
    async with without_power(tmp_path) as process:
        with pytest.raises(RpcError) as caught:
            await process.call("chat:send", {"content": "Why?", "modelId": "openai/gpt-6-luna"})
        assert name in caught.value.message
        assert await process.call("system:health")
        os.chown(path, 0, 0)
        assert await projects(process) == [made]


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500])
async def test_a_data_folder_without_rights_is_told_and_with_them_it_goes_on_without_a_restart(
    mode: int, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    made = await filled(data_dir)
    data_dir.chmod(mode)
    try:
        async with without_power(data_dir) as process:
            sentence = await told(process, "project:list")
            assert "folder" in sentence
            assert "may not be written to" in sentence or "Check that it exists" in sentence
            assert (await process.call("system:health"))["problem"]
            assert await process.call("system:doctor")
            data_dir.chmod(0o700)
            assert await projects(process) == [made]
    finally:
        data_dir.chmod(0o700)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("data:backup", {"path": "here/backup.db"}),
        ("data:export", {"path": "here/all"}),
        ("data:restore", {"path": "here/secret"}),
        ("models:update", {"path": "here/secret"}),
        ("batch:import", {"path": "here/secret"}),
        ("conversation:import", {"path": "here/secret", "projectId": "theirs"}),
        ("conversation:export", {"path": "here/out.md", "projectId": "theirs", "format": "markdown"}),
        (
            "cost:reconcile",
            {"path": "here/secret", "provider": "openai", "from": "2026-11-01", "to": "2026-11-02"},
        ),
    ],
)
async def test_a_file_to_read_or_write_where_one_may_not_is_named_and_nothing_is_left_behind(
    method: str, params: dict[str, str], tmp_path: Path
) -> None:
    data_dir, here = tmp_path / "data", tmp_path / "here"
    made = await filled(data_dir)
    here.mkdir()
    (here / "secret").write_text("prompt\nWhy?\n", encoding="utf-8")
    (here / "secret").chmod(0o000)
    here.chmod(0o500)
    given = {
        name: value.replace("here/", f"{here}/").replace("theirs", made) for name, value in params.items()
    }
    try:
        async with without_power(data_dir) as process:
            sentence = await told(process, method, **given)
            assert any(name in sentence for name in ("here", "secret", "backup.db"))
            assert "Check its permissions" in sentence
    finally:
        here.chmod(0o700)
    assert [each.name for each in here.iterdir()] == ["secret"]
