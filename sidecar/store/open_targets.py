"""Where files are being written for the person, so that what a kill left half written there is cleared away.

The record is a file of the data folder, a line for each folder outside of it. What is deleted by it has a name that
only `atomic_files.partial_beside` gives: whoever wrote into the record could have nothing else deleted.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from sidecar.plain_file import read_plain

# A line for each folder that something was being written into.
_MOST_BYTES = 1024 * 1024
RECORD = "abai.db.targets"
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial(?:-journal|-wal|-shm)?")


def note(folder: Path, data_dir: Path) -> None:
    """Write down that a file is about to be written into this folder. A disk that does not take it says so soon."""
    with suppress(OSError, ValueError):
        record = data_dir / RECORD
        known = _lines(record) if record.exists() else []
        if str(folder) in known or "\n" in str(folder):
            return
        descriptor = os.open(
            record, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600
        )
        with os.fdopen(descriptor, "ab") as file:
            file.write(f"{folder}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def _lines(record: Path) -> list[str]:
    return read_plain(record, _MOST_BYTES).decode().splitlines()


def clear(data_dir: Path) -> None:
    """Delete what a run that was killed left half written, and the record. Blocking; while the folder is held."""
    record = data_dir / RECORD
    with suppress(OSError, ValueError):
        for line in _lines(record):
            with suppress(OSError):
                for left in Path(line).iterdir():
                    if _PARTIAL.fullmatch(left.name) and left.is_file() and not left.is_symlink():
                        left.unlink()
        record.unlink()
