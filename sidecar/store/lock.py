"""One process for one data folder: an operating system's lock, which dies with its process.

Who finds the folder in use is often advised to remove the lock's file, which takes it from nobody. Where the system
lets a folder be locked, the folder itself is, so that a second file of that name opens no second way in.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sidecar.errors import Failure
from sidecar.shortages import shortage
from sidecar.store import own_file
from sidecar.store.sqlite_errors import not_allowed

_LOCKED_BYTES, _MOST_TOLD = 1, 80
_TOLD = re.compile(r"process \d+, since [\d-]+ [\d:]+")
_HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _take_folder(folder: Path) -> int | None:
        return None  # a file that is open and locked cannot be removed here

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _take_folder(folder: Path) -> int | None:
        """Its descriptor, None where it is of a kind that cannot be locked. Raise OSError where another holds it."""
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            _take(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:  # a share that takes no locks of folders may say anything else
            os.close(descriptor)
            return None
        return descriptor


class FolderLock:
    """A held lock. The file itself stays: removing it would let two processes lock two files of one name."""

    def __init__(self, descriptors: list[int], database: Path) -> None:
        self._descriptors = descriptors
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
            folder = _take_folder(path.parent)
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
        return cls([descriptor] if folder is None else [folder, descriptor], path.with_suffix(""))

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        descriptors, self._descriptors = self._descriptors, []
        if descriptors:
            own_file.let_go(self._database)
        for descriptor in descriptors:
            os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Say who holds the folder. It is for people: what holds it is the lock, whatever the file says."""
    if not _is_ours(descriptor):
        return
    since = datetime.now().strftime("%Y-%m-%d %H:%M")
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        # Windows lets nobody else read the byte that is locked.
        os.lseek(descriptor, _LOCKED_BYTES, os.SEEK_SET)
        os.write(descriptor, f"process {os.getpid()}, since {since}".encode("ascii"))


def _is_ours(descriptor: int) -> bool:
    """Whether nothing is in the file but such words: what a link of its name leads to may be a person's."""
    with suppress(OSError):
        os.lseek(descriptor, _LOCKED_BYTES, os.SEEK_SET)
        said = os.read(descriptor, _MOST_TOLD + 1)
        return not said or said.startswith(b"process ")
    return False


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
    lack = shortage(error)
    if lack is not None:
        message = lack.message
    elif isinstance(error, PermissionError) and os.path.isfile(error.filename or ""):  # noqa: PTH113
        # `Path.is_file` fails where it may not look.
        message = not_allowed(Path(error.filename).name)
    else:
        message = (
            "The data folder cannot be used. Check that it exists and may be written to, then try again."
        )
    return Failure("storage_error", message, retryable=lack is not None, detail=type(error).__name__)
