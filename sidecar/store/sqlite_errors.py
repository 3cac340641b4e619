"""SQLite's result codes as sentences for a person."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from sidecar.errors import Failure
from sidecar.shortages import FILES, MEMORY, NO_ROOM, ROOM, few_files_left, shortage
from sidecar.store.integrity import DAMAGED

_DISK = "The disk could not be read or written. Check it and try again."
_BUSY = "Another program is using the database. Close it and try again."
_DENIED = "The data folder may not be written to. Check its permissions and try again."
_UNOPENED = "The database cannot be opened. Check that the data folder is there and may be written to, then try again."
_TOO_BIG = "This is too large to be saved. Split it and try again."

_SENTENCES: dict[int, str] = {
    sqlite3.SQLITE_FULL: ROOM,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_PROTOCOL: _DISK,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CANTOPEN: _UNOPENED,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FORMAT: DAMAGED,
    sqlite3.SQLITE_NOMEM: MEMORY,
    sqlite3.SQLITE_TOOBIG: _TOO_BIG,
}
_PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR})
# SQLite does not say why it could not open what it wanted.
_UNEXPLAINED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
# Nor which of its files it was.
_UNNAMED = _UNEXPLAINED | {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
PRIMARY_CODE = 0xFF


def storage_failure(error: BaseException) -> Failure | None:
    """The Failure("storage_error") that stands for what the disk or SQLite did; None when it is a bug of ours."""
    if isinstance(error, sqlite3.Error):
        # Python raises some errors itself, and those have no code.
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        sentence = _SENTENCES.get(code)
        if sentence is None:
            return None
        lacking = code in _UNEXPLAINED and few_files_left()
        return Failure(
            "storage_error",
            FILES if lacking else sentence,
            retryable=lacking or code in _PASSING,
            detail=getattr(error, "sqlite_errorname", None),
        )
    if isinstance(error, OSError):
        lack = shortage(error)
        sentence = _said_of(error) if lack is None else lack.message
        return Failure("storage_error", sentence, retryable=True, detail=type(error).__name__)
    return None


def not_allowed(what: str) -> str:
    """Return what is told of a file or folder that the system does not let A-B/AI use."""
    return f"{what} may not be used. Check its permissions, or whether another program has it open."


def _said_of(error: OSError) -> str:
    """By its name alone: this may be about any file, and not all are the person's."""
    is_denied = isinstance(error, PermissionError) or error.errno == errno.EROFS
    named = error.filename2 or error.filename
    if not is_denied or not isinstance(named, str):
        return _DENIED if is_denied else _DISK
    path = Path(named)
    if error.errno == errno.EROFS:
        return f"{path.parent.name} is on a disk that can only be read. Make it writable, or choose another folder."
    if path.name.startswith("."):
        # What was about to be made, under a name that nobody knows.
        return f"The folder {path.parent.name} may not be written to. Check its permissions and try again."
    return not_allowed(path.name)


def told_by_the_disk(error: BaseException, folder: Path) -> BaseException:
    """Return the error, or the disk's own where SQLite could not make a file in that folder for want of room.

    SQLite says of such a file only that it cannot be opened, or not be made longer. Blocking.
    """
    if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE not in _UNEXPLAINED:
        return error
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as told:
        return told if told.errno in NO_ROOM else error
    return error


def told_by_the_files(error: BaseException, database: Path) -> BaseException:
    """Return what `told_by_the_disk` does, or that the database's file, log or index may not be used, with its name.

    SQLite says only that it could not open or write something. Blocking.
    """
    if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE not in _UNNAMED:
        return error
    told = told_by_the_disk(error, database.parent)
    if told is not error:
        return told
    for path in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return error


def translated(error: BaseException) -> BaseException:
    """The error as a caller is to see it: a Failure where the disk is at fault, else itself."""
    failure = storage_failure(error)
    if failure is None:
        return error
    failure.__cause__ = error
    return failure
