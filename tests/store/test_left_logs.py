"""What SQLite would lay over a database: a journal of another one, and a log that is folded in in part."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sidecar.store.database import Database
from sidecar.store.database_files import put_back, put_in_place

NOW = 1_700_000_000_000
PAGE_BYTES = 4096


def filled(path: Path, rows: int, *, mode: str = "DELETE") -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(f"PRAGMA journal_mode={mode}")
        conn.execute("CREATE TABLE texts (text)")
        conn.executemany("INSERT INTO texts VALUES (?)", [("x" * PAGE_BYTES,)] * rows)
    return path


def hot_journal(database: Path) -> None:
    """What a process leaves beside it that dies, or finds no room, while it writes: the file may be half written."""
    other, journal = database.with_name("other.db"), database.with_name(database.name + "-journal")
    shutil.copyfile(database, other)
    with closing(sqlite3.connect(other, isolation_level=None)) as conn:
        conn.execute("PRAGMA cache_size=1")
        conn.execute("BEGIN")
        conn.execute("UPDATE texts SET text = 'y'")
        conn.executemany("INSERT INTO texts VALUES (?)", [("y" * PAGE_BYTES,)] * 20)
        shutil.copyfile(other.with_name("other.db-journal"), journal)
        shutil.copyfile(other, database)
        conn.execute("ROLLBACK")


def rows_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(conn.execute("SELECT count(*) FROM texts").fetchone()[0])


def test_a_database_that_is_put_back_is_not_spoilt_by_the_journal_of_the_one_that_was_to_replace_it(
    tmp_path: Path,
) -> None:
    present, staged = filled(tmp_path / "abai.db", 90), filled(tmp_path / "staged.db", 9)
    kept = put_in_place(staged, present, NOW, broken=False)
    # Its opening finds no room.
    hot_journal(present)
    put_back(kept, present)
    assert rows_of(present) == 90


def test_a_backup_is_not_spoilt_by_the_journal_of_what_it_replaces(tmp_path: Path) -> None:
    present, staged = filled(tmp_path / "abai.db", 9), filled(tmp_path / "staged.db", 90)
    hot_journal(present)
    ((keep, _), _) = put_in_place(staged, present, NOW, broken=True)
    assert rows_of(present) == 90
    assert rows_of(keep) == 9


async def test_a_database_whose_log_is_folded_in_in_part_is_not_told_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "abai.db"
    database = await Database.open(path, now_ms=lambda: NOW)
    await database.write(lambda conn: conn.execute("CREATE TABLE texts (text)"))
    await database.write(
        lambda conn: conn.executemany("INSERT INTO texts VALUES (?)", [("x" * PAGE_BYTES,)] * 90)
    )
    before, log = path.read_bytes(), path.with_name("abai.db-wal").read_bytes()
    note = path.with_name("abai.db.origin").read_bytes()
    await database.close()
    # The first page is in its place, and then the process is killed.
    path.write_bytes(path.read_bytes()[:PAGE_BYTES] + before[PAGE_BYTES:])
    path.with_name("abai.db-wal").write_bytes(log)
    path.with_name("abai.db.origin").write_bytes(note)
    database = await Database.open(path, now_ms=lambda: NOW)
    await database.close()
    assert rows_of(path) == 90
