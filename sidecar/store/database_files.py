"""The files of a database that is closed, and of the one that takes its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sidecar.errors import Failure
from sidecar.store import log_origin, odd_places, open_database
from sidecar.store.atomic_files import partial_beside

# Of the one mode of writing and of the other, by how their names end.
_LOGS = ("-wal", "-journal")


def put_in_place(staged: Path, present: Path, now: int, broken: bool) -> list[tuple[Path, Path]]:
    """Keeps the present file under a second name, and a broken one's logs beside it; then lets the staged one take its
    place. Gives what is kept, each with its own name. Blocking.
    """
    lock = open_database.claim(present)
    try:
        # Closing folds them in unless something hinders it; laid over another database they would spoil it.
        logs = [each for each in _LOGS if _has(present.with_name(present.name + each))]
        if logs and not broken:
            _fold_in(present)
            logs = []
        stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        keep = log_origin.free_name(present.with_name(f"{present.name}.before-restore-{stamp}"))
        kept = []
        if odd_places.odd_thing(present):
            present.rename(keep)
            kept.append((keep, present))
        elif present.exists():
            _double(present, keep)
            kept.append((keep, present))
        try:
            for ending in logs:
                log, kept_log = present.with_name(present.name + ending), keep.with_name(keep.name + ending)
                log.replace(kept_log)
                kept.append((kept_log, log))
            present.with_name(present.name + "-shm").unlink(missing_ok=True)
            log_origin.sync(staged)
            staged.replace(present)
        except BaseException:
            _take_back(kept)
            raise
        log_origin.sync(present.parent)
        return kept
    finally:
        lock.release()


def _has(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


def _fold_in(present: Path) -> None:
    """Raise Failure and sqlite3.Error: what hinders it."""
    with closing(sqlite3.connect(present, isolation_level=None)) as conn:
        # Reading takes back what a journal says was not finished.
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
        busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Failure("storage_error", "Another program is using the database. Close it and try again.")


def _double(present: Path, keep: Path) -> None:
    try:
        os.link(present, keep)
    except OSError:
        # Not every file system knows links. What is half a copy has no name of a backup.
        partial = partial_beside(keep)
        try:
            shutil.copy2(present, partial)
            log_origin.sync(partial)
            partial.replace(keep)
        finally:
            partial.unlink(missing_ok=True)


def _take_back(kept: list[tuple[Path, Path]]) -> None:
    for place, name in reversed(kept):
        place.replace(name)


def put_back(kept: list[tuple[Path, Path]], present: Path) -> None:
    """Give what is kept its own names again. Blocking. Raise Failure("storage_error") that says where it is."""
    try:
        # What the other database left, a full disk say: SQLite would lay it over this one.
        for ending in (*_LOGS, "-shm"):
            present.with_name(present.name + ending).unlink(missing_ok=True)
        _take_back(kept)
    except OSError as error:
        raise Failure(
            "storage_error",
            f"The backup could not be opened, and the database not be put back. It is whole, as {kept[0][0].name} in "
            f"the data folder: close the app and rename it to {present.name}.",
            detail=type(error).__name__,
        ) from error
