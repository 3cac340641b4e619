"""An update of the database in which the process dies: after two deaths in a row it is not begun again by itself.

The database cannot say so, since all of an update is undone with it. So a note beside it, `abai.db.updating`, is on the
disk while one is under way: the version of A-B/AI, how many have died so far, when the last one began, and of what.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sidecar import __version__
from sidecar.errors import Failure
from sidecar.plain_file import read_plain
from sidecar.store import log_origin, upgrade

MOST_DEATHS = 2
_MOST_BYTES = 1_000


@contextmanager
def counted(conn: sqlite3.Connection, path: Path, now_ms: int) -> Iterator[None]:
    """Let the database at `path` be brought up to date inside. Blocking.

    Raise Failure("storage_error") where this version has died of it twice in a row. An update that ends with an
    exception is no death.
    """
    note = path.with_name(f"{path.name}.updating")
    present = _present(conn)
    deaths, begun_at, of = _noted(note)
    if deaths and of == present:
        # Nothing has changed since that copy was made: it says nothing that the file does not.
        upgrade.backup_of(path, begun_at).unlink(missing_ok=True)
    if deaths >= MOST_DEATHS:
        raise Failure(
            "storage_error",
            "A-B/AI ended twice in a row while it brought the database up to date, so it leaves it as it is. Nothing "
            f"in it is lost. Close other programs, move {note.name} out of the data folder, and it is tried once more; "
            "a newer version of A-B/AI tries it by itself. Or restore a backup (data:restore).",
        )
    _write(note, f"{__version__} {deaths + 1} {now_ms} {present}")
    try:
        yield
    except BaseException:
        _write(note, f"{__version__} {deaths} {now_ms} {present}")
        raise
    forget(path)


def forget(path: Path) -> None:
    """The database is up to date."""
    with suppress(OSError):
        path.with_name(f"{path.name}.updating").unlink(missing_ok=True)


def _present(conn: sqlite3.Connection) -> str:
    """What tells the database from another that a person puts in its place. Its file is nobody's to read by now."""
    told = ("page_count", "freelist_count", "schema_version", "application_id")
    return "-".join(str(conn.execute(f"PRAGMA {name}").fetchone()[0]) for name in told)


def _noted(note: Path) -> tuple[int, int, str]:
    """How many deaths of this version there were, when the last one began and of what; none where nothing is read."""
    with suppress(OSError, ValueError):
        version, deaths, begun_at, of = read_plain(note, _MOST_BYTES).decode("ascii").split()
        if version == __version__:
            return int(deaths), int(begun_at), of
    return 0, 0, ""


def _write(note: Path, text: str) -> None:
    # A disk that takes no note takes no copy of the database either, and says so.
    with suppress(OSError):
        flags = (
            os.O_WRONLY
            | os.O_CREAT
            | os.O_TRUNC
            | getattr(os, "O_NOFOLLOW", 0)
            | getattr(os, "O_NONBLOCK", 0)
        )
        descriptor = os.open(note, flags, 0o600)
        try:
            os.write(descriptor, text.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        log_origin.sync(note.parent)
