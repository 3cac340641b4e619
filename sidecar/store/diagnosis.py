"""What is wrong with a data folder, found without an open database: for whoever asks for a way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sidecar.errors import Failure
from sidecar.shortages import shortage
from sidecar.store import kept_copies, open_database
from sidecar.store.integrity import find_damage
from sidecar.store.sqlite_errors import PRIMARY_CODE, told_by_the_disk
from sidecar.store.stoppable import STEPS_A_PULSE, Pulse, in_thread

# Under so much, a copy of the day or a batch may not find room.
LITTLE_ROOM_BYTES = 200 * 1024 * 1024
_DENIED = (
    "The database could not be looked at, because you may not read or write in its folder. It may belong to another "
    "user: check the permissions, or choose another data folder."
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder as the system sees it. `free_bytes` is None where the disk does not say."""

    exists: bool
    writable: bool
    free_bytes: int | None
    database_bytes: int
    log_bytes: int


async def check_database(path: Path, *, full: bool) -> list[str]:
    """Return what is wrong with the file at `path`, nothing for a sound one. It need not be open, nor a database.

    `full` also holds the indexes against their tables. Reads the whole file beside other work, and may be cancelled.
    Raises Failure("storage_error") where this user may not look at it, which says nothing of the file.
    """
    return await in_thread(lambda pulse: _check(path, full, pulse))


def _check(path: Path, full: bool, pulse: Pulse) -> list[str]:
    try:
        if not path.exists():
            return [no_file(path)]
        kept_copies.refuse_emptied(path)
        with closing(
            sqlite3.connect(open_database.read_only_uri(path), uri=True, isolation_level=None)
        ) as conn:
            conn.execute(f"PRAGMA busy_timeout={open_database.BUSY_TIMEOUT_MS}")
            conn.set_progress_handler(pulse, STEPS_A_PULSE)
            open_database.refuse_newer(open_database.user_version(conn))
            return find_damage(conn, full=full)
    except Failure as failure:
        return [failure.message]
    except (sqlite3.Error, OSError) as error:
        if lack := shortage(told_by_the_disk(error, path.parent)):
            # Looking at a database makes files beside it.
            raise lack from error
        if _is_denied(error):
            raise Failure("storage_error", _DENIED, detail=type(error).__name__) from error
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE == sqlite3.SQLITE_NOTADB:
            return [open_database.no_database(path).message]
        return [f"it cannot be read: {error}"]


def no_file(path: Path) -> str:
    """Return what is told where there is no database at all, damaged or not (pure)."""
    return (
        f"There is no {path.name} in the data folder. Where the folder or the file was moved, put it back; else "
        "restore a backup (data:restore; data:backups lists those that A-B/AI made)."
    )


def _is_denied(error: Exception) -> bool:
    """Whether the file, its folder or its log belongs to somebody else: not even a sound one is read then."""
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
    return isinstance(error, PermissionError) or code in (
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
    )


def look_at_folder(database: Path) -> Folder:
    """Return the state of the folder that the database is in. Blocking."""
    folder = database.parent
    try:
        free: int | None = shutil.disk_usage(folder).free
    except OSError:
        free = None
    return Folder(
        exists=folder.is_dir(),
        writable=os.access(folder, os.W_OK | os.X_OK),
        free_bytes=free,
        database_bytes=_size(database),
        log_bytes=_size(database.with_name(database.name + "-wal")),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
