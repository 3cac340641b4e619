"""What stands in the place of the database or of its log and is no file: a folder, a pipe, a link that leads round.

Opening a pipe waits for ever, and of the others the system says nothing that helps anybody.
"""

from __future__ import annotations

import stat
from pathlib import Path

from sidecar.errors import Failure

_LOGS = ("-wal", "-journal", "-shm")
_TELLS = "Restore a backup (data:restore; data:backups lists those that A-B/AI made)"


def refuse(database: Path) -> None:
    """Raise Failure("storage_error") where no file is in the place of one. Opens nothing."""
    if found := odd_thing(database):
        raise Failure(
            "storage_error",
            f"{database.name} in the data folder is {found}, and no database. {_TELLS}: what is there is kept under "
            "another name. Or move it away yourself. No restart is needed.",
        )
    for log in (database.with_name(database.name + ending) for ending in _LOGS):
        if found := odd_thing(log):
            raise Failure(
                "storage_error",
                f"{log.name} in the data folder is {found}, where the database's own log must be. Move it away, then "
                "try again. No restart is needed.",
            )


def odd_thing(path: Path) -> str | None:
    """Return what stands there in words, None for a file, for nothing, and for what cannot be looked at."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else None
    if stat.S_ISREG(mode):
        return None
    return "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
