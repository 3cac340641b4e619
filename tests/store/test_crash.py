from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.helpers.soak import longer

ROUNDS = longer(20, 50)


async def _write_until_killed(path: Path, prefix: str, acknowledgements: int) -> list[str]:
    """The rows that a process acknowledged before it was killed, right after one of them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.store.acknowledging_writer",
        str(path),
        prefix,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(acknowledgements)]
    process.kill()
    # What it had written into the pipe by then was acknowledged too.
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


async def test_every_acknowledged_row_is_found_after_the_process_was_killed_many_times(
    tmp_path: Path,
) -> None:
    path = tmp_path / "abai.db"
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        async with asyncio.timeout(60):
            rows = await _write_until_killed(path, str(number), acknowledgements=1 + number * 7 % 40)
        assert len(rows) >= 1 + number * 7 % 40
        acknowledged.update(rows)
        with closing(sqlite3.connect(path)) as conn:
            found = {key for (key,) in conn.execute("SELECT key FROM app_state")}
            assert conn.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert acknowledged <= found
