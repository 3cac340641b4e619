"""What is told where something went wrong that nobody foresaw: a bug, or a database with what cannot be in it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial

from sidecar.errors import Failure

log = logging.getLogger("sidecar.store")

Found = tuple[int, int] | None
Work = Callable[[sqlite3.Connection], Found]

# A bug is told again and again, and looking through a large database takes long: it is sound for so long, and until
# another program writes into it.
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

    def __init__(self, write: Callable[[Work], Awaitable[Found]]) -> None:
        self._write = write
        self._sound_until = 0.0
        self._sound_at = -1
        self._turn = asyncio.Lock()

    async def of(self, error: BaseException) -> BaseException:
        """Return a Failure where the database is the reason, and was set right; else the error itself."""
        if isinstance(error, Failure) or not isinstance(error, Exception):
            return error
        async with self._turn:
            now = asyncio.get_running_loop().time()
            try:
                found = await self._write(partial(self._set_right, now < self._sound_until))
            except Exception:  # what went wrong first is told
                log.exception("the database could not be looked through for what cannot be in it")
                return error
            if found == (0, 0):
                self._sound_until = now + SOUND_SECONDS
            if found is None or found == (0, 0):
                return error
        done, left = found
        log.warning("values that cannot be where they are: %d set right, %d left", done, left, exc_info=error)
        if done:
            return Failure("storage_error", SET_RIGHT.format(count=done), retryable=True)
        return Failure("storage_error", LEFT)

    def _set_right(self, was_sound: bool, conn: sqlite3.Connection) -> Found:
        """How many values were set right and left; None where it was sound and nobody else has written since."""
        from sidecar.store.odd_values import set_right

        # On the connection that writes for us it changes with what others write, and with nothing else.
        written: int = conn.execute("PRAGMA data_version").fetchone()[0]
        if was_sound and written == self._sound_at:
            return None
        self._sound_at = written
        return set_right(conn)
