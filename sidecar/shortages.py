"""What the machine has no more of: open files, memory, room on the disk. It may come anywhere, and is no bug."""

from __future__ import annotations

import errno
import os

from sidecar.errors import Failure

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
# A database takes several at a time, and lets go of them when it fails.
_FEW = 8

FILES = (
    "The system lets A-B/AI open no more files. Close other programs, or raise its limit of open files (`ulimit -n`), "
    "and try again."
)
ROOM = "The disk is full, so nothing could be saved. Free some space and try again."
MEMORY = "There is not enough memory for this. Close other programs and try again."


def lacks_files(error: BaseException | None) -> bool:
    """Return whether an error is that no file, connection or process can be opened any more."""
    return isinstance(error, OSError) and error.errno in _NO_FILES


def few_files_left() -> bool:
    """Return whether hardly any can be opened now: for who was told that something failed, and not why."""
    taken: list[int] = []
    try:
        for _ in range(_FEW):
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return lacks_files(error)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return False


def shortage(error: BaseException) -> Failure | None:
    """Return what a person is told of an exception that is the machine's; None where it is something else."""
    detail = type(error).__name__
    if lacks_files(error):
        return Failure("overloaded", FILES, retryable=True, detail=detail)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return Failure("overloaded", MEMORY, retryable=True, detail=detail)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return Failure("storage_error", ROOM, retryable=True, detail=detail)
    return None


def shortage_behind(error: BaseException) -> Failure | None:
    """As `shortage`, also of what looks like a bug while hardly a file can be opened.

    A module is half loaded where another thread found no file for the rest of it, and a name is not looked up.
    """
    told = shortage(error)
    if told is not None or isinstance(error, Failure) or not isinstance(error, Exception):
        return told
    if not few_files_left():
        return None
    return Failure("overloaded", FILES, retryable=True, detail=type(error).__name__)
