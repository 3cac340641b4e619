"""The store as everything above it sees it: a database that may still be opening."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sidecar.errors import Failure
from sidecar.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """Serving begins before the file is open: a migration of an old database may take minutes.

    Calls wait for the opening, in the order in which they came. When it failed, each of them fails with its
    reason, so that the person reads a sentence instead of watching the sidecar start again and again.
    """

    def __init__(self, opening: Coroutine[Any, Any, Database]) -> None:
        self._opening = asyncio.ensure_future(opening)
        # The reason is given to every call; nobody may ever ask the future itself.
        self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def database(self) -> Database:
        """Raises what opening raised: Failure("conflict") or Failure("storage_error")."""
        try:
            return await asyncio.shield(self._opening)
        except Failure as failure:
            # A fresh one each time: an exception that is raised twice grows its own trace for ever.
            raise Failure(failure.kind, failure.message, detail=failure.detail) from None

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As Database.write."""
        return await (await self.database()).write(fn, *args, **kwargs)

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As Database.read."""
        return await (await self.database()).read(fn, *args, **kwargs)

    async def backup(self, path: Path) -> int:
        """As Database.backup."""
        return await (await self.database()).backup(path)

    async def close(self) -> None:
        """Closes the database if it ever opened."""
        try:
            database = await asyncio.shield(self._opening)
        except Exception:  # its reason was given to every call
            return
        await database.close()
