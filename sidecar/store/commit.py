"""Many writes as one transaction: what runs on the writer's thread, in one go."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from traceback import clear_frames
from typing import Any, TypeVar

from sidecar.store.sqlite_errors import translated

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write: `value` when `error` is None."""

    value: Any = None
    error: BaseException | None = None


class _RolledBackError(Exception):
    """SQLite ended the whole transaction by itself, as it may on a full disk."""


def commit_group(conn: sqlite3.Connection, works: Sequence[Work]) -> list[Outcome]:
    """Runs the writes in order in one durable transaction; one that raises is undone alone.

    Never raises. When the commit itself fails, nothing of the group is stored, and each write that had
    succeeded gets an error of its own. A write must not end the transaction (`executescript` does), and may be run
    twice: a savepoint for each costs as much as the write, so there are none until one is to be undone.
    """
    outcomes: list[Outcome] = []
    try:
        conn.execute("BEGIN IMMEDIATE")
        if not _ran_through(conn, works, outcomes):
            outcomes.clear()
            conn.execute("ROLLBACK")
            conn.execute("BEGIN IMMEDIATE")
            for work in works:
                outcomes.append(_attempt(conn, work))
        conn.execute("COMMIT")
    except BaseException as error:
        if conn.in_transaction:
            with suppress(sqlite3.Error):
                conn.execute("ROLLBACK")
        cause = error.__cause__ if isinstance(error, _RolledBackError) else error
        return [_lost(outcomes, index, cause or error) for index in range(len(works))]
    return outcomes


def _ran_through(conn: sqlite3.Connection, works: Sequence[Work], outcomes: list[Outcome]) -> bool:
    """Whether all of them ran, or refused before they had changed anything. The outcomes are those of what ran."""
    for work in works:
        before = conn.total_changes
        try:
            outcomes.append(Outcome(value=work(conn)))
        except Exception as error:
            if not conn.in_transaction:
                raise _RolledBackError from error
            if conn.total_changes != before or isinstance(error, sqlite3.Error):
                return False
            outcomes.append(Outcome(error=translated(error)))
        if not conn.in_transaction:
            raise _RolledBackError
    return True


def _attempt(conn: sqlite3.Connection, work: Work) -> Outcome:
    """Runs one, and undoes it alone where it raises."""
    conn.execute("SAVEPOINT one")
    try:
        try:
            value = work(conn)
        except sqlite3.OperationalError as error:
            if not _is_no_text(error):
                raise
            conn.execute("ROLLBACK TO one")
            value = _leniently(conn, work)
    except Exception as error:
        if not conn.in_transaction:
            raise _RolledBackError from error
        conn.execute("ROLLBACK TO one")
        conn.execute("RELEASE one")
        return Outcome(error=translated(error))
    conn.execute("RELEASE one")
    return Outcome(value=value)


def _lost(outcomes: Sequence[Outcome], index: int, cause: BaseException) -> Outcome:
    if index < len(outcomes) and outcomes[index].error is not None:
        return outcomes[index]
    # An exception that is raised in several tasks would gather all their traces: each gets its own.
    failure = translated(cause)
    if failure is cause:
        failure = RuntimeError("the transaction was lost")
        failure.__cause__ = cause
    return Outcome(error=failure)


def read_snapshot(conn: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Runs `work` inside one read transaction, so that all it reads is of one moment."""
    conn.execute("BEGIN")
    try:
        return work(conn)
    except sqlite3.OperationalError as error:
        if not _is_no_text(error):
            _let_go(error)
            raise
        return _leniently(conn, work)
    except Exception as error:
        _let_go(error)
        raise
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _let_go(error: BaseException) -> None:
    """Give up the rows that were not read. As long as their statement is there, all later reads see this moment too."""
    clear_frames(error.__traceback__)


def _is_no_text(error: sqlite3.OperationalError) -> bool:
    """Whether a text was read that is no UTF-8: another program may have put it there, or a disk. Python says so."""
    return str(error).startswith("Could not decode")


def _leniently(conn: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` with a sign in the place of each byte that is no text: too slow for every read."""
    conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        return work(conn)
    finally:
        conn.text_factory = str
