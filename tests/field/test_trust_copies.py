"""Copies that nobody asked for: one a day, the last seven, and damage is told while good ones are there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sidecar.store.backups import FIRST_LOOK_SECONDS, KEPT_DAYS
from tests.field.lab import sidecar
from tests.field.test_trust_data import fill, is_sound
from tests.helpers.process import SidecarProcess


async def until(ask: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
    """What was asked for, once it is as wanted: a minute after the look, which is not at once."""
    async with asyncio.timeout(FIRST_LOOK_SECONDS + 60):
        while not wanted(found := await ask()):
            # An idle process is asked, for a minute: not without a pause.
            await asyncio.sleep(0.5)
    return found


async def backups(process: SidecarProcess) -> list[dict[str, Any]]:
    return list(await process.call("data:backups"))


async def filled(data: Path) -> None:
    async with sidecar(data) as process:
        await fill(process)
        process.close_stdin()
        await process.wait()


async def test_who_leaves_it_open_has_a_copy_of_each_of_the_last_days_and_hears_of_damage_while_they_are_good(
    tmp_path: Path,
) -> None:
    """Both at once: the first look is a minute after the start."""

    async def sound() -> None:
        data = tmp_path / "sound"
        await filled(data)
        (data / "backups").mkdir()
        days = [datetime.now(UTC) - timedelta(days=number) for number in range(1, 11)]
        for day in days:
            (data / "backups" / f"abai-{day:%Y%m%dT%H%M%SZ}.db").write_bytes(b"a copy of that day")
        async with sidecar(data) as process:
            before = {each["path"] for each in await backups(process)}
            assert len(before) == len(days)
            found = await until(lambda: backups(process), lambda each: len(each) == KEPT_DAYS)
            assert found[0]["path"] not in before
            assert (found[0]["kind"], found[0]["checked"]) == ("daily", True)
            assert is_sound(Path(found[0]["path"]))
            assert [each["path"] for each in found[1:]] == sorted(before, reverse=True)[: KEPT_DAYS - 1]

    async def damaged() -> None:
        data = tmp_path / "damaged"
        await filled(data)
        (data / "backups").mkdir()
        old = data / "backups" / "abai-20260101T000000Z.db"
        old.write_bytes((data / "abai.db").read_bytes())
        content = bytearray((data / "abai.db").read_bytes())
        at = content.index(b"30 northern sea") // 4096 * 4096
        content[at : at + 4096] = bytes(4096)
        (data / "abai.db").write_bytes(content)
        async with sidecar(data) as process:
            assert (await process.call("system:health"))["status"] == "ok"
            health = await until(
                lambda: process.call("system:health"), lambda each: each["status"] == "degraded"
            )
            assert "damaged" in health["problem"]
            assert [each["path"] for each in await backups(process)] == [str(old)]
            assert is_sound(old)

    async with asyncio.TaskGroup() as both:
        both.create_task(sound())
        both.create_task(damaged())
