"""The copies of the database that are kept without anybody asking: one a day, each looked through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sidecar import failpoints
from sidecar.errors import Failure
from sidecar.store import own_work
from sidecar.store.atomic_files import BACKUPS, PRIVATE_FOLDER, file_failure
from sidecar.store.background_read import scan
from sidecar.store.backup import copy_database
from sidecar.store.kept_copies import STAMP, list_backups
from sidecar.store.log_origin import free_name
from sidecar.store.store import Store

log = logging.getLogger("sidecar.store")

KEPT_DAYS = 7
DAY_MS = 86_400_000
# An app that is opened for a moment takes none.
FIRST_LOOK_SECONDS, LOOK_SECONDS = 60.0, 3_600.0
# How long what has been mended is still called wrong, where nobody says anything.
MENDED_LOOK_SECONDS = 600.0
# A copy stops at once, unless the disk does not answer.
STOP_SECONDS = 0.5
COPYING = "the copy of the day"
SET_ASIDE = (
    "A-B/AI ended twice in a row while it made the copy of the day, so it makes none by itself any more. Make a backup "
    "yourself, or have the database checked: once that has succeeded, the daily copies go on."
)


class Caretaker:
    """Takes the copy of the day, whose check is also what finds damage while there are good copies of before.

    `problem` is what it found, as a sentence, until a copy is whole again.
    """

    def __init__(self, store: Store, database: Path, now_ms: Callable[[], int]) -> None:
        self.problem: str | None = None
        self._store = store
        self._database = database
        self._now_ms = now_ms
        self._again = asyncio.Event()
        # Somebody else has gone through the whole database since, and the process survived it.
        self._survived = False
        self._caring: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look now and then from now on."""
        self._caring = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Look no more. What is being copied stops, and its mark goes: the next start would take it for a death."""
        if self._caring is not None:
            self._caring.cancel()
            await asyncio.wait({self._caring}, timeout=STOP_SECONDS)

    async def run(self, first_look_seconds: float = FIRST_LOOK_SECONDS) -> None:
        """Look now and then, until cancelled."""
        await asyncio.sleep(first_look_seconds)
        while True:
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self.problem is None else MENDED_LOOK_SECONDS):
                    await self._again.wait()
            self._again.clear()

    def look_again(self) -> None:
        """Have what was wrong looked at now: something else has just succeeded."""
        self._survived = True
        if self.problem is not None:
            self._again.set()

    async def look(self) -> None:
        """Take a copy unless all is well and there is one of the last day, and let the oldest go.

        Never raise Failure.
        """
        now = self._now_ms()
        daily = [
            each for each in await asyncio.to_thread(list_backups, self._database) if each.kind == "daily"
        ]
        # A clock that was wrong has left copies of a time to come.
        if self.problem is None and any(abs(now - each.created_at) < DAY_MS for each in daily):
            return
        stamp = datetime.fromtimestamp(now / 1000, UTC).strftime(STAMP)
        folder = self._database.parent / BACKUPS
        try:
            if not await self._begun():
                log.warning("there is no copy of the day: %s", SET_ASIDE)
                self.problem = SET_ASIDE
                return
            failpoints.failpoint("daily-copy")
            try:
                target = await asyncio.to_thread(_free_target, folder, stamp)
                await scan(self._store, lambda conn, pulse: copy_database(conn, target, pulse=pulse))
            except asyncio.CancelledError:
                await asyncio.shield(self._store.write(own_work.leave_off, COPYING))
                raise
            finally:
                # Where the disk does not take it now, the next look does it.
                self._survived = True
            await self._take_mark_away()
        except Failure as failure:
            with suppress(Failure):
                if self._survived:
                    await self._take_mark_away()
            log.warning("the copy of the day could not be made: %s", failure.message)
            self.problem = failure.message
            return
        self.problem = None
        # What was just made stays, whatever the clock says of it.
        for old in daily[KEPT_DAYS - 1 :]:
            await asyncio.to_thread(_remove, old.path)

    async def _begun(self) -> bool:
        """Whether a copy may be made, which is on the disk before it is: the process may not survive it."""
        if self._survived:
            await self._take_mark_away()
        return await self._store.write(own_work.begin, COPYING)

    async def _take_mark_away(self) -> None:
        await self._store.write(own_work.end, COPYING)
        self._survived = False


def _free_target(folder: Path, stamp: str) -> Path:
    try:
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise file_failure(error, folder) from error
    return free_name(folder / f"abai-{stamp}.db")


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
