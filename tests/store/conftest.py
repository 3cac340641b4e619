"""A database for each test: open as the sidecar opens it, or as a bare connection that was migrated."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sidecar.store import open_database
from sidecar.store.database import Database
from tests.store.clock import NOW


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with asyncio.timeout(60):
        database = await Database.open(tmp_path / "abai.db", now_ms=lambda: NOW)
    yield database
    async with asyncio.timeout(60):
        await database.close()


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "abai.db"
    connection = sqlite3.connect(path, isolation_level=None)
    open_database.prepare_writer(connection, path, NOW)
    yield connection
    connection.close()
