"""What A-B/AI does by itself and might not survive: after two deaths in a row in the middle of it, it is left alone.

A mark is on the disk while it is at work. Whoever finds it there begins after a death.
"""

from __future__ import annotations

import sqlite3

from sidecar.store import kv

MOST_DEATHS = 2
_KEY = "begun_by_itself:"


def begin(conn: sqlite3.Connection, name: str) -> bool:
    """It is about to begin. False: the process has died in it twice in a row, and it is not to be begun by itself."""
    deaths = _deaths(conn, name)
    if deaths >= MOST_DEATHS:
        return False
    kv.put(conn, _KEY + name, str(deaths + 1))
    return True


def end(conn: sqlite3.Connection, name: str) -> None:
    """The process has survived it."""
    kv.put(conn, _KEY + name, None)


def leave_off(conn: sqlite3.Connection, name: str) -> None:
    """The process ends in order, in the middle of it: that is no death, and says nothing of those before."""
    deaths = _deaths(conn, name) - 1
    kv.put(conn, _KEY + name, str(deaths) if deaths > 0 else None)


def _deaths(conn: sqlite3.Connection, name: str) -> int:
    found = kv.get(conn, _KEY + name) or ""
    # Another program may have written anything there.
    return min(int(found), MOST_DEATHS) if found.isascii() and found.isdigit() and len(found) < 10 else 0
