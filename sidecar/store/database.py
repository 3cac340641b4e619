"""The one module that touches aiosqlite: a writer that commits what has gathered, and a reader beside it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import aiosqlite

from sidecar.errors import Failure
from sidecar.store import log_origin, odd_places, open_database, upgrade
from sidecar.store.backup import copy_database
from sidecar.store.commit import Outcome, Work, commit_group, read_snapshot
from sidecar.store.lock import FolderLock
from sidecar.store.sqlite_errors import storage_failure, told_by_the_files
from sidecar.store.stoppable import Pulse, in_thread

P = ParamSpec("P")
T = TypeVar("T")

LOOKING = (
    "The data folder was opened to be looked at only, because another A-B/AI may have it. Close that one, then do this "
    "again; nothing was changed."
)
_GROUP_LIMIT = 500
_STATEMENT_CACHE = 256

# At DEBUG it logs statements with their values, which are people's conversations.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)


class Database:
    """One SQLite file. What `write` returned is on the disk; `read` sees all that was committed.

    Both take a plain function over a connection and run it on that connection's thread in one transaction,
    so that what belongs together is one function that calls several table functions.
    """

    def __init__(
        self,
        path: Path,
        reader: aiosqlite.Connection,
        writer: aiosqlite.Connection | None,
        lock: FolderLock | None,
    ) -> None:
        self.path = path
        self.schema_version = upgrade.LATEST
        self._reader = reader
        self._writer = writer
        self._lock = lock
        self._waiting: deque[tuple[Work, asyncio.Future[Outcome]]] = deque()
        self._wake = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._file = _identity(path)
        self._committing = asyncio.create_task(self._commit_gathered(writer)) if writer is not None else None

    @classmethod
    async def open(cls, path: Path, *, now_ms: Callable[[], int], read_only: bool = False) -> Database:
        """Opens, and unless `read_only` creates and migrates, the file. The folder is held against other processes.

        Raises Failure("conflict") when another process holds it and Failure("storage_error") otherwise.
        """
        # Not left half way: a connection that nobody closes keeps the process alive.
        unwanted = threading.Event()
        opening_task = asyncio.create_task(_open_files(path, now_ms, read_only, unwanted.is_set))
        try:
            reader, writer, lock = await asyncio.shield(opening_task)
        except asyncio.CancelledError:
            unwanted.set()
            opening_task.add_done_callback(_close_unwanted)
            raise
        return cls(path, reader, writer, lock)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self._committing is None

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn` and returns once it is committed. Writes are applied in the order of these calls.

        What `fn` raises is raised here, and `fn` alone is undone. A caller that is cancelled undoes nothing. It may be
        run twice, the first time undone: it changes nothing but the database.
        Raises Failure("storage_error") when the disk does not take it, Failure("shutting_down") after close().
        """
        if self._committing is None:
            raise Failure("conflict", LOOKING)
        if self._closing is not None:
            raise _closed()
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((partial(_call, fn, args, kwargs), done))
        self._wake.set()
        outcome = await done
        if outcome.error is not None:
            raise outcome.error
        return cast(T, outcome.value)

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn` on the reading connection, all of it seeing one moment. Raises Failure("storage_error")."""
        if self._closing is not None:
            raise _closed()
        try:
            return await _hop(self._reader, read_snapshot, partial(_call, fn, args, kwargs))
        except (sqlite3.Error, OSError) as error:
            failure = storage_failure(error)
            if failure is None:
                raise
            raise failure from error

    async def backup(self, path: Path) -> int:
        """Writes a consistent copy to `path`, replacing what is there, while reads and writes go on. Returns bytes.

        Raises Failure("invalid_params") for the database itself as target, Failure("storage_error").
        """
        if self._closing is not None:
            raise _closed()
        return await in_thread(partial(_backup, self.path, path))

    def gone(self) -> Failure | None:
        """Return what is told where the file is no longer the one that was opened, else None. Blocking."""
        return None if _identity(self.path) == self._file else _gone()

    def size_bytes(self) -> int:
        """The file and its log as they are on the disk. Blocking."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def close(self) -> None:
        """Commits what was asked for, leaves one whole file and gives the folder free. May be called twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._wake.set()
        if self._committing is not None:
            await asyncio.wait([self._committing])
        while self._waiting:
            _, done = self._waiting.popleft()
            _resolve(done, Outcome(error=_closed()))
        try:
            await self._reader.close()
            if self._writer is not None:
                await _hop(self._writer, open_database.finish_writer)
                await self._writer.close()
                await asyncio.to_thread(log_origin.forget, self.path)
        finally:
            if self._lock is not None:
                self._lock.release()

    async def _commit_gathered(self, writer: aiosqlite.Connection) -> None:
        while self._waiting or self._closing is None:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP_LIMIT))]
            outcomes = [Outcome(error=_closed())] * len(group)
            try:
                works = [work for work, _ in group]
                outcomes = await _hop(writer, _commit_in_place, works, self.path, self._file)
            finally:
                for (_, done), outcome in zip(group, outcomes, strict=True):
                    _resolve(done, outcome)


def _call(fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], conn: sqlite3.Connection) -> T:
    return fn(conn, *args, **kwargs)


def _commit_in_place(
    conn: sqlite3.Connection, works: list[Work], path: Path, file: tuple[int, int] | None
) -> list[Outcome]:
    """Commits while the file is where it was opened: what goes into one that was deleted or replaced is lost, and an
    intent that is lost is money that nobody counts.
    """
    if _identity(path) != file:
        return [Outcome(error=_gone()) for _ in works]
    return commit_group(conn, works)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _gone() -> Failure:
    return Failure(
        "storage_error",
        "The data folder was moved, deleted or replaced while A-B/AI was running, so nothing more is saved or sent. "
        "Put it back, or start A-B/AI again.",
    )


def _resolve(done: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not done.done():
        done.set_result(outcome)


def _closed() -> Failure:
    return Failure("shutting_down", "A-B/AI is closing. Start it again and repeat what you did.")


async def _hop(
    connection: aiosqlite.Connection,
    fn: Callable[Concatenate[sqlite3.Connection, P], T],
    *args: P.args,
    **kw: P.kwargs,
) -> T:
    """Runs `fn` on the connection's thread: one trip for any number of statements.

    aiosqlite's public methods make a trip for each statement, and the trip is nearly all of their cost.
    """
    execute = cast(Callable[..., Any], connection._execute)
    return cast(T, await execute(fn, connection._conn, *args, **kw))


async def _open_files(
    path: Path, now_ms: Callable[[], int], read_only: bool, unwanted: Callable[[], bool]
) -> tuple[aiosqlite.Connection, aiosqlite.Connection | None, FolderLock | None]:
    lock: FolderLock | None = None
    writer: aiosqlite.Connection | None = None
    made = False
    try:
        if not read_only:
            lock = open_database.claim(path)
        odd_places.refuse(path)
        if not read_only:
            log_origin.put_foreign_logs_aside(path, now_ms())
        open_database.inspect(path)
        if not read_only:
            made = open_database.make_file(path)
            writer = await _connect(str(path))
            await _hop(writer, open_database.prepare_writer, path, now_ms(), unwanted)
        reader = await _connect(open_database.read_only_uri(path) if read_only else str(path), uri=read_only)
        try:
            await _hop(reader, open_database.prepare_reader)
        except BaseException:
            await reader.close()
            raise
    except BaseException as error:
        if writer is not None:
            await writer.close()
        open_database.let_go(path, lock, made=made)
        failure = storage_failure(await asyncio.to_thread(told_by_the_files, error, path))
        if failure is not None:
            raise failure from error
        raise
    return reader, writer, lock


async def _connect(database: str, *, uri: bool = False) -> aiosqlite.Connection:
    return await aiosqlite.connect(
        database, uri=uri, isolation_level=None, cached_statements=_STATEMENT_CACHE, check_same_thread=False
    )


def _close_unwanted(
    opened: asyncio.Task[tuple[aiosqlite.Connection, aiosqlite.Connection | None, FolderLock | None]],
) -> None:
    if opened.cancelled() or opened.exception() is not None:
        return
    reader, writer, lock = opened.result()
    reader.stop()
    if writer is not None:
        writer.stop()
    if lock is not None:
        lock.release()


def _backup(source: Path, target: Path, pulse: Pulse) -> int:
    ours = {source.with_name(source.name + ending).absolute() for ending in ("", "-wal", "-shm", ".lock")}
    if target.absolute() in ours or (target.exists() and source.samefile(target)):
        raise Failure("invalid_params", "A backup cannot replace the database itself. Choose another file.")
    try:
        with closing(
            sqlite3.connect(open_database.read_only_uri(source), uri=True, isolation_level=None)
        ) as conn:
            conn.execute(f"PRAGMA busy_timeout={open_database.BUSY_TIMEOUT_MS}")
            return copy_database(conn, target, pulse=pulse)
    except (sqlite3.Error, OSError) as error:
        failure = storage_failure(error)
        if failure is None:
            raise
        raise failure from error
