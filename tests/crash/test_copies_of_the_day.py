"""A copy of the day that takes the process each time: it is not begun a third time by itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sidecar.store.backups import SET_ASIDE
from sidecar.store.kept_copies import list_backups
from tests.helpers.crashing import KILLED
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.sidecar import quiet_environment


async def copied(database: Path, *flags: str, dies: bool = True) -> tuple[int | None, str]:
    """How a process ended that takes the copy of the day, and what it said last."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.copying_sidecar", str(database), *flags),
        env=quiet_environment(**({"ABAI_CRASH_AT": "daily-copy"} if dies else {})),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode, said.decode().strip()


async def test_a_daily_copy_that_kills_the_process_is_left_alone_after_two_deaths_until_a_person_made_one(
    tmp_path: Path,
) -> None:
    database = tmp_path / "abai.db"
    for _ in range(2):
        assert await copied(database) == (KILLED, "")
    for _ in range(2):
        assert await copied(database) == (0, SET_ASIDE)
    assert list_backups(database) == []
    assert await copied(database, "--by-hand", dies=False) == (0, "well")
    assert [each.kind for each in list_backups(database)] == ["daily"]


async def test_one_death_in_a_daily_copy_is_forgotten_once_a_copy_was_made(tmp_path: Path) -> None:
    database = tmp_path / "abai.db"
    assert await copied(database) == (KILLED, "")
    assert await copied(database, dies=False) == (0, "well")
    for copy in list_backups(database):
        copy.path.unlink()
    assert await copied(database) == (KILLED, "")
    assert await copied(database, dies=False) == (0, "well")
