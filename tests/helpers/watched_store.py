"""A store that a test waits on, in place of asking it again and again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from sidecar.store.store import Store

# The method whose request is being served, and what it set going.
SERVED: ContextVar[str] = ContextVar("SERVED", default="")

P = ParamSpec("P")
T = TypeVar("T")


class WatchedStore(Store):
    """A store whose writes can be waited for: looking again and again would take the core from what is to be seen.

    `reading` and `writing` are the methods whose requests did.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading: set[str] = set()
        self.writing: set[str] = set()
        self._writes = 0
        self._after_write = asyncio.Condition()

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.writing.add(SERVED.get())
        try:
            return await super().write(fn, *args, **kwargs)
        finally:
            self._writes += 1
            async with self._after_write:
                self._after_write.notify_all()

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.reading.add(SERVED.get())
        return await super().read(fn, *args, **kwargs)

    async def until(self, seen: Callable[[], Awaitable[bool]]) -> None:
        """Look at once and after each write, until it is seen. Raise TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while True:
                before = self._writes
                if await seen():
                    return
                async with self._after_write:
                    await self._after_write.wait_for(lambda: self._writes > before)  # noqa: B023
