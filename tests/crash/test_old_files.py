"""An old file that takes the process whenever it is read: it is left alone, and all others are taken over."""

from __future__ import annotations

import json
from pathlib import Path

from tests.field.lab import sidecar
from tests.helpers.crashing import KILLED, leave

DIES = {"ABAI_CRASH_AT": "old-file@jobqueue/poison"}


async def test_an_old_file_that_kills_each_start_is_left_alone_after_two_deaths_and_the_others_are_taken_over(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "jobqueue"
    folder.mkdir()
    for name in ("before", "poison", "zulu"):
        (folder / f"{name}.jobqueue").write_text(json.dumps({"of": name}), "utf-8")
    for _ in range(2):
        async with sidecar(tmp_path, environment=DIES) as process:
            process.start_call("initialize", {"protocolVersion": "1.0"})
            assert await process.wait() == KILLED
    async with sidecar(tmp_path, environment=DIES) as process:
        for name in ("before", "zulu"):
            assert (await process.call("jobqueue:load-state", {"batchId": name})) == {"of": name}
        await process.logged("jobqueue/poison.jobqueue (A-B/AI ended twice while it read it)")
        await leave(process)
    assert (folder / "poison.jobqueue").exists()
