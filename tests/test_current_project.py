"""Which project is open, whatever the disk says to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.store import kv, projects
from sidecar.store.database import Database
from sidecar.store.store import Store

NOW = 1_795_392_000_000


class OnADisk(Store):
    """A store whose disk can be full."""

    full = False

    async def write(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.full:
            raise Failure("storage_error", "The disk is full, so nothing could be saved.")
        return await super().write(fn, *args, **kwargs)


async def test_a_project_can_be_looked_at_on_a_full_disk_and_is_remembered_once_there_is_room(
    tmp_path: Path,
) -> None:
    async with asyncio.timeout(60):
        store = OnADisk(lambda: Database.open(tmp_path / "abai.db", now_ms=lambda: NOW))
        for name in ("old", "new"):
            await store.write(projects.create, name, name, now=NOW)
        session = CurrentProject(store, lambda: "id", lambda: NOW)
        await session.name_project("old")
        store.full = True
        await session.name_project("new")
        assert await store.read(session.open_project) == "new"
        assert await store.read(kv.get, "current_project") == "old"
        store.full = False
        await session.name_project("new")
        assert await store.read(kv.get, "current_project") == "new"
        await store.close()
