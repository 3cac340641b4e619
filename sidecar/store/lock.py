"""One process for one data folder: an operating system's lock, which dies with its process."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from sidecar.errors import Failure

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

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

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
                "Another A-B/AI is already using this data folder. Close it, or choose another data folder.",
            ) from error
        return cls(descriptor)

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def unusable_folder(error: OSError) -> Failure:
    """What is told of a data folder that cannot be made or written to."""
    return Failure(
        "storage_error",
        "The data folder cannot be used. Check that it exists and may be written to, then start again.",
        detail=type(error).__name__,
    )
