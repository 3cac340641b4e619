"""How often the answer of a row broke off, so that a row is not asked again for ever over restarts."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    # Since the row was first sent, or sent again by the person.
    conn.execute("ALTER TABLE batch_results ADD COLUMN broken_answers INTEGER NOT NULL DEFAULT 0")
