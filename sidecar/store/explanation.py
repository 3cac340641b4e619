"""What is told where something went wrong that nobody foresaw: a bug, or a database with what cannot be in it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from sidecar.errors import Failure

log = logging.getLogger("sidecar.store")

Work = Callable[[sqlite3.Connection], tuple[int, int]]

# A bug is told again and again, and looking through a large database takes long.
SOUND_SECONDS = 600.0

SET_RIGHT = (
    "Another program has written into the database what cannot be there. {count} such values were set right, or left "
    "out where nobody can say what they mean. Ask again."
)
LEFT = (
    "Another program has written into the database what cannot be there, and it could not be set right. Put a backup "
    "in its place (`data:restore`), or save what can be read (`data:salvage`)."
)


class Explanation:
    """Looks into the database, by `write`, when something went wrong that nobody foresaw."""

    def __init__(self, write: Callable[[Work], Awaitable[tuple[int, int]]]) -> None:
        self._write = write
        self._sound_until = 0.0
        self._turn = asyncio.Lock()

    async def of(self, error: BaseException) -> BaseException:
        """Return a Failure where the database is the reason, and was set right; else the error itself."""
        if isinstance(error, Failure) or not isinstance(error, Exception):
            return error
        from sidecar.store.odd_values import set_right

        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now < self._sound_until:
                return error
            try:
                done, left = await self._write(set_right)
            except Exception:  # what went wrong first is told
                log.exception("the database could not be looked through for what cannot be in it")
                return error
            if not done and not left:
                self._sound_until = now + SOUND_SECONDS
                return error
        log.warning("values that cannot be where they are: %d set right, %d left", done, left, exc_info=error)
        if done:
            return Failure("storage_error", SET_RIGHT.format(count=done), retryable=True)
        return Failure("storage_error", LEFT)
