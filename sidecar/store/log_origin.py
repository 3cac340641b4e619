"""Which database a log belongs to, so that a copy put in a database's place is never spoilt by what was left beside it.

SQLite lays every log it finds beside a file over that file. Whose it is the log does not say; so each opening gives the
database a number of its own (its `application_id`, in the file's header) and notes it in a file beside it:

    log there, header says no log was in use     foreign: a backup is written that way
    log there, no file or an empty one           foreign: SQLite would delete it
    log there, number of the header not noted    foreign: another file was put in place since
    log there, number noted, or no note at all   ours: what it holds is committed and is read

A number stands in the note before it is in the header, and an older one goes only when the header has the new one
and the log is empty: a process may die anywhere, and the log that it leaves is still known for its own. A journal is
judged by what it says itself (`journal_origin`).
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Set
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sidecar.plain_file import read_plain
from sidecar.store import journal_origin, own_file
from sidecar.store.atomic_files import create_private, partial_beside

log = logging.getLogger("sidecar.store")

_MOST_NOTE_BYTES = 64 * 1024
_FORMAT_VERSIONS = slice(18, 20)
_NO_LOG = b"\x01\x01"


def put_foreign_logs_aside(path: Path, now_ms: int) -> None:
    """Move a log, or a journal, that is not the database's out of the way. Blocking. Raise OSError.

    To be called while the folder is held and nothing has the file open.
    """
    wal, journal = (path.with_name(path.name + ending) for ending in ("-wal", "-journal"))
    if _has(wal) and _is_foreign(path):
        _put_aside(wal, path, now_ms)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
    if _has(journal):
        with journal.open("rb") as file:
            foreign = journal_origin.is_foreign(_header(path), file)
        if foreign:
            _put_aside(journal, path, now_ms)


def mark(conn: sqlite3.Connection, path: Path) -> None:
    """Give the database a number that no copy of before has, and note it. Raise sqlite3.Error, OSError.

    `conn` is the only writer, in WAL mode. What the log holds is folded in.
    """
    number = secrets.randbelow(2**31 - 1) + 1
    before = _noted(path) | {
        own_file.application_id(path),
        conn.execute("PRAGMA application_id").fetchone()[0],
    }
    _note(path, before | {number})
    sync(path.parent)
    conn.execute(f"PRAGMA application_id={number}")
    blocked, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if not blocked:
        _note(path, {number})


def forget(path: Path) -> None:
    """Take the note away once the database is closed and its log folded in: there is nothing left to tell apart."""
    with suppress(OSError):
        if not path.with_name(path.name + "-wal").exists():
            _note_file(path).unlink(missing_ok=True)


def free_name(path: Path) -> Path:
    """Return the path, or with a number after it where it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def sync(path: Path) -> None:
    """Have what is known of a file or a folder on the disk, where the system can be told to."""
    # Windows opens no folders, and some disks cannot be told.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _has(left: Path) -> bool:
    return left.exists() and left.stat().st_size > 0


def _put_aside(left: Path, path: Path, now_ms: int) -> None:
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = free_name(path.with_name(f"{path.name}.foreign-log-{stamp}"))
    left.replace(aside)
    log.warning("%s belongs to another database: it was put aside as %s", left.name, aside.name)


def _is_foreign(path: Path) -> bool:
    header = _header(path)
    if not header or header[_FORMAT_VERSIONS] == _NO_LOG:
        return True
    noted = _noted(path)
    return bool(noted) and _number(header) not in noted


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(journal_origin.HEADER_BYTES)
    except FileNotFoundError:
        return b""


def _number(header: bytes) -> int:
    return int.from_bytes(header[journal_origin.APPLICATION_ID], "big", signed=True)


def _noted(path: Path) -> frozenset[int]:
    """Nothing where there is no note that can be read: a log is then taken for ours."""
    try:
        return frozenset(
            int(line) for line in read_plain(_note_file(path), _MOST_NOTE_BYTES).decode("ascii").splitlines()
        )
    except (OSError, ValueError):
        return frozenset()


def _note(path: Path, numbers: Set[int]) -> None:
    partial = partial_beside(path)
    with create_private(partial) as file:
        file.write("".join(f"{number}\n" for number in sorted(numbers)).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(_note_file(path))


def _note_file(path: Path) -> Path:
    return path.with_name(path.name + ".origin")
