"""One process for one data folder: an operating system's lock, which dies with its process."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sidecar.errors import Failure
from sidecar.store import own_file

_LOCKED_BYTES, _MOST_TOLD = 1, 80
_TOLD = re.compile(r"process \d+, since [\d-]+ [\d:]+")
_HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """A held lock. The file itself stays: removing it would let two processes lock two files of one name."""

    def __init__(self, descriptor: int, database: Path) -> None:
        self._descriptor: int | None = descriptor
        self._database = database
        own_file.hold(database)

    @classmethod
    def take(cls, path: Path) -> FolderLock:
        """Raises Failure("conflict") when another process holds it, Failure("storage_error") when there can be none."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable_folder(error) from error
        try:
            _take(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in _HELD_BY_ANOTHER:
                raise unusable_folder(error) from error
            raise Failure(
                "conflict",
                f"Another A-B/AI is already using this data folder{_holder(path)}. Close it, or choose another data "
                "folder.",
            ) from error
        _sign(descriptor)
        return cls(descriptor, path.with_suffix(""))

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            own_file.let_go(self._database)
            os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Say who holds the folder. It is for people: what holds it is the lock, whatever the file says."""
    since = datetime.now().strftime("%Y-%m-%d %H:%M")
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        # Windows lets nobody else read the byte that is locked.
        os.lseek(descriptor, _LOCKED_BYTES, os.SEEK_SET)
        os.write(descriptor, f"process {os.getpid()}, since {since}".encode("ascii"))


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(_LOCKED_BYTES)
            told = file.read(_MOST_TOLD).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({told})" if _TOLD.fullmatch(told) else ""


def unusable_folder(error: OSError) -> Failure:
    """What is told of a data folder that cannot be made or written to."""
    return Failure(
        "storage_error",
        "The data folder cannot be used. Check that it exists and may be written to, then start again.",
        detail=type(error).__name__,
    )
