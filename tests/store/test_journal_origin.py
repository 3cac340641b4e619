"""A journal is told for the database's own, or for another's, by what both say of the first page."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.store.journal_origin import HEADER_BYTES, is_foreign


def made(path: Path, *, rows: int, page_bytes: int = 4096) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(f"PRAGMA page_size={page_bytes}")
        conn.execute("CREATE TABLE t (x TEXT)")
        for _ in range(rows):
            conn.execute("INSERT INTO t VALUES (?)", ("y" * 3_000,))


def died_amid(path: Path, left: Path, change: str) -> None:
    """A copy of the database and of its journal, as they are amid a change."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        # So little that what is changed goes to the file before the end.
        conn.execute("PRAGMA cache_size=2")
        conn.execute("BEGIN IMMEDIATE")
        conn.execute(change)
        for each in (path, path.with_name(path.name + "-journal")):
            shutil.copyfile(each, left.with_name(left.name + each.name.removeprefix(path.name)))
        conn.execute("ROLLBACK")


def judged(database: Path, journal: Path) -> bool:
    with journal.open("rb") as file:
        return is_foreign(database.read_bytes()[:HEADER_BYTES], file)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE t SET x = x || 'z'",
        "DELETE FROM t",
        "CREATE TABLE more AS SELECT * FROM t",
        "INSERT INTO t SELECT x FROM t",
        "DROP TABLE t",
    ],
)
def test_a_journal_is_the_own_one_of_the_database_whose_change_it_would_take_back(
    tmp_path: Path, change: str
) -> None:
    before, left = tmp_path / "before.db", tmp_path / "left.db"
    made(before, rows=200)
    died_amid(before, left, change)
    journal = tmp_path / "left.db-journal"
    assert not judged(left, journal)
    assert not judged(before, journal)
    # The change has gone to the file, and the process dies before the journal is taken away.
    with closing(sqlite3.connect(before, isolation_level=None)) as conn:
        conn.execute(change)
    assert not judged(before, journal)


@pytest.mark.parametrize(("rows", "page_bytes"), [(5, 4096), (150, 4096), (400, 4096), (200, 8192)])
def test_a_journal_beside_another_database_is_not_its_own(tmp_path: Path, rows: int, page_bytes: int) -> None:
    before, other = tmp_path / "before.db", tmp_path / "other.db"
    made(before, rows=200)
    made(other, rows=rows, page_bytes=page_bytes)
    died_amid(before, tmp_path / "left.db", "DROP TABLE t")
    assert judged(other, tmp_path / "left.db-journal")


@pytest.mark.parametrize("journal", [b"", b"\0" * 600, bytes.fromhex("d9d505f920a163d7") + bytes(20)])
def test_a_journal_that_says_nothing_is_left_to_the_database(tmp_path: Path, journal: bytes) -> None:
    made(tmp_path / "a.db", rows=1)
    (tmp_path / "a.db-journal").write_bytes(journal)
    assert not judged(tmp_path / "a.db", tmp_path / "a.db-journal")
