from __future__ import annotations

import sqlite3
from pathlib import Path, PureWindowsPath

import pytest

from sidecar.errors import Failure
from sidecar.store import open_database, own_file
from sidecar.store.commit import commit_group
from sidecar.store.sqlite_errors import storage_failure


def test_a_disk_that_fails_is_a_sentence_without_a_path() -> None:
    failure = storage_failure(PermissionError(13, "Permission denied", "/secret/place/abai.db"))
    assert failure is not None
    assert failure.kind == "storage_error"
    assert "secret" not in failure.message + str(failure.data())


def test_a_locked_database_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "abai.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        outcomes = commit_group(other, [lambda conn: 1, lambda conn: 2])
        assert len(outcomes) == 2
        failures = [outcome.error for outcome in outcomes if isinstance(outcome.error, Failure)]
        assert [(failure.kind, failure.retryable) for failure in failures] == [("storage_error", True)] * 2
        assert outcomes[0].error is not outcomes[1].error
        holder.execute("ROLLBACK")
        assert [outcome.value for outcome in commit_group(other, [lambda conn: 1, lambda conn: 2])] == [1, 2]
    finally:
        holder.close()
        other.close()


@pytest.mark.parametrize("sql", ["SELECT * FROM nowhere", "not SQL", "INSERT INTO t VALUES (1)"])
def test_a_mistake_of_ours_is_no_storage_error(sql: str) -> None:
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE TABLE t (a PRIMARY KEY)")
    conn.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.Error) as caught:
        conn.execute(sql)
    conn.close()
    assert storage_failure(caught.value) is None
    assert storage_failure(ValueError()) is None


def test_a_write_that_ends_the_transaction_itself_fails_and_the_next_group_works() -> None:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    conn.execute("CREATE TABLE t (a)")

    def insert(conn: sqlite3.Connection) -> None:
        conn.execute("INSERT INTO t VALUES (1)")

    outcomes = commit_group(conn, [insert, lambda conn: conn.execute("ROLLBACK"), insert])
    assert all(outcome.error is not None for outcome in outcomes)
    assert [outcome.error for outcome in commit_group(conn, [insert])] == [None]
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (1,)
    conn.close()


def test_a_backup_on_a_windows_share_has_a_name_that_sqlite_takes(tmp_path: Path) -> None:
    uri = own_file.file_uri(PureWindowsPath(r"\\nas\shared folder\#1\abai.db"))
    assert uri == "file:////nas/shared%20folder/%231/abai.db"
    # There is no such server here; what must not be is that SQLite refuses to look.
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(f"{uri}?mode=ro", uri=True)
    assert own_file.file_uri(PureWindowsPath(r"C:\Users\x\abai.db")) == "file:///C:/Users/x/abai.db"
    here = tmp_path / "50% #1?"
    here.mkdir()
    sqlite3.connect(here / "abai.db").close()
    sqlite3.connect(open_database.read_only_uri(here / "abai.db"), uri=True).close()
