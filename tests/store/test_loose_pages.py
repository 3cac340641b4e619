"""Tables whose upper pages are damaged: what hangs loose below is theirs again, whatever the size of the tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.store import loose_pages

PAGE = 512


def made(path: Path, rows: int) -> dict[str, int]:
    """Two tables with so many rows each, one of other columns, and an index; the roots by name."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(f"PRAGMA page_size={PAGE}")
        conn.execute("BEGIN")
        conn.execute("CREATE TABLE one (id TEXT, text TEXT)")
        conn.execute("CREATE TABLE two (id TEXT, number INTEGER, text TEXT)")
        conn.execute("CREATE INDEX by_text ON one (text)")
        for filler in range(12):  # definitions for more than one page
            conn.execute(f"CREATE TABLE filler_{filler} (a, b, c, d, {'e' * 60})")
        for number in range(rows):
            conn.execute("INSERT INTO one VALUES (?, ?)", (str(number), "one way " * (number % 20)))
            conn.execute("INSERT INTO two VALUES (?, ?, ?)", (str(number), number, "two ways " * 12))
        conn.execute("COMMIT")
        return dict(conn.execute("SELECT name, rootpage FROM sqlite_master"))


def zeroed(path: Path, *pages: int) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(bytes(PAGE))


def trunk_of(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[32:36], "big")


def counts(path: Path) -> list[int | None]:
    """How many rows of each table can be read, in order; None where that is an error."""
    found: list[int | None] = []
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA writable_schema=ON")
        for table in ("one", "two"):
            try:
                numbers = [row for (row,) in conn.execute(f"SELECT rowid FROM {table} NOT INDEXED")]
            except sqlite3.DatabaseError:
                found.append(None)
                continue
            assert numbers == sorted(set(numbers))
            found.append(len(numbers))
    return found


@pytest.mark.parametrize("rows", [20, 300, 9_000])
def test_a_table_whose_root_is_damaged_has_its_rows_again(tmp_path: Path, rows: int) -> None:
    file = tmp_path / "file.db"
    roots = made(file, rows)
    zeroed(file, roots["two"])
    assert counts(file)[1] is None
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert counts(file) == [rows, rows]


def test_two_tables_whose_roots_are_damaged_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    roots = made(file, 300)
    zeroed(file, roots["one"], roots["two"])
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert counts(file) == [300, 300]


def test_rows_of_tables_that_look_alike_are_given_to_none_of_them(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    roots = made(file, 300)
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("CREATE TABLE three (id TEXT, other TEXT)")
        (three,) = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'three'").fetchone()
    zeroed(file, roots["one"], three)
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert counts(file) == [None, 300]


def test_what_was_deleted_does_not_come_back(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    roots = made(file, 300)
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("DELETE FROM two WHERE number BETWEEN 50 AND 250")
        conn.commit()
    zeroed(file, roots["two"])
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert counts(file) == [300, 99]


def test_loose_rows_stay_where_they_are_when_nobody_knows_which_pages_are_free(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    roots = made(file, 300)
    zeroed(file, roots["two"])
    loose_pages.mend(file, PAGE, None)
    assert counts(file) == [300, None]


def test_every_table_is_there_again_though_the_first_page_is_gone_but_for_its_header(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    made(file, 300)
    content = file.read_bytes()
    file.write_bytes(content[:100] + bytes(PAGE - 100) + content[PAGE:])
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert counts(file) == [300, 300]


def test_a_sound_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    made(file, 300)
    before = file.read_bytes()
    loose_pages.mend(file, PAGE, trunk_of(file))
    assert file.read_bytes() == before
