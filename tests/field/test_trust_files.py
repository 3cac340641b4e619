"""Paths, modes and numbers that a person or a program may hand in, beside the real process."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import KEY, ask, batch_rows, own_models, sidecar
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, pipes and links are those of POSIX")

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
LONG_NAME = "n" * 300


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def refusal(process: SidecarProcess, method: str, params: Any) -> RpcError:
    with pytest.raises(RpcError) as caught:
        await process.call(method, params)
    return caught.value


async def kind(process: SidecarProcess, method: str, params: Any) -> str | None:
    """The kind of the error, or None where there is none."""
    try:
        await process.call(method, params)
    except RpcError as error:
        return str(error.data["kind"])
    return None


async def a_job(process: SidecarProcess) -> str:
    """The id of a batch of one row that has ended."""
    await batch_rows(process, {"prompt": "Why?", "model": "lab/m"})
    (project,) = await process.call("project:list")
    (job,) = await process.call("batch:list", {"projectId": project["id"]})
    return str(job["id"])


async def exporting(process: SidecarProcess, target: Path) -> list[tuple[str, Any]]:
    """Every way to write the file `target`."""
    job = await a_job(process)
    return [
        ("data:backup", {"path": str(target)}),
        ("batch:export", {"jobId": job, "path": str(target), "format": "csv"}),
    ]


@field("trust", "a file name of 300 letters")
async def test_a_name_that_no_disk_takes_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path / "data", models=own_models(server.url)) as process,
    ):
        calls = await exporting(process, tmp_path / f"{LONG_NAME}.csv")
        calls += [
            ("batch:import", {"path": str(tmp_path / f"{LONG_NAME}.csv")}),
            ("data:export", {"path": str(tmp_path / LONG_NAME)}),
            ("data:restore", {"path": str(tmp_path / LONG_NAME)}),
            ("data:backup", {"path": str(tmp_path / LONG_NAME / "copy.db")}),
        ]
        for method, params in calls:
            error = await refusal(process, method, params)
            assert (error.data["kind"], "too long" in error.message) == ("invalid_params", True), method
        # A name at the very limit is one as any other.
        longest = tmp_path / ("n" * 255)
        assert (await process.call("data:backup", {"path": str(longest)}))["bytes"] == longest.stat().st_size


async def test_another_data_folder_is_no_target_of_an_export_either(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    async with sidecar(theirs) as process:
        await process.call("project:create", {"name": "Theirs"})
        process.close_stdin()
        await process.wait()
    before = (theirs / "abai.db").read_bytes()
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path / "data", models=own_models(server.url)) as process,
    ):
        calls = await exporting(process, theirs)
        for name in ("abai.db", "new.csv", "backups/new.csv"):
            for method, params in calls:
                error = await refusal(process, method, {**params, "path": str(theirs / name)})
                assert (error.data["kind"], "itself" in error.message) == ("invalid_params", True), method
        error = await refusal(process, "data:export", {"path": str(theirs)})
        assert error.data["kind"] == "invalid_params"
    assert (theirs / "abai.db").read_bytes() == before
    assert {path.name for path in theirs.iterdir()} == {"abai.db", "abai.db.lock"}


@field("trust", "the target of an export is a pipe (FIFO) or a device")
@field("trust", "the target is a link that leads to nothing")
async def test_only_a_plain_file_gives_way_to_an_export(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "real.csv").write_text("mine", encoding="utf-8")
    os.mkfifo(home / "pipe.csv")
    (home / "dangling.csv").symlink_to(home / "nowhere.csv")
    (home / "link.csv").symlink_to(home / "real.csv")
    (home / "loop.csv").symlink_to(home / "loop.csv")
    names = ["pipe.csv", "dangling.csv", "link.csv", "loop.csv", "/dev/null"]
    before = {name: (home / name).lstat().st_mode for name in names}
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path / "data", models=own_models(server.url)) as process,
    ):
        calls = await exporting(process, home)
        for name in names:
            for method, params in calls:
                params["path"] = str(home / name)
                error = await refusal(process, method, params)
                assert error.data["kind"] == "invalid_params", (name, method)
            assert (await refusal(process, "data:export", {"path": str(home / name)})).data["kind"] != (
                "internal_error"
            )
    assert {name: (home / name).lstat().st_mode for name in names} == before
    assert sorted(path.name for path in home.iterdir()) == sorted([*names[:-1], "real.csv"])
    assert (home / "real.csv").read_text(encoding="utf-8") == "mine"


@field("trust", "the target is a file of mode 600")
async def test_a_file_that_is_replaced_keeps_its_mode_and_a_new_one_is_its_owners_alone(
    tmp_path: Path,
) -> None:
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path / "data", models=own_models(server.url)) as process,
    ):
        for number, (method, params) in enumerate(await exporting(process, tmp_path / "x")):
            for name, given, wanted in (
                ("secret", 0o600, 0o600),
                ("open", 0o644, 0o644),
                ("new", None, 0o600),
            ):
                target = tmp_path / f"{name}-{number}"
                if given is not None:
                    target.touch()
                    target.chmod(given)
                await process.call(method, {**params, "path": str(target)})
                assert target.stat().st_size > 0
                assert mode(target) == wanted, (method, name)
        await process.call("data:export", {"path": str(tmp_path / "tables")})
    assert mode(tmp_path / "tables") == 0o700
    assert {mode(path) for path in (tmp_path / "tables").iterdir()} == {0o600}


@field("trust", "the usual umask (022)")
async def test_what_is_kept_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = os.umask(0o022)
    try:
        async with (
            serving(GOOD) as server,
            sidecar(data, "--record", str(data / "run.jsonl"), models=own_models(server.url)) as process,
        ):
            await ask(process)
            await process.call("settings:save", {"key": "apiKey", "provider": "openai", "value": KEY})
            await process.call("data:backup", {"path": str(tmp_path / "copy.db")})
            running = {path.name: mode(path) for path in data.iterdir() if path.name != "models.json"}
            process.close_stdin()
            await process.wait()
    finally:
        os.umask(before)
    assert mode(data) == 0o700
    assert {
        "abai.db",
        "abai.db-wal",
        "abai.db-shm",
        "abai.db.lock",
        "keys.json",
        "run.jsonl",
    } <= running.keys()
    assert set(running.values()) == {0o600}, running
    assert mode(tmp_path / "copy.db") == 0o600


async def test_what_was_open_to_others_is_closed_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with sidecar(data) as process:
        await process.call("project:list")
    data.chmod(0o755)
    (data / "abai.db").chmod(0o644)
    (data / "run.jsonl").touch(0o644)
    async with sidecar(data, "--record", str(data / "run.jsonl")) as process:
        await process.call("project:list")
        assert [mode(path) for path in (data, data / "abai.db", data / "run.jsonl")] == [0o700, 0o600, 0o600]


async def test_a_recording_is_never_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    (tmp_path / "run.jsonl").symlink_to(precious)
    async with sidecar(tmp_path / "data", "--record", str(tmp_path / "run.jsonl")) as process:
        await process.call("project:list")
        await process.logged("the recording cannot be written")
    assert precious.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["data/abai.db", "data/keys.json", "link/abai.db", "data/mine"])
async def test_a_recording_that_is_named_as_the_database_leaves_it_as_it_is(
    name: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (tmp_path / "link").symlink_to(data)
    async with sidecar(data) as process:
        await process.call("project:create", {"name": "Kept"})
        process.close_stdin()
        assert await process.wait() == 0
    before = sorted(path.name for path in data.iterdir())
    async with sidecar(data, "--record", str(tmp_path / name)) as process:
        assert [each["name"] for each in await process.call("project:list")] == ["Kept"]
        await process.logged("the recording cannot be written")
        assert (await process.call("data:check", {"full": True}))["sound"]
        process.close_stdin()
        assert await process.wait() == 0
    assert sorted(path.name for path in data.iterdir()) == before


@field("trust", "`batch:get-results` with `offset` 2^63")
@pytest.mark.parametrize("number", [2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**40])
async def test_a_number_that_no_table_holds_is_refused_wherever_it_is_given(
    number: int, tmp_path: Path
) -> None:
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        job = await a_job(process)
        for method, params in (
            ("batch:get-results", {"jobId": job, "offset": number}),
            ("batch:get-results", {"jobId": job, "limit": number}),
            ("messages:list", {"conversationId": "c", "limit": number}),
            ("messages:search", {"query": "why", "limit": number}),
            ("activity:get", {"limit": number}),
            ("cost:reprice", {"modelId": "lab/m", "from": number}),
            ("batch:update-status", {"jobId": job, "completedRows": number}),
            ("settings:save", {"key": "maxOutputTokens", "value": number}),
            ("messages:add", {"conversationId": "c", "role": "user", "content": "x", "timestamp": number}),
        ):
            assert (await kind(process, method, params)) != "internal_error", (method, params)


async def test_what_a_kill_left_half_written_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    async with sidecar(tmp_path) as process:
        await process.call("project:list")
    left = [".0a1b2c.partial", ".0a1b2c.partial-journal", "abai.db.0a1b.partial"]
    for name in left:
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "holiday.partial").write_bytes(b"the person's own")
    (tmp_path / "abai.db.restoring").mkdir()
    async with sidecar(tmp_path) as process:
        assert json.dumps(await process.call("project:list")) == "[]"
        names = {path.name for path in tmp_path.iterdir()}
    assert names & {*left, "abai.db.restoring"} == set()
    assert "holiday.partial" in names


async def test_what_a_kill_left_half_written_elsewhere_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with sidecar(tmp_path / "data") as process:
        await process.call("data:backup", {"path": str(home / "copy.db")})
        process.kill()
        await process.wait()
    # As a kill in the middle leaves it.
    left = [f".{'0a' * 16}.partial", f".{'0a' * 16}.partial-journal"]
    kept = ["copy.db", "mine.partial", ".hidden.partial"]
    for name in [*left, *kept[1:]]:
        (home / name).write_bytes(b"half")
    async with sidecar(tmp_path / "data") as process:
        # It is cleared beside the first answers.
        async with asyncio.timeout(60):
            while any((home / name).exists() for name in left):
                await process.call("project:list")
        assert sorted(path.name for path in home.iterdir()) == sorted(kept)
        assert not (tmp_path / "data" / "abai.db.targets").exists()
