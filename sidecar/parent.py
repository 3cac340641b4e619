"""Whether the process that started this one is still there. A pipe says so too, unless somebody else inherited it."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import ctypes

    _SYNCHRONIZE = 0x0010_0000
    _ENDED = 0

    class Parent:
        """The parent of the moment when this is made."""

        def __init__(self) -> None:
            # Held open: the number of a process that has ended may soon be another's.
            self._handle = ctypes.windll.kernel32.OpenProcess(_SYNCHRONIZE, False, os.getppid())

        def is_gone(self) -> bool:
            """Whether it has ended; False where the system does not let us know."""
            return (
                bool(self._handle) and ctypes.windll.kernel32.WaitForSingleObject(self._handle, 0) == _ENDED
            )

else:

    class Parent:
        """The parent of the moment when this is made."""

        def __init__(self) -> None:
            self._pid = os.getppid()

        def is_gone(self) -> bool:
            """Whether it has ended: orphans are given to another."""
            return os.getppid() != self._pid
