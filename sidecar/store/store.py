"""The store as everything above it sees it: a database that may still be opening, or giving way to another one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sidecar.errors import Failure
from sidecar.store.database import Database
from sidecar.store.disk import Disk
from sidecar.store.explanation import Explanation

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The database to go on with, None to go on without one; `failure` says why it is not the one that was wanted."""

    database: Database | None
    failure: Failure | None = None


# Whoever asks many things at once is told the same of all of them.
AGAIN_SECONDS = 1.0
# How long an opening may still take when the process is about to end.
OPENING_SECONDS = 0.3


class Store:
    """Serving begins before the file is open: a migration of an old database may take minutes.

    Calls wait for the opening, in the order in which they came. When it failed, each of them fails with its
    reason, so that the person reads a sentence instead of watching the sidecar start again and again. The first call
    that comes AGAIN_SECONDS later opens anew: a disk may have room by then, another app have given the folder free.

    `open_file` opens what is in place; `disk` is what that lies on, and `explain` says of an exception that is no
    Failure what a person is told. `on_late_opening` is called when it succeeds after it had failed.
    """

    def __init__(
        self,
        open_file: Callable[[], Coroutine[Any, Any, Database]],
        *,
        on_late_opening: Callable[[], None] = lambda: None,
    ) -> None:
        # A lock is fair: a call that comes when the file has just opened does not overtake those that waited for it.
        self._turn = asyncio.Lock()
        self._open_file = open_file
        self.disk = Disk()
        self.explain = Explanation(self.write).of
        self._on_late_opening = on_late_opening
        self._stopping = False
        self._again_at = 0.0
        self._opening = self._first = self._begin(open_file())

    async def database(self) -> Database:
        """Raises what opening raised: Failure("conflict") or Failure("storage_error")."""
        async with self._turn:
            if self._failed() and not self._stopping and _loop_time() >= self._again_at:
                self._opening = self._begin(self._open_file())
                database = await self._opened()
                self._on_late_opening()
                return database
            return await self._opened()

    async def opened_within(self, seconds: float) -> Database | None:
        """As `database`, but None where it is not open by then."""
        try:
            async with asyncio.timeout(seconds):
                return await self.database()
        except TimeoutError:
            return None

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

    async def replace(self, exchange: Callable[[Database | None], Coroutine[Any, Any, Exchanged]]) -> None:
        """Lets `exchange` close the database and open another one in its place; calls wait meanwhile.

        It is given None where the database could not be opened. All that was written before is committed when
        `exchange` closes what it is given. It may give the same database back, unclosed. Raises the failure that it
        gives; where it raises itself, all calls fail with that. An exchange that has begun is carried through even
        when the caller is cancelled.
        """
        outcome: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()

        async def exchanged(present: Database | None) -> Database:
            done = await exchange(present)
            if not outcome.done():
                outcome.set_result(done.failure)
            if done.database is None:
                raise reason
            return done.database

        async with self._turn:
            present: Database | None = None
            reason = Failure("storage_error", "The database is not open. Start A-B/AI again.")
            try:
                present = await self._opened()
            except Failure as told:
                reason = told
            self._opening = self._begin(exchanged(present))
            try:
                await self._opened()
            except Failure:
                if not outcome.done() or outcome.result() is None:
                    raise
        failure = outcome.result()
        if failure is not None:
            raise failure
        if present is None:
            self._on_late_opening()

    async def stop_opening(self) -> None:
        """A database that is still being brought up to date is left as it was, and whoever waits for it is told that
        the app is closing: it can take minutes, and begins anew at the next start.
        """
        self._stopping = True
        opening = self._opening
        await asyncio.wait({opening}, timeout=OPENING_SECONDS)
        if opening is self._first:
            opening.cancel()

    async def close(self) -> None:
        """Closes the database if it ever opened."""
        opening = self._opening
        await asyncio.wait({opening})
        # Its reason was given to every call.
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().close()

    def _begin(self, opening: Coroutine[Any, Any, Database]) -> asyncio.Future[Database]:
        future = asyncio.ensure_future(opening)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, opening: asyncio.Future[Database]) -> None:
        # The reason is given to every call; nobody may ever ask the future itself.
        if opening.cancelled() or opening.exception() is not None:
            self._again_at = opening.get_loop().time() + AGAIN_SECONDS

    def _failed(self) -> bool:
        done = self._opening.done() and not self._opening.cancelled()
        return done and self._opening.exception() is not None

    async def _opened(self) -> Database:
        try:
            return await asyncio.shield(self._opening)
        except Failure as failure:
            # A fresh one each time: an exception that is raised twice grows its own trace for ever.
            raise Failure(
                failure.kind, failure.message, retryable=failure.retryable, detail=failure.detail
            ) from None
        except asyncio.CancelledError:
            if self._opening.cancelled():
                message = "A-B/AI is closing. Start it again and repeat what you did."
                raise Failure("shutting_down", message) from None
            raise


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
