"""Where the tests keep their files: in memory where there is room, else where the system keeps what is temporary.

SQLite waits for the disk at each commit, and the tests commit some hundred thousand times. What is acknowledged and
survives a kill does not depend on the disk, only what survives the loss of power does, which no test can bring about.
Run as a program it makes a folder there, and prints its path.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
MEMORY = Path("/proc/meminfo")
# Of a whole run in megabytes, the large files of some tests beside each other.
NEEDED_MB = 4_000


def available_mb(told: str) -> int:
    """Return how much memory can be had, by what Linux tells in `/proc/meminfo`; 0 where it does not tell."""
    for line in told.splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.removesuffix("kB")) // 1024
    return 0


def home(folder: Path = IN_MEMORY, memory: Path = MEMORY, needed_mb: int = NEEDED_MB) -> Path | None:
    """Return the folder in memory, None where there is none, or too little room in it or in the memory behind it."""
    try:
        told = os.statvfs(folder)
        room_mb = min(told.f_bavail * told.f_frsize // 2**20, available_mb(memory.read_text("ascii")))
    except (OSError, ValueError, AttributeError):
        # AttributeError: Windows knows no such question.
        return None
    return folder if room_mb >= needed_mb and os.access(folder, os.W_OK | os.X_OK) else None


if __name__ == "__main__":
    print(tempfile.mkdtemp(prefix="abai-tests-", dir=home()))
