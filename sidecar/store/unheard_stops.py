"""Batches that vendors are to stop, of which nothing else is here any more."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class UnheardStop(NamedTuple):
    """A batch by its vendor's id, and when (ms since 1970) somebody first wanted it stopped."""

    provider: str
    native_id: str
    asked_at: int


def add(conn: sqlite3.Connection, provider: str, native_id: str, now: int) -> None:
    """The vendor is to stop it. Who wanted that before is remembered."""
    conn.execute("INSERT OR IGNORE INTO unheard_stops VALUES (?, ?, ?)", (provider, native_id, now))


def waiting(conn: sqlite3.Connection) -> list[UnheardStop]:
    """Return what no vendor has heard yet, the oldest first."""
    rows = conn.execute("SELECT provider, native_id, asked_at FROM unheard_stops ORDER BY asked_at")
    return [UnheardStop(*row) for row in rows]


def remove(conn: sqlite3.Connection, provider: str, native_id: str) -> None:
    """The vendor has heard it, or nobody will ever know."""
    conn.execute("DELETE FROM unheard_stops WHERE provider = ? AND native_id = ?", (provider, native_id))
