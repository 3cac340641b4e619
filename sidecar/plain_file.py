"""Read a small file that a person, or another program, may have put in the place of ours.

What stands there may be no file at all: a pipe that nobody writes into keeps whoever opens it waiting for ever, and a
link to a device, or a file of gigabytes, takes all memory there is.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_MB = 1024 * 1024
_AT_ONCE = 64 * 1024


class NotPlain(OSError):
    """No plain file, or too large a one; `strerror` says which, as the system would."""


def read_plain(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file of at most so many bytes. Raise OSError, which NotPlain is. Waits for no writer."""
    _look(path.stat().st_mode)
    with open(path, "rb", opener=_without_waiting) as file:
        # It may be another one by now.
        _look(os.fstat(file.fileno()).st_mode)
        content = bytearray()
        while piece := file.read(min(_AT_ONCE, most_bytes + 1 - len(content))):
            content += piece
    if len(content) > most_bytes:
        raise NotPlain(0, f"it is larger than {most_bytes // _MB} MB")
    return bytes(content)


def look_at(path: Path) -> None:
    """Raise OSError, which NotPlain is, where a library that opens this path itself might wait for ever."""
    _look(path.stat().st_mode)


def _look(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise NotPlain(0, "it is a folder")
    if not stat.S_ISREG(mode):
        raise NotPlain(0, "it is a pipe or a device, and no file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
