"""History and queue files of the app before the sidecar, taken over once. The files stay where they are.

Nobody wrote their format down: a file may be an array, one object, or an object a line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar import failpoints
from sidecar.store import history, jobqueue, kv, own_work
from sidecar.store.database import Database

log = logging.getLogger("sidecar.store")

FOLDERS = ("history", "jobqueue")
HISTORY_SUFFIX, QUEUE_SUFFIX = ".abai", ".jobqueue"
MAX_FILE_BYTES = 256 * 1024 * 1024
_MARKER = "old_files_taken_over"
# An object that only holds the rows, under one of the names that programs give to such a list.
_LISTS = ("rows", "history", "entries", "items")


@dataclass(slots=True)
class OldFiles:
    """What was read: rows by project, states by batch, and the names of files (or parts) that could not be."""

    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


async def take_over(database: Database, data_dir: Path, now: int) -> None:
    """Puts the old files' contents into the database, in one transaction and only ever once.

    What cannot be read is left alone and named in the log, and so is a file in whose reading the process died twice.
    Raises Failure("storage_error").
    """
    if await database.read(kv.get, _MARKER) is not None:
        return
    found = OldFiles()
    for path in await asyncio.to_thread(old_files, data_dir):
        name = f"{path.parent.name}/{path.name}"
        if not await database.write(own_work.begin, name):
            found.unreadable.append(f"{name} (A-B/AI ended twice while it read it)")
            continue
        failpoints.failpoint("old-file", name)
        try:
            await asyncio.to_thread(read_old_file, path, found)
        except asyncio.CancelledError:
            await asyncio.shield(database.write(own_work.leave_off, name))
            raise
        # The next file's death is not this one's.
        await database.write(own_work.end, name)
    for name in found.unreadable:
        log.warning("%s of the app before could not be read, and was left as it is", name)
    await database.write(_keep, found, now)


def old_files(data_dir: Path) -> list[Path]:
    """The files that there are to be taken over, in order. Blocking."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((data_dir / folder).glob("*"))
        if path.suffix.lower() in (HISTORY_SUFFIX, QUEUE_SUFFIX)
    ]


def read_old_file(path: Path, found: OldFiles) -> None:
    """Add what is in a file. Blocking. Never raises for what is in it."""
    try:
        _read(path, found)
    except (OSError, ValueError, RecursionError):
        found.unreadable.append(f"{path.parent.name}/{path.name}")


def _read(path: Path, found: OldFiles) -> None:
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError("not a file of ours")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == QUEUE_SUFFIX:
        found.states[path.stem] = jobqueue.as_text(_parsed(text))
        return
    rows, bad = _rows(text)
    found.rows.setdefault(path.stem, []).extend(rows)
    if bad:
        found.unreadable.append(f"{path.parent.name}/{path.name} ({bad} lines)")


def _rows(text: str) -> tuple[list[Mapping[str, Any]], int]:
    """The rows, and how many lines are none. Raises ValueError where nothing is a row."""
    try:
        whole = _parsed(text)
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        rows = [row for row in map(_row, lines) if row is not None]
        if not rows and lines:
            raise
        return rows, len(lines) - len(rows)
    if isinstance(whole, dict):
        whole = next((whole[name] for name in _LISTS if isinstance(whole.get(name), list)), [whole])
    if not isinstance(whole, list) or not all(isinstance(row, dict) for row in whole):
        raise ValueError("not a list of rows")
    return whole, 0


def _row(line: str) -> Mapping[str, Any] | None:
    try:
        value = _parsed(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _parsed(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def _keep(conn: sqlite3.Connection, found: OldFiles, now: int) -> None:
    for project, rows in found.rows.items():
        history.append_many(conn, project, rows, now)
    for batch_id, text in found.states.items():
        jobqueue.put_text(conn, batch_id, text, now)
    kv.put(conn, _MARKER, str(now))
