"""A disk that is full from the first, second, third … write on, under settings, keys, rows of a file, and a salvage."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from tests.field.full_place import Place, told, writes
from tests.field.test_trust_each_write_of_files import below, projects, used
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer

MODEL = "openai/gpt-6-luna"
KEYS = {"openai": "sk-first-0123456789", "anthropic": "sk-second-0123456789"}
STEP = longer(9, 2)


async def shown(process: SidecarProcess) -> tuple[Any, Any]:
    settings = await process.call("settings:load")
    keys = [await process.call("settings:load", {"key": "apiKey", "provider": each}) for each in KEYS]
    return settings, keys


async def test_a_setting_or_a_key_is_saved_while_the_disk_fills_at_each_write(place: Place) -> None:
    saves: list[dict[str, Any]] = [
        {"key": "monthlyBudgetUSD", "value": 12.5},
        {"key": "monthlyBudgetUSD", "value": None},
        {"key": "proxy", "value": "http://127.0.0.1:9"},
        *({"key": "apiKey", "provider": name, "value": key} for name, key in KEYS.items()),
        {"key": "apiKey", "provider": "openai", "value": ""},
    ]
    for params in saves:
        for write in writes():
            async with place.sidecar() as process:
                before = await shown(process)
                with place.disk.full_from(write):
                    answer = await told(process, "settings:save", params)
                after = await shown(process)
                process.close_stdin()
                assert await process.wait() == 0
            assert (after == before) is isinstance(answer, RpcError), (params, write)
            # The next start knows the same.
            async with place.sidecar() as process:
                assert await shown(process) == after, (params, write)
                if not isinstance(answer, RpcError):
                    break
                assert {each for each in below(place.data) if each.startswith("keys.")} <= {"keys.json"}
        assert not isinstance(answer, RpcError)


async def test_rows_of_a_file_are_taken_while_the_disk_fills_at_each_write(place: Place) -> None:
    file = place.scratch / "rows.csv"
    file.write_text(
        "prompt\n" + "".join(f"Why {row}? {'A long line. ' * 400}\n" for row in range(12)), "utf-8"
    )
    async with place.sidecar() as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        given = {"path": str(file), "model": MODEL}
        with place.disk.full_from(1):
            assert len((await process.call("batch:import", given))["rows"]) == 12, "reading writes nothing"
        for write in writes():
            with place.disk.full_from(write):
                answer = await told(process, "batch:submit", {"projectId": project, **given})
            listed = await process.call("batch:list", {"projectId": project})
            if not isinstance(answer, RpcError):
                break
            assert listed == [], write
        assert [job["totalRows"] for job in listed] == [12]
        results = await process.call("batch:get-results", {"jobId": listed[0]["id"]})
        assert len(results) == 12
    assert write > 1


def with_damage(data: Path) -> None:
    """Zeros in the middle of the file, and no log beside it."""
    path = data / "abai.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(bytes(8 * 4096))


async def test_what_can_be_read_is_saved_while_the_disk_fills_at_each_write(place: Place) -> None:
    async with place.sidecar() as process:
        await used(process)
        process.close_stdin()
        assert await process.wait() == 0
    with_damage(place.data)
    damaged = place.scratch / "damaged"
    shutil.copytree(place.data, damaged)
    async with place.sidecar() as process:
        with place.disk.full_from(0):
            whole = await process.call("data:salvage")
        there = place.disk.seen
        assert len(await projects(process)) == 1
        process.close_stdin()
        assert await process.wait() == 0
    # The exchange is in the last of them.
    for write in (*range(1, there - 60, max(1, there // 12)), *range(max(1, there - 60), 2 * there, STEP)):
        shutil.rmtree(place.data)
        shutil.copytree(damaged, place.data)
        async with place.sidecar() as process:
            with place.disk.full_from(write):
                answer = await told(process, "data:salvage", {})
            if not place.disk.refused:
                break
            if isinstance(answer, RpcError):
                assert not [name for name in below(place.data) if "before-restore" in name], write
                assert (await process.call("system:health"))["status"] in ("ok", "degraded")
                again = await process.call("data:salvage")
                assert again["tables"] == whole["tables"], write
            async with asyncio.timeout(60):
                assert len(await projects(process)) == 1, write
            process.close_stdin()
            assert await process.wait() == 0
        assert place.read("PRAGMA integrity_check") == [("ok",)], write
    assert not isinstance(answer, RpcError)
