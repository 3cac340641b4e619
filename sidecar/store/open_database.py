"""What is done to the file before anything is served from it: looked at, migrated, set up."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from glob import escape
from pathlib import Path

from sidecar.errors import Failure
from sidecar.store import kept_copies, log_origin, open_targets, own_file, update_deaths, upgrade
from sidecar.store.atomic_files import BACKUPS, PARTIAL, PRIVATE_FOLDER, create_private, make_private
from sidecar.store.integrity import WAY_BACK
from sidecar.store.lock import FolderLock, unusable_folder

log = logging.getLogger("sidecar.store")

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_USER_VERSION_AT = slice(60, 64)
_OLDEST_SQLITE = (3, 37)  # STRICT tables

BUSY_TIMEOUT_MS = 5_000
_CACHE_KIB = 16 * 1024
_MMAP_BYTES = 256 * 1024 * 1024
_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_ANALYSIS_LIMIT = 400
_STEPS_A_LOOK = 1_000


def claim(path: Path) -> FolderLock:
    """Makes the folder, which is its owner's alone, and holds it for this process.

    Raises Failure("conflict"), Failure("storage_error").
    """
    try:
        path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable_folder(error) from error
    lock = FolderLock.take(path.with_name(path.name + ".lock"))
    for ours in (
        path.parent,
        *(path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", ".lock")),
    ):
        make_private(ours)
    return lock


def make_file(path: Path) -> bool:
    """Make the database's file where there is none, and say so: its log gets the mode that it has. Raise OSError."""
    with suppress(FileExistsError):
        create_private(path).close()
        return True
    return False


def let_go(path: Path, lock: FolderLock | None, *, made: bool) -> None:
    """Give the folder free after an opening that failed. A file that was made for it and stayed empty goes.

    The next opening would find that the database was emptied.
    """
    with suppress(OSError):
        if made and path.stat().st_size == 0:
            path.unlink()
    if lock is not None:
        lock.release()


def _clear_up(path: Path) -> None:
    """What a process was writing when it was killed. Nobody else writes any: the folder is held."""
    for folder in (path.parent, path.parent / BACKUPS):
        for pattern in (f".*{PARTIAL}*", f"{escape(path.name)}.*{PARTIAL}*"):
            for left in folder.glob(pattern):
                with suppress(OSError):
                    left.unlink()
    open_targets.clear(path.parent)
    shutil.rmtree(staging_folder(path), ignore_errors=True)


def staging_folder(path: Path) -> Path:
    """Return where a backup is looked through before it takes the place of the database at `path`."""
    return path.with_name(f"{path.name}.restoring")


def inspect(path: Path) -> None:
    """Refuses, without touching it, a file that is no database of ours or of a newer version. Blocking.

    Raises Failure("storage_error").
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise Failure(
            "storage_error", f"SQLite {sqlite3.sqlite_version} is too old. Install version 3.37 or newer."
        )
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        kept_copies.refuse_emptied(path)
        return
    if not header.startswith(_MAGIC):
        raise no_database(path)
    refuse_newer(int.from_bytes(header[_USER_VERSION_AT], "big"))
    # What was committed last may still be in the log, and opening for writing would fold it into the file.
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        with closing(sqlite3.connect(read_only_uri(path), uri=True, isolation_level=None)) as conn:
            refuse_newer(user_version(conn))


def read_only_uri(path: Path) -> str:
    return own_file.file_uri(path.absolute()) + "?mode=ro"


def user_version(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(version: int) -> None:
    if version > upgrade.LATEST:
        raise Failure(
            "storage_error",
            "This database was written by a newer version of A-B/AI. Update the app; nothing was changed.",
            detail=f"database version {version}, this program knows up to {upgrade.LATEST}",
        )


def prepare_writer(
    conn: sqlite3.Connection, path: Path, now_ms: int, unwanted: Callable[[], bool] = lambda: False
) -> None:
    """Clears up what a kill left, migrates, then sets the connection up.

    Raises Failure and sqlite3.Error, also once it is `unwanted`: the migration is undone then.
    """
    conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    refuse_newer(user_version(conn))
    _clear_up(path)
    conn.set_progress_handler(unwanted, _STEPS_A_LOOK)
    try:
        if upgrade.is_due(conn):
            with update_deaths.counted(conn, path, now_ms):
                upgrade.migrate(conn, path, now_ms)
        else:
            upgrade.migrate(conn, path, now_ms)
            update_deaths.forget(path)
    finally:
        conn.set_progress_handler(None, 0)
    mode = conn.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        log.warning(
            "the file system does not allow write-ahead logging (journal mode %s): writing is slower", mode
        )
    conn.execute("PRAGMA synchronous=FULL")
    if mode == "wal":
        log_origin.mark(conn, path)
    conn.execute("PRAGMA foreign_keys=ON")
    conn.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    conn.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")


def prepare_reader(conn: sqlite3.Connection) -> None:
    """Raises Failure("storage_error") when the file is of an older version, which only a writer can migrate."""
    conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    conn.execute("PRAGMA query_only=ON")
    conn.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    # Only the reader maps the file: an error of the disk under a mapping kills the process instead of raising.
    conn.execute(f"PRAGMA mmap_size={_MMAP_BYTES}")
    version = user_version(conn)
    refuse_newer(version)
    if version < upgrade.LATEST:
        raise Failure(
            "storage_error", "This database is of an older version. Open it once with the app first."
        )


def finish_writer(conn: sqlite3.Connection) -> None:
    """Leaves one whole file behind, with statistics that the planner can use. Never raises for SQLite's reasons."""
    try:
        conn.execute(f"PRAGMA analysis_limit={_ANALYSIS_LIMIT}")
        conn.execute("PRAGMA optimize")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        # The log is folded in at the next start.
        log.warning("the database was closed without a checkpoint: %s", type(error).__name__)


def no_database(path: Path) -> Failure:
    """What is told of a file in the database's place that is none."""
    return Failure(
        "storage_error",
        f"{path.name} in the data folder is damaged, or is not a database. {WAY_BACK}",
    )
