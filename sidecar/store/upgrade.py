"""Brings a database to the present version: numbered steps in one transaction, together with the last one's number.

A new one is not led through all of them: it is made as they leave an empty one, which `data/database.sql` says.
"""

from __future__ import annotations

import pkgutil
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from glob import escape
from importlib import import_module
from pathlib import Path

from sidecar import resources
from sidecar.errors import Failure
from sidecar.failpoints import failpoint
from sidecar.store import migrations
from sidecar.store.backup import copy_database

KEPT_BACKUPS = 5

_STEP = re.compile(r"m\d{4}_")

Step = Callable[[sqlite3.Connection, int], None]


def found(folder: Iterable[str] = migrations.__path__) -> tuple[str, ...]:
    """The names of the steps in order: the modules `mNNNN_what_it_does` in `migrations/`, in a frozen program too."""
    names = (module.name for module in pkgutil.iter_modules(folder))
    return tuple(sorted(name for name in names if _STEP.match(name)))


LATEST = len(found())


def steps() -> tuple[Step, ...]:
    """The steps in order; the first one makes version 1. Imported here: most starts need none of them."""
    return tuple(import_module(f"{migrations.__name__}.{name}").up for name in found())


def make_new(conn: sqlite3.Connection) -> None:
    """Make in an empty database what the steps together make of one."""
    for statement in resources.read_bytes("data/database.sql").decode("utf-8").splitlines():
        conn.execute(statement)


def is_due(conn: sqlite3.Connection) -> bool:
    """Return whether the file holds what an older version wrote."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0]) < LATEST and _holds_anything(conn)


def migrate(
    conn: sqlite3.Connection, path: Path, now_ms: int, pending: Callable[[], Sequence[Step]] = steps
) -> None:
    """Runs what is pending, after a backup copy beside the file when it already holds anything.

    All of it or nothing: a file that is left between two versions would need room for another copy at each attempt.
    `conn` is in autocommit mode and `path` is its file.
    """
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if version >= LATEST:
        return
    if not _holds_anything(conn):
        _at_once(conn, lambda: _make_new(conn))
        return
    backup = _back_up(conn, path, now_ms)
    text_factory = conn.text_factory
    # A step rebuilds tables, and dropping one with foreign keys on would delete what points at it.
    conn.execute("PRAGMA foreign_keys=OFF")
    # Old files may hold text that is not UTF-8; a row with a replaced character is better than no row.
    conn.text_factory = _lenient_text
    try:
        _at_once(conn, lambda: _run(conn, version, pending()[version:], now_ms))
    except BaseException:
        # Nothing has changed, so the copy says nothing that the file does not.
        with suppress(OSError):
            backup.unlink()
        raise
    finally:
        conn.text_factory = text_factory
    _forget_old_backups(path)


def _make_new(conn: sqlite3.Connection) -> None:
    make_new(conn)
    conn.execute(f"PRAGMA user_version={LATEST}")


def _run(conn: sqlite3.Connection, version: int, pending: Sequence[Step], now_ms: int) -> None:
    for number, step in enumerate(pending, start=version + 1):
        step(conn, now_ms)
        failpoint("migration")
        if number > 1:
            _check_keys(conn, number)
        conn.execute(f"PRAGMA user_version={number}")


def _at_once(conn: sqlite3.Connection, work: Callable[[], None]) -> None:
    """Do it in one transaction: all of it or nothing."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        work()
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _check_keys(conn: sqlite3.Connection, number: int) -> None:
    # One by one: tables that are not ours may have keys that cannot even be checked.
    for table in ("conversations", "messages", "batch_jobs", "batch_results"):
        if conn.execute(f"PRAGMA foreign_key_check({table})").fetchone() is not None:
            raise RuntimeError(f"migration {number} leaves broken foreign keys in {table}")


def _holds_anything(conn: sqlite3.Connection) -> bool:
    return conn.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


def backup_of(path: Path, now_ms: int) -> Path:
    """Where an update that begins then keeps what was before it."""
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return path.with_name(f"{path.name}.before-v{LATEST}-{stamp}.bak")


def _back_up(conn: sqlite3.Connection, path: Path, now_ms: int) -> Path:
    target = backup_of(path, now_ms)
    try:
        copy_database(conn, target)
    except OSError as error:
        raise _no_backup(type(error).__name__) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
            raise
        raise _no_backup("SQLITE_FULL") from error
    return target


def _no_backup(detail: str) -> Failure:
    return Failure(
        "storage_error",
        "The database must be updated, but no backup copy of it could be written first. "
        "Free some space in the data folder and start again; nothing was changed.",
        detail=detail,
    )


def _forget_old_backups(path: Path) -> None:
    def stamp(backup: Path) -> str:
        return backup.name.rsplit("-", 1)[-1]

    # The first copy is of what the person had before any step of ours: nothing pushes it out.
    _, *copies = sorted(path.parent.glob(f"{escape(path.name)}.before-v*-*.bak"), key=stamp)
    for backup in copies[:-KEPT_BACKUPS]:
        with suppress(OSError):
            backup.unlink()


def _lenient_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
