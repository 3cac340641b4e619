"""SQLite's result codes as sentences for a person."""

from __future__ import annotations

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
        sentence = _DISK if lack is None else lack.message
        return Failure("storage_error", sentence, retryable=True, detail=type(error).__name__)
    return None


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


def translated(error: BaseException) -> BaseException:
    """The error as a caller is to see it: a Failure where the disk is at fault, else itself."""
    failure = storage_failure(error)
    if failure is None:
        return error
    failure.__cause__ = error
    return failure
