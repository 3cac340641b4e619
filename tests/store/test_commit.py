"""Many writes in one transaction: each is undone alone, and only what is to be undone costs more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sidecar.errors import Failure
from sidecar.store.commit import commit_group

Work = Callable[[sqlite3.Connection], Any]


def _table() -> tuple[sqlite3.Connection, list[str]]:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    conn.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    stated: list[str] = []
    conn.set_trace_callback(stated.append)
    return conn, stated


def _insert(value: int) -> Work:
    return lambda conn: conn.execute("INSERT INTO t VALUES (?)", (value,)).rowcount


def _kept(conn: sqlite3.Connection) -> list[int]:
    return [row[0] for row in conn.execute("SELECT a FROM t ORDER BY a")]


def test_writes_that_succeed_are_one_transaction_without_a_savepoint() -> None:
    conn, stated = _table()
    assert [outcome.value for outcome in commit_group(conn, [_insert(1), _insert(2)])] == [1, 1]
    assert [each.split()[0] for each in stated] == ["BEGIN", "INSERT", "INSERT", "COMMIT"]


def test_one_that_refuses_before_it_changed_anything_costs_the_others_nothing() -> None:
    def refuse(conn: sqlite3.Connection) -> None:
        raise Failure("not_found", "There is no such thing. Look again.")

    conn, stated = _table()
    outcomes = commit_group(conn, [_insert(1), refuse, _insert(2)])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), Failure, type(None)]
    assert stated.count("BEGIN IMMEDIATE") == 1
    assert _kept(conn) == [1, 2]


def test_one_that_fails_half_way_is_undone_alone_and_the_others_are_stored_once() -> None:
    def half(conn: sqlite3.Connection) -> None:
        _insert(5)(conn)
        raise LookupError("no such thing")

    conn, _ = _table()
    outcomes = commit_group(conn, [_insert(1), half, _insert(2), half])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), LookupError, type(None), LookupError]
    assert _kept(conn) == [1, 2]


def test_one_that_breaks_a_rule_of_the_table_is_undone_alone() -> None:
    conn, _ = _table()
    outcomes = commit_group(conn, [_insert(1), _insert(1), _insert(2)])
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert _kept(conn) == [1, 2]


def test_one_that_ends_the_transaction_lets_nothing_of_the_group_be_stored() -> None:
    conn, _ = _table()
    outcomes = commit_group(conn, [_insert(1), lambda conn: conn.execute("COMMIT") and None, _insert(2)])
    assert all(outcome.error is not None for outcome in outcomes)
    assert 2 not in _kept(conn)
