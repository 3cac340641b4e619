from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from sidecar.errors import Failure
from sidecar.store.database import Database
from tests.store.clock import NOW


def _remember(conn: sqlite3.Connection, key: str, value: str = "") -> str:
    conn.execute("INSERT INTO app_state (key, value) VALUES (?, ?)", (key, value))
    return key


def _keys(conn: sqlite3.Connection) -> list[str]:
    return [key for (key,) in conn.execute("SELECT key FROM app_state ORDER BY rowid")]


def _fill(conn: sqlite3.Connection, megabytes: int) -> None:
    conn.execute("INSERT INTO app_state (key, value) VALUES (?, ?)", ("big", "x" * megabytes * 1024 * 1024))


def _freeze_size(conn: sqlite3.Connection, spare_pages: int) -> None:
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count={pages + spare_pages}")


def _thaw_size(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA max_page_count=1073741823")


async def test_what_was_written_is_read_at_once(database: Database) -> None:
    async with asyncio.timeout(60):
        assert await database.write(_remember, "a", value="1") == "a"
        assert await database.read(_keys) == ["a"]


async def test_a_read_that_broke_off_keeps_no_later_read_at_its_moment(database: Database) -> None:
    def broken(conn: sqlite3.Connection) -> list[int]:
        return [int(key) for (key,) in conn.execute("SELECT key FROM app_state")]

    await database.write(_remember, "a")
    await database.write(_remember, "b")
    # Whoever has the exception has its frames, and in them the rows that were not read.
    with pytest.raises(ValueError, match="invalid literal") as kept:
        await database.read(broken)
    await database.write(_remember, "c")
    assert await database.read(_keys) == ["a", "b", "c"]
    del kept


async def test_many_writers_at_once_are_all_committed(database: Database) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(database.write(_remember, f"{n:04}") for n in range(2_000)))
        assert len(await database.read(_keys)) == 2_000


async def test_writes_that_wait_together_share_a_transaction(database: Database) -> None:
    held, entered = Event(), Event()

    def hold(conn: sqlite3.Connection) -> None:
        entered.set()
        assert held.wait(10)

    def committed_before_me(conn: sqlite3.Connection) -> int:
        _remember(conn, str(conn.total_changes))
        with closing(sqlite3.connect(database.path)) as other:
            return int(other.execute("SELECT count(*) FROM app_state").fetchone()[0])

    async with asyncio.timeout(60):
        first = asyncio.create_task(database.write(hold))
        await asyncio.to_thread(entered.wait, 10)
        rest = [asyncio.create_task(database.write(committed_before_me)) for _ in range(50)]
        await asyncio.sleep(0)
        held.set()
        await first
        assert await asyncio.gather(*rest) == [0] * 50
        assert len(await database.read(_keys)) == 50


async def test_writes_are_applied_in_the_order_of_the_calls(database: Database) -> None:
    async with asyncio.timeout(60):
        keys = [f"{n * 7919 % 1_000:03}" for n in range(1_000)]
        await asyncio.gather(*(database.write(_remember, key) for key in keys))
        assert await database.read(_keys) == keys


async def test_a_write_that_raises_is_undone_alone(database: Database) -> None:
    def half_then_fail(conn: sqlite3.Connection) -> None:
        _remember(conn, "half")
        raise LookupError("no such thing")

    async with asyncio.timeout(60):
        good = [database.write(_remember, f"good-{n}") for n in range(3)]
        results = await asyncio.gather(
            good[0], database.write(half_then_fail), *good[1:], return_exceptions=True
        )
        assert isinstance(results[1], LookupError)
        assert await database.read(_keys) == ["good-0", "good-1", "good-2"]


async def test_a_stop_iteration_from_a_write_does_not_stall_the_writer(database: Database) -> None:
    def exhausted(conn: sqlite3.Connection) -> None:
        raise StopIteration

    async with asyncio.timeout(60):
        with pytest.raises(RuntimeError):
            await database.write(exhausted)
        assert await database.write(_remember, "after") == "after"


async def test_a_cancelled_write_is_still_committed(database: Database) -> None:
    async with asyncio.timeout(60):
        task = asyncio.create_task(database.write(_remember, "cancelled"))
        await asyncio.sleep(0)
        task.cancel()
        beside = database.write(_remember, "beside")
        with pytest.raises(asyncio.CancelledError):
            await task
        await beside
        assert await database.read(_keys) == ["cancelled", "beside"]


async def test_a_broken_foreign_key_is_the_callers_own_error(database: Database) -> None:
    def orphan(conn: sqlite3.Connection) -> None:
        conn.execute(
            "INSERT INTO conversations (id, project_id, name, created_at, last_used) VALUES ('c', 'none', 'n', 1, 1)"
        )

    async with asyncio.timeout(60):
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(orphan)


async def test_a_full_disk_loses_nothing_that_was_acknowledged_and_the_database_works_again(
    database: Database,
) -> None:
    async with asyncio.timeout(60):
        await database.write(_remember, "before")
        await database.write(_freeze_size, 4)
        results = await asyncio.gather(
            *(database.write(_remember, f"{n}", "y" * 3_000) for n in range(40)), return_exceptions=True
        )
        kept = [result for result in results if isinstance(result, str)]
        failures = [result for result in results if isinstance(result, BaseException)]
        assert failures
        for failure in failures:
            assert isinstance(failure, Failure)
            assert failure.kind == "storage_error"
            assert "disk is full" in failure.message
        assert await database.read(_keys) == ["before", *kept]
        await database.write(_thaw_size)
        await database.write(_fill, 1)
        assert (await database.read(_keys))[-1] == "big"


async def test_one_write_too_large_for_the_disk_fails_with_a_sentence(database: Database) -> None:
    async with asyncio.timeout(60):
        await database.write(_freeze_size, 2)
        with pytest.raises(Failure, match="disk is full") as caught:
            await database.write(_fill, 2)
        assert caught.value.data() == {"retryable": True, "detail": "SQLITE_FULL"}


async def test_the_reader_sees_one_moment_while_a_write_commits(database: Database) -> None:
    looked, written = Event(), Event()

    def count_twice(conn: sqlite3.Connection) -> tuple[int, int]:
        before = len(_keys(conn))
        looked.set()
        assert written.wait(10)
        return before, len(_keys(conn))

    async with asyncio.timeout(60):
        reading = asyncio.create_task(database.read(count_twice))
        assert await asyncio.to_thread(looked.wait, 10)
        await database.write(_remember, "new")
        written.set()
        assert await reading == (0, 0)
        assert await database.read(_keys) == ["new"]


async def test_a_read_cannot_write(database: Database) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(Failure) as caught:
            await database.read(_remember, "a")
        assert caught.value.kind == "storage_error"
        await database.write(_remember, "b")
        assert await database.read(_keys) == ["b"]


async def test_every_promise_about_durability_is_switched_on(database: Database) -> None:
    def pragmas(conn: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint")
        return [conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    async with asyncio.timeout(60):
        assert await database.write(pragmas) == ["wal", 2, 1, 5_000, 1_000]


async def test_close_commits_what_waits_and_leaves_one_whole_file(tmp_path: Path) -> None:
    async with asyncio.timeout(60):
        path = tmp_path / "abai.db"
        database = await Database.open(path, now_ms=lambda: NOW)
        waiting = [asyncio.create_task(database.write(_remember, f"{n}")) for n in range(100)]
        await asyncio.sleep(0)
        await asyncio.gather(database.close(), database.close())
        assert len(await asyncio.gather(*waiting)) == 100
        assert sorted(file.name for file in tmp_path.iterdir()) == ["abai.db", "abai.db.lock"]
        with closing(sqlite3.connect(path)) as conn:
            assert len(_keys(conn)) == 100


async def test_after_close_calls_are_refused_with_a_sentence(tmp_path: Path) -> None:
    async with asyncio.timeout(60):
        database = await Database.open(tmp_path / "abai.db", now_ms=lambda: NOW)
        await database.close()
        for call in (database.write(_remember, "a"), database.read(_keys), database.backup(tmp_path / "b")):
            with pytest.raises(Failure) as caught:
                await call
            assert caught.value.kind == "shutting_down"


async def test_a_cancelled_opening_leaves_no_lock_behind(tmp_path: Path) -> None:
    async with asyncio.timeout(60):
        path = tmp_path / "abai.db"
        opening = asyncio.create_task(Database.open(path, now_ms=lambda: NOW))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        # The opening goes on to its end and is undone there; a lock that stays would never be given back.
        while True:
            try:
                database = await Database.open(path, now_ms=lambda: NOW)
            except Failure:
                await asyncio.sleep(0)
                continue
            break
        await database.close()


async def test_a_backup_is_a_whole_database_of_its_own(database: Database, tmp_path: Path) -> None:
    async with asyncio.timeout(60):
        await database.write(_remember, "a")
        target = tmp_path / "copy.db"
        size = await database.backup(target)
        assert size == target.stat().st_size
        await database.write(_remember, "b")
        with closing(sqlite3.connect(target)) as copy:
            assert _keys(copy) == ["a"]
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("PRAGMA user_version").fetchone() == (database.schema_version,)
        assert await database.backup(target) >= size


async def test_a_backup_that_is_asked_for_twice_is_whole_all_the_time(
    database: Database, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    mine = tmp_path / "copy.db.partial"
    mine.write_text("a file of the person's own")
    async with asyncio.timeout(60):
        await database.write(_fill, 30)
        for result in asyncio.as_completed([database.backup(target) for _ in range(3)]):
            assert await result == target.stat().st_size
            with closing(sqlite3.connect(target)) as conn:
                assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db", "copy.db.partial"]
    assert mine.read_text() == "a file of the person's own"


async def test_a_backup_never_replaces_the_database_itself(database: Database, tmp_path: Path) -> None:
    (tmp_path / "other-name.db").hardlink_to(database.path)
    async with asyncio.timeout(60):
        for target in (database.path, tmp_path / "abai.db-wal", tmp_path / "other-name.db"):
            with pytest.raises(Failure) as caught:
                await database.backup(target)
            assert caught.value.kind == "invalid_params"
        await database.write(_remember, "still there")


async def test_a_backup_into_a_folder_that_is_not_there_fails_with_a_sentence(
    database: Database, tmp_path: Path
) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(Failure) as caught:
            await database.backup(tmp_path / "none" / "copy.db")
        assert caught.value.kind == "storage_error"
        assert str(tmp_path) not in caught.value.message


async def test_size_counts_the_log_too(database: Database) -> None:
    async with asyncio.timeout(60):
        before = database.size_bytes()
        await database.write(_fill, 1)
        assert database.size_bytes() >= before + 1024 * 1024


async def test_a_database_opened_for_reading_reads_and_refuses_to_write(database: Database) -> None:
    async with asyncio.timeout(60):
        await database.write(_remember, "a")
        beside = await Database.open(database.path, now_ms=lambda: NOW, read_only=True)
        try:
            assert await beside.read(_keys) == ["a"]
            with pytest.raises(Failure, match="looked at only"):
                await beside.write(_remember, "b")
        finally:
            await beside.close()
