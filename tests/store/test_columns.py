from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest

from sidecar.store.columns import from_pico, summed, to_pico

MOST = 2**63 - 1
SQL = "SELECT kind, count(*), coalesce(sum(pico), 0) FROM amounts GROUP BY kind ORDER BY kind"


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE amounts (kind TEXT, pico INTEGER)")
        yield made


def _put(conn: sqlite3.Connection, *rows: tuple[str, int | None]) -> None:
    conn.executemany("INSERT INTO amounts VALUES (?, ?)", rows)


def test_a_sum_that_fits_is_exact(conn: sqlite3.Connection) -> None:
    _put(conn, ("a", MOST - 1), ("a", 1), ("b", None))
    assert summed(conn, SQL) == [("a", 2, MOST), ("b", 1, 0)]


def test_a_sum_that_does_not_fit_is_right_to_fifteen_digits(conn: sqlite3.Connection) -> None:
    _put(conn, ("a", MOST), ("a", MOST), ("b", 7))
    (_, count, total), other = summed(conn, SQL)
    assert (count, other) == (2, ("b", 1, 7))
    assert isinstance(total, int)
    assert total == pytest.approx(2 * MOST, rel=1e-15)


def test_another_error_of_the_database_stays_one(conn: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        summed(conn, "SELECT sum(pico) FROM elsewhere")


def test_more_dollars_than_a_column_holds_are_as_many_as_it_holds() -> None:
    assert to_pico(Decimal("81000000")) == MOST
    assert from_pico(to_pico(Decimal("0.000000000001"))) == Decimal("0.000000000001")
