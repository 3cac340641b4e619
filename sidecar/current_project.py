"""Which project is open: the renderer never says it with a question, only by the calls it makes before."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from sidecar.errors import Failure
from sidecar.store import kv, projects
from sidecar.store.store import Store

log = logging.getLogger("sidecar")

_KEY = "current_project"
DEFAULT_PROJECT = "Default"


class CurrentProject:
    """Remembers the project that was named last, across restarts: a sidecar that crashed is not told again."""

    def __init__(self, store: Store, new_id: Callable[[], str], now_ms: Callable[[], int]) -> None:
        self._store = store
        self._new_id = new_id
        self._now_ms = now_ms
        self._named: str | None = None
        self._kept: str | None = None

    async def name_project(self, project_id: str) -> None:
        """Called by every method of the contract that names a project which exists."""
        self._named = project_id
        if self._kept == project_id:
            return
        try:
            await self._store.write(kv.put, _KEY, project_id)
        except Failure as failure:
            # Who only looks at a project must be able to while the disk is full.
            if failure.kind != "storage_error":
                raise
            log.warning("which project is open could not be saved: %s", failure.message)
        else:
            self._kept = project_id

    def forget(self) -> None:
        """Another database is in place: what it remembers holds."""
        self._named = self._kept = None

    def project(self, conn: sqlite3.Connection) -> str:
        """The open project, within a write: the one named last, else "Default", made where there is none."""
        known = self.open_project(conn)
        if known is not None:
            return known
        for project in projects.list_all(conn):
            if project.name == DEFAULT_PROJECT:
                return project.id
        return projects.create(conn, self._new_id(), DEFAULT_PROJECT, now=self._now_ms()).id

    def open_project(self, conn: sqlite3.Connection) -> str | None:
        """The project named last, when it still exists."""
        named = self._named or kv.get(conn, _KEY)
        return named if named is not None and projects.get(conn, named) is not None else None
