"""Opens the database of a data folder: waits for a sidecar that is ending, and puts in order what the last run left."""

from __future__ import annotations

import asyncio
import logging

from sidecar import clock
from sidecar.config import Config
from sidecar.errors import Failure
from sidecar.store import left_over
from sidecar.store.database import Database
from sidecar.store.legacy_import import take_over

log = logging.getLogger("sidecar")

# A sidecar ends within five seconds of being told to, and the disk may be slow.
HELD_SECONDS, HELD_LOOK_SECONDS = 8.0, 0.1


class DatabaseOpener:
    """Opens the same file as often as it is called. To be made inside a running loop: its patience begins then.

    A sidecar that was told to end still holds the folder while it settles what it had begun: at the start it is
    waited for.
    """

    def __init__(self, config: Config, now_ms: clock.Now) -> None:
        self.file = config.data_dir / "abai.db"
        self._config = config
        self._now_ms = now_ms
        self._held_until = asyncio.get_running_loop().time() + HELD_SECONDS

    async def __call__(self) -> Database:
        """Raise Failure; the folder is free again then."""
        database = await self._to_look_at() or await self._free()
        if database.read_only:
            return database
        try:
            await _clear_up(database, self._config, self._now_ms())
        except BaseException:
            # It holds the folder, and whoever opens next would find it taken.
            await database.close()
            raise
        return database

    async def _to_look_at(self) -> Database | None:
        """Where only looking is wanted: one that is there and of this version. Any other is opened as always."""
        if not self._config.read_only or not self.file.exists():
            return None
        try:
            return await Database.open(self.file, now_ms=self._now_ms, read_only=True)
        except Failure:
            return None

    async def _free(self) -> Database:
        while True:
            try:
                return await Database.open(self.file, now_ms=self._now_ms)
            except Failure as failure:
                if failure.kind != "conflict" or asyncio.get_running_loop().time() > self._held_until:
                    raise
            await asyncio.sleep(HELD_LOOK_SECONDS)


async def _clear_up(database: Database, config: Config, now: int) -> None:
    """What the last run could not end, and what the app before the sidecar left in files.

    Before anything else is written: later, a batch that is being stored would look like one that never was.
    """
    if await database.write(left_over.anything_open):
        from sidecar.spending.recovery import after_a_run

        try:
            interrupted = await database.write(after_a_run, now)
        except Failure:
            raise
        except Exception:
            from sidecar.store.odd_values import set_right

            if not (await database.write(set_right))[0]:
                raise
            log.exception(
                "another program has written into the database what cannot be there; it was set right"
            )
            interrupted = await database.write(after_a_run, now)
        if interrupted:
            log.warning(
                "%d answers were cut off when the sidecar last ended; their cost is unknown", interrupted
            )
    await take_over(database, config.data_dir, now)
