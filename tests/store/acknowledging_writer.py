"""A process that writes rows without end and says of each, once it is acknowledged, which it was.

Run as `python -m tests.store.acknowledging_writer DATABASE PREFIX`.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from sidecar.store.database import Database


def _insert(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("INSERT INTO app_state (key, value) VALUES (?, ?)", (key, "v" * 200))


async def _write_for_ever(database: Database, prefix: str) -> None:
    number = 0
    while True:
        await database.write(_insert, f"{prefix}/{number}")
        os.write(1, f"{prefix}/{number}\n".encode())
        number += 1


async def main(path: Path, prefix: str) -> None:
    database = await Database.open(path, now_ms=lambda: 0)
    await asyncio.gather(*(_write_for_ever(database, f"{prefix}/{writer}") for writer in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
