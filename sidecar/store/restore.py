"""A backup put in place of the present database: looked through first, the present one kept beside it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from sidecar.errors import Failure
from sidecar.store import database_files, ledger, open_database, unfinished_jobs, upgrade
from sidecar.store.atomic_files import PRIVATE_FOLDER, create_private, source_file
from sidecar.store.backup import copy_database
from sidecar.store.database import Database
from sidecar.store.diagnosis import check_database, no_file
from sidecar.store.lost_rows import SalvagedTable
from sidecar.store.salvage import salvage
from sidecar.store.sqlite_errors import storage_failure, told_by_the_disk
from sidecar.store.stoppable import STEPS_A_PULSE, Pulse, in_thread, to_its_end
from sidecar.store.store import Exchanged, Store

log = logging.getLogger("sidecar.store")

Reopen = Callable[[], Coroutine[Any, Any, Database]]
Calm = Callable[[sqlite3.Connection, int], None]

# A database of the app before the sidecar has no version number; these tables say that it is one.
_OLDEST_TABLES = frozenset({"projects", "conversations", "messages"})
_BUSY = "Something is still running. Stop chats and batches, then restore again."
# A data folder belongs to one process, so that it is enough to know this here.
_under_way: set[Path] = set()


async def restore(
    store: Store, present: Path, path: str, *, reopen: Reopen, calm: Calm, now_ms: Callable[[], int]
) -> tuple[Path, int]:
    """Puts the backup at `path` in the place of the database `present`, which need not be open, sound or there at all:
    the database's path and bytes. `reopen` opens whatever is in place.

    `calm` stops, in the backup, what was running when it was made.

    Raises Failure("not_found"), Failure("invalid_params") for what is no backup of ours, Failure("conflict") while
    something is running and Failure("storage_error"). The present database goes on unchanged then.
    """
    async with _staging(store, present) as staging:
        await in_thread(lambda pulse: _stage(source_file(path), present, staging, calm, now_ms(), pulse))
        await _exchange(store, present, staging, reopen=reopen, now_ms=now_ms)
    return present, await asyncio.to_thread(lambda: present.stat().st_size)


async def restore_readable(
    store: Store, present: Path, *, reopen: Reopen, calm: Calm, now_ms: Callable[[], int]
) -> tuple[list[SalvagedTable], Path | None]:
    """Puts a new database with all that can be read of the damaged one in its place: what that was, and where the
    damaged one is kept. One that is sound is left alone.

    Raises as `restore` does.
    """
    problems = await check_database(present, full=True)
    if not problems:
        return [], None
    if no_file(present) in problems:
        # A new one would take the place of a folder that is only elsewhere for now.
        raise Failure("storage_error", no_file(present))
    found: list[SalvagedTable] = []

    def stage(staging: Path) -> None:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(PRIVATE_FOLDER, parents=True)
        copy = staging / present.name
        create_private(copy).close()
        found.extend(salvage(present, copy, now_ms()))
        with closing(sqlite3.connect(copy, isolation_level=None)) as conn:
            _calmed(conn, calm, now_ms())

    async with _staging(store, present) as staging:
        kept = await _exchange(store, present, staging, reopen=reopen, now_ms=now_ms, stage=stage)
    return found, kept[0][0] if kept else None


@asynccontextmanager
async def _staging(store: Store, present: Path) -> AsyncIterator[Path]:
    """The folder in which a database is made ready, for one at a time. Raises Failure("conflict")."""
    staging = open_database.staging_folder(present)
    if staging in _under_way:
        raise Failure("conflict", "A backup is being restored already. Wait until it is in place.")
    _under_way.add(staging)
    try:
        with suppress(Failure):
            # An opening that is under way clears up what it takes for a kill's leavings.
            await store.database()
        yield staging
    finally:
        # Cut off, it would leave the folder behind, and refuse every later restore as the second of two.
        await to_its_end(_cleared(store, staging))


async def _cleared(store: Store, staging: Path) -> None:
    try:
        with suppress(Failure):
            # Whoever is cancelled leaves an exchange behind that still needs what was staged.
            await store.database()
        await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
    finally:
        _under_way.discard(staging)


async def _exchange(
    store: Store,
    present: Path,
    staging: Path,
    *,
    reopen: Reopen,
    now_ms: Callable[[], int],
    stage: Callable[[Path], None] = lambda staging: None,
) -> list[tuple[Path, Path]]:
    """Lets what is staged, which `stage` may do once nothing is open, take the present one's place: what is kept."""
    kept: list[tuple[Path, Path]] = []

    async def exchange(database: Database | None) -> Exchanged:
        broken = database is None
        if database is not None:
            try:
                if await database.write(_is_busy):
                    return Exchanged(database, Failure("conflict", _BUSY))
            except Failure as told:
                if (told.detail or "").startswith("SQLITE_BUSY"):
                    # It is sound, and another program writes in it.
                    return Exchanged(database, _not_restored(told))
                broken = True  # it cannot even be asked what runs
            await database.close()
        try:
            await asyncio.to_thread(stage, staging)
            kept.extend(
                await asyncio.to_thread(
                    database_files.put_in_place, staging / present.name, present, now_ms(), broken
                )
            )
            return Exchanged(await reopen())
        except Exception as error:
            failure = _not_restored(await asyncio.to_thread(told_by_the_disk, error, present.parent))
            if kept:
                await asyncio.to_thread(database_files.put_back, kept, present)
            return Exchanged(None if database is None else await reopen(), failure)

    await store.replace(exchange)
    return kept


def _is_busy(conn: sqlite3.Connection) -> bool:
    return ledger.any_open(conn) or unfinished_jobs.any_running(conn)


def _stage(backup: Path, present: Path, staging: Path, calm: Calm, now: int, pulse: Pulse) -> None:
    """A copy of the backup in the data folder, brought to the present version and looked through. Blocking."""
    if present.exists() and backup.samefile(present):
        raise _unfit("This is the database itself. Choose a backup of it.")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(PRIVATE_FOLDER, parents=True)
        _check_backup(backup, pulse)
        copy = staging / present.name
        with closing(
            sqlite3.connect(open_database.read_only_uri(backup), uri=True, isolation_level=None)
        ) as conn:
            copy_database(conn, copy, check=False, pulse=pulse)
        with closing(sqlite3.connect(copy, isolation_level=None)) as conn:
            upgrade.migrate(conn, copy, now)
            _check_schema(conn)
            _calmed(conn, calm, now)
    except (sqlite3.Error, OSError, RuntimeError) as error:
        told = told_by_the_disk(error, present.parent)
        raise storage_failure(told) or _unfit("This backup cannot be read. Choose another one.") from error


def _calmed(conn: sqlite3.Connection, calm: Calm, now: int) -> None:
    conn.execute("BEGIN IMMEDIATE")
    calm(conn, now)
    conn.execute("COMMIT")


def _check_backup(backup: Path, pulse: Pulse) -> None:
    try:
        open_database.inspect(backup)
        with closing(
            sqlite3.connect(open_database.read_only_uri(backup), uri=True, isolation_level=None)
        ) as conn:
            conn.set_progress_handler(pulse, STEPS_A_PULSE)
            if not _columns(conn).keys() >= _OLDEST_TABLES:
                raise _unfit(f"{backup.name} is a database, but not one of A-B/AI. Choose another file.")
            if [row[0] for row in conn.execute("PRAGMA integrity_check(1)")] != ["ok"]:
                raise _unfit(f"{backup.name} is damaged. Choose another backup.")
    except sqlite3.DatabaseError as error:
        raise _unfit(f"{backup.name} cannot be read as a database. Choose another backup.") from error
    except Failure as failure:
        raise (
            failure if failure.kind == "invalid_params" else _unfit(_of_backup(failure, backup))
        ) from failure


def _of_backup(failure: Failure, backup: Path) -> str:
    """What opening says of the data folder's own file, said of the backup."""
    if "newer version" in failure.message:
        return f"{backup.name} was written by a newer version of A-B/AI. Update the app, then restore it."
    return f"{backup.name} is not a database. Choose a backup that A-B/AI wrote."


def _check_schema(conn: sqlite3.Connection) -> None:
    """Raises Failure unless every table and column that the program uses is there, and all keys hold."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        upgrade.migrate(empty, Path(":memory:"), 0)
        wanted = _columns(empty)
    found = _columns(conn)
    lacking = [table for table, names in wanted.items() if not names <= found.get(table, set())]
    if lacking or any(conn.execute(f"PRAGMA foreign_key_check({table})").fetchone() for table in wanted):
        raise _unfit("This backup lacks parts of A-B/AI's data. Choose another one.")


def _columns(conn: sqlite3.Connection) -> dict[str, set[str]]:
    tables = [name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table.lower(): {
            row[0].lower() for row in conn.execute("SELECT name FROM pragma_table_info(?)", (table,))
        }
        for table in tables
    }


def _not_restored(error: BaseException) -> Failure:
    failure = error if isinstance(error, Failure) else storage_failure(error)
    if failure is None:
        log.error("a backup could not be put in place", exc_info=error)
        failure = Failure(
            "internal_error",
            "The backup could not be put in place; the log says why. Try again, or choose another one.",
        )
    return Failure(
        failure.kind,
        f"{failure.message} Nothing was restored.",
        retryable=failure.retryable,
        detail=failure.detail,
    )


def _unfit(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
