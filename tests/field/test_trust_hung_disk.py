"""The disk of the data folder stops answering while the app runs, beside the real process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.field.hung_disk import hung_disk
from tests.field.lab import sidecar

PROMPT_SECONDS = 5.0


async def test_the_health_is_told_within_seconds_while_the_disk_of_the_data_folder_hangs_and_is_well_again_after_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    environment, hangs = hung_disk(folder, tmp_path / "scratch")
    async with sidecar(folder, environment=environment) as process:
        await process.call("project:create", {"name": "P"})
        assert (await process.call("system:health"))["status"] == "ok"
        hangs.touch()
        for _ in range(8):
            async with asyncio.timeout(PROMPT_SECONDS):
                told = await process.call("system:health")
            assert told["status"] == "degraded"
            assert "does not answer" in told["problem"]
        async with asyncio.timeout(PROMPT_SECONDS):
            doctor = await process.call("system:doctor")
        assert any("does not answer" in problem for problem in doctor["problems"])
        hangs.unlink()
        async with asyncio.timeout(60):
            while (await process.call("system:health"))["status"] != "ok":
                await process.news()
