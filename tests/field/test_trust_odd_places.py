"""What may stand in the data folder in the place of a file of ours: each start can be used, and says what is wrong."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import own_models, project, sidecar
from tests.field.test_trust_memory import peak_bytes
from tests.helpers.process import RpcError, SidecarProcess

# No start needs more, and one that reads what never ends takes all there is.
MOST_BYTES = 400 * 1024 * 1024


def gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 * 1024**3)


def many_lists(path: Path) -> None:
    path.write_text('{"models":[' + "[]," * 1_390_000 + "1]}")


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def half_an_emoji(path: Path) -> None:
    row = '{"provider":"openai","id":"gpt-6-luna","name":"\\ud83d"}'
    path.write_text('{"models":[' + row + '],"openai":"sk-\\ud83d-and-more"}')


def deep(path: Path) -> None:
    path.write_text('{"models":' * 100_000 + "1" + "}" * 100_000)


def long_numbers(path: Path) -> None:
    path.write_text('{"version":' + "9" * 5_000 + ',"checkedOn":1e999999999,"models":[-1e-999999999]}')


THINGS: dict[str, Callable[[Path], object]] = {
    "three gigabytes": gigabytes,
    "four megabytes of lists": many_lists,
    "a link to what never ends": endless,
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to itself": loop,
    "half an emoji": half_an_emoji,
    "very deep JSON": deep,
    "very long numbers": long_numbers,
}

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX"),
    # A process of its own from the first: what is forked has all modules in its memory.
    pytest.mark.usefixtures("real_starts"),
]


async def with_a_project(data_dir: Path, backup: Path | None = None) -> str:
    """The id of a project in a data folder that was closed in order."""
    async with sidecar(data_dir) as process:
        made = await project(process)
        if backup is not None:
            await process.call("data:backup", {"path": str(backup)})
        process.close_stdin()
        await process.wait()
    return made


async def asked(process: SidecarProcess, method: str, **params: Any) -> RpcError | None:
    """The refusal of a call, None where it is answered."""
    refusal: RpcError | None = None
    try:
        await process.call(method, params)
    except RpcError as error:
        refusal = error
    assert refusal is None or refusal.data["kind"] != "internal_error", refusal
    return refusal


async def small(process: SidecarProcess) -> None:
    """Health answers, nothing went wrong inside, and it has not taken much."""
    assert (await process.call("system:health"))["status"] in ("ok", "degraded")
    assert [line for line in process.stderr if "Traceback" in line] == []
    assert peak_bytes(process) < MOST_BYTES


FILES = ("models.json", "catalogue.json", "listed-models.json", "keys.json")


@pytest.mark.parametrize("thing", THINGS)
async def test_a_start_beside_anything_in_the_place_of_our_files_can_be_used_and_the_way_back_works(
    thing: str, tmp_path: Path
) -> None:
    data_dir, backup = tmp_path / "data", tmp_path / "backup.db"
    data_dir.mkdir()
    for name in FILES:
        THINGS[thing](data_dir / name)
    async with sidecar(data_dir) as process:
        await small(process)
        made = await project(process)
        assert await asked(process, "data:backup", path=str(backup)) is None
        assert await process.call("data:backups") is not None
        assert len(await process.call("models:get-all")) > 10
        assert await process.call("system:doctor")
        assert await asked(process, "data:restore", path=str(backup)) is None
        assert [each["id"] for each in await process.call("project:list")][-1] == made
        told = await asked(process, "chat:send", content="Why?", modelId="openai/gpt-6-luna")
        assert told is not None
        assert "models.json" in told.message
        assert "move it away" in told.message or "Correct or remove it" in told.message
        # What a person does then holds without a restart.
        (data_dir / "models.json").rename(tmp_path / "away")
        told = await asked(process, "chat:send", content="Why?", modelId="openai/gpt-6-luna")
        assert told is not None
        assert "keys.json" in told.message or "API key" in told.message
        await small(process)


DATABASE: dict[str, Callable[[Path], object]] = {
    name: THINGS[name] for name in ("a pipe", "a folder", "a link to what never ends", "a link to itself")
}


@pytest.mark.parametrize("thing", DATABASE)
async def test_a_backup_takes_the_place_of_what_is_no_database_at_all(thing: str, tmp_path: Path) -> None:
    data_dir, backup = tmp_path / "data", tmp_path / "backup.db"
    made = await with_a_project(data_dir, backup)
    (data_dir / "abai.db").unlink()
    DATABASE[thing](data_dir / "abai.db")
    async with sidecar(data_dir) as process:
        told = await asked(process, "project:list")
        assert told is not None
        assert "abai.db in the data folder is a" in told.message
        assert "data:restore" in told.message
        assert (await process.call("system:health"))["problem"]
        assert await process.call("data:backups") is not None
        assert await asked(process, "data:restore", path=str(backup)) is None
        assert [each["id"] for each in await process.call("project:list")] == [made]
        await small(process)
    kept = [each for each in data_dir.iterdir() if ".before-restore-" in each.name]
    assert len(kept) == 1


@pytest.mark.parametrize("thing", ["a pipe", "a folder", "a link to itself"])
@pytest.mark.parametrize("log", ["abai.db-wal", "abai.db-journal", "abai.db-shm"])
async def test_what_is_no_log_of_the_database_is_named_and_once_it_is_moved_away_all_is_there(
    log: str, thing: str, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    made = await with_a_project(data_dir)
    DATABASE[thing](data_dir / log)
    async with sidecar(data_dir) as process:
        told = await asked(process, "project:list")
        assert told is not None
        assert f"{log} in the data folder is a" in told.message
        assert "Move it away" in told.message
        (data_dir / log).rename(tmp_path / "away")
        async with asyncio.timeout(60):
            while await asked(process, "project:list") is not None:
                assert await process.call("system:health")
                await process.news()
        assert [each["id"] for each in await process.call("project:list")] == [made]


async def test_a_models_json_of_four_thousand_models_is_read(tmp_path: Path) -> None:
    models = own_models("http://127.0.0.1:9")
    models["models"] = [
        {**models["models"][0], "id": f"m{number}", "description": "n" * 400} for number in range(4_000)
    ]
    async with sidecar(tmp_path, models=models) as process:
        found = await process.call("models:get-all")
        assert sum(each["provider"] == "lab" for each in found) == 4_000
        await small(process)
