"""64 writers: Database.write, which commits what has gathered, against aiosqlite with a transaction each.

Run as `python -m tests.bench_store`. Both sides run in turn in one process; the ratio is what carries over.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite

from sidecar.store.database import Database

WRITERS = 64
ROUNDS = 5
GATHERED_EACH = 300
SINGLE_EACH = 30
INSERT = "INSERT INTO bench (body) VALUES (?)"
TABLE = "CREATE TABLE IF NOT EXISTS bench (id INTEGER PRIMARY KEY, body TEXT)"
BODY = "x" * 200


def _create(conn: sqlite3.Connection) -> None:
    conn.execute(TABLE)


def _insert(conn: sqlite3.Connection) -> None:
    conn.execute(INSERT, (BODY,))


async def _rate(write: Callable[[], Awaitable[None]], each: int) -> float:
    """Writes a second with all writers at once, each waiting for its own before the next."""

    async def writer() -> None:
        for _ in range(each):
            await write()

    began = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    return WRITERS * each / (time.perf_counter() - began)


async def _gathered(folder: Path) -> float:
    database = await Database.open(folder / "gathered.db", now_ms=lambda: 0)
    try:
        await database.write(_create)
        return await _rate(lambda: database.write(_insert), GATHERED_EACH)
    finally:
        await database.close()


async def _single(folder: Path) -> float:
    async with aiosqlite.connect(folder / "single.db", isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        await connection.execute(TABLE)

        async def write() -> None:
            # Outside a transaction every statement is one, and this is one trip to the thread: the best it can do.
            await connection.execute_fetchall(INSERT, (BODY,))

        return await _rate(write, SINGLE_EACH)


async def main() -> None:
    gathered, single = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            gathered.append(await _gathered(Path(folder)))
            single.append(await _single(Path(folder)))
    ours, theirs = statistics.median(gathered), statistics.median(single)
    print(f"{WRITERS} writers, synchronous=FULL, medians of {ROUNDS} rounds in one run")
    print(f"  Database.write                {ours:>10,.0f} a second")
    print(f"  aiosqlite, a transaction each {theirs:>10,.0f} a second")
    print(f"  ratio                         {ours / theirs:>10.1f}")


if __name__ == "__main__":
    asyncio.run(main())
