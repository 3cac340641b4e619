"""Which files of the data folder can be put in the database's place, by their names: nothing needs to be open."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sidecar.errors import Failure
from sidecar.store.atomic_files import BACKUPS

Kind = Literal["daily", "migration", "replaced"]

STAMP = "%Y%m%dT%H%M%SZ"
_FIRST = datetime.fromtimestamp(0, UTC)
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("daily", re.compile(r"abai-(\d{8}T\d{6}Z)(?:-\d+)?\.db")),
    ("migration", re.compile(r"abai\.db\.before-v\d+-(\d{8}T\d{6}Z)\.bak")),
    ("replaced", re.compile(r"abai\.db\.before-restore-(\d{8}T\d{6}Z)(?:-\d+)?")),
)


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that can be restored. `created_at` is in ms; `checked`: it was found whole when it was made."""

    path: Path
    kind: Kind
    created_at: int
    size: int
    checked: bool


def list_backups(database: Path) -> list[Backup]:
    """Return what can be restored of this database, the newest first. Blocking; needs nothing to be open."""
    found = []
    for folder in (database.parent, database.parent / BACKUPS):
        with suppress(OSError):
            for path in folder.iterdir():
                with suppress(OSError):
                    found += _as_backup(path)
    return sorted(found, key=lambda each: (each.created_at, each.path.name), reverse=True)


def _as_backup(path: Path) -> list[Backup]:
    for kind, pattern in _KINDS:
        matched = pattern.fullmatch(path.name)
        made_at = _ms_of(matched[1]) if matched else None
        if made_at is not None and path.is_file():
            return [Backup(path, kind, made_at, path.stat().st_size, kind != "replaced")]
    return []


def _ms_of(stamp: str) -> int | None:
    """The time in a file's name, in ms; None where it is none that this program can have written there."""
    try:
        at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return None if at < _FIRST else int(at.timestamp() * 1000)


def refuse_emptied(path: Path) -> None:
    """Refuse a database of no bytes where there are copies of it: SQLite would take it for a new one. Blocking.

    Nobody would miss anything until the copies of the days that follow had pushed the good ones out. Where there are no
    copies, it is what a process left that was killed as it made the file. Raise Failure("storage_error").
    """
    try:
        emptied = path.is_file() and path.stat().st_size == 0
    except OSError:
        return
    if emptied and list_backups(path):
        raise Failure(
            "storage_error",
            f"{path.name} in the data folder is empty, and there are backups of it. Restore one of them (data:restore; "
            "data:backups lists them), or delete the empty file to begin anew. No restart is needed.",
        )
