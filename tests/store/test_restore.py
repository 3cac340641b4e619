"""A store whose database gives way to another one: calls wait, keep their order, and lose nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.spending.recovery import of_a_backup
from sidecar.store import kv
from sidecar.store.database import Database
from sidecar.store.restore import restore
from sidecar.store.store import Exchanged, Store
from tests.store.cancelling import cancelled_at
from tests.store.clock import NOW

Reopen = Callable[[], Coroutine[Any, Any, Database]]


def opening(path: Path) -> Coroutine[Any, Any, Database]:
    return Database.open(path, now_ms=lambda: NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(lambda: opening(tmp_path / "one" / "abai.db"))
    yield store
    async with asyncio.timeout(60):
        await store.close()


def putting_back(store: Store, folder: Path, reopen: Reopen) -> Coroutine[Any, Any, tuple[Path, int]]:
    present, copy = folder / "one" / "abai.db", str(folder / "copy.db")
    return restore(store, present, copy, reopen=reopen, calm=of_a_backup, now_ms=lambda: NOW)


def keys(conn: sqlite3.Connection) -> list[str]:
    return [key for (key,) in conn.execute("SELECT key FROM app_state ORDER BY rowid")]


def other_database(path: Path) -> Callable[[Database | None], Coroutine[Any, Any, Exchanged]]:
    async def exchange(present: Database | None) -> Exchanged:
        assert present is not None
        await present.close()
        return Exchanged(await opening(path))

    return exchange


async def test_what_is_written_before_is_in_the_one_and_what_comes_after_in_the_other(
    store: Store, tmp_path: Path
) -> None:
    async with asyncio.timeout(60):
        before = [asyncio.create_task(store.write(kv.put, f"a{n}", "")) for n in range(50)]
        await asyncio.sleep(0)
        replacing = asyncio.create_task(store.replace(other_database(tmp_path / "two" / "abai.db")))
        await asyncio.sleep(0)
        after = [asyncio.create_task(store.write(kv.put, f"b{n}", "")) for n in range(50)]
        await asyncio.gather(*before, replacing, *after)
        assert await store.read(keys) == [f"b{n}" for n in range(50)]
    with closing(sqlite3.connect(tmp_path / "one" / "abai.db")) as conn:
        assert keys(conn) == [f"a{n}" for n in range(50)]


async def test_calls_keep_their_order_however_the_opening_falls_between_them(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slowly() -> Database:
        database = await opening(tmp_path / "abai.db")
        await gate.wait()
        return database

    store = Store(slowly)
    tasks: list[asyncio.Task[None]] = []

    async def call_at_every_turn() -> None:
        for number in range(60):
            if number == 20:
                gate.set()
            tasks.append(asyncio.create_task(store.write(kv.put, f"{number:02}", "")))
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await call_at_every_turn()
        await asyncio.gather(*tasks)
        assert await store.read(keys) == [f"{number:02}" for number in range(60)]
        await store.close()


async def test_an_exchange_that_keeps_the_database_says_why(store: Store) -> None:
    async def exchange(present: Database | None) -> Exchanged:
        return Exchanged(present, Failure("conflict", "Not now."))

    async with asyncio.timeout(60):
        with pytest.raises(Failure, match="Not now"):
            await store.replace(exchange)
        await store.write(kv.put, "k", "")
        assert await store.read(keys) == ["k"]


async def test_when_nothing_could_be_opened_every_call_is_told(store: Store) -> None:
    async def exchange(present: Database | None) -> Exchanged:
        assert present is not None
        await present.close()
        raise Failure("storage_error", "The disk is gone.")

    async with asyncio.timeout(60):
        for attempt in (store.replace(exchange), store.read(keys), store.write(kv.put, "k", "")):
            with pytest.raises(Failure, match="The disk is gone"):
                await attempt


async def test_a_caller_that_is_cancelled_does_not_stop_the_exchange(store: Store, tmp_path: Path) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def exchange(present: Database | None) -> Exchanged:
        begun.set()
        await gate.wait()
        return await other_database(tmp_path / "two" / "abai.db")(present)

    async with asyncio.timeout(60):
        await store.write(kv.put, "one", "")
        replacing = asyncio.create_task(store.replace(exchange))
        await begun.wait()
        replacing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await replacing
        reading = asyncio.create_task(store.read(keys))
        gate.set()
        assert await reading == []


async def test_a_backup_that_cannot_be_opened_in_its_place_is_taken_out_again(
    store: Store, tmp_path: Path
) -> None:
    present = tmp_path / "one" / "abai.db"
    opened = 0

    async def fails_once() -> Database:
        nonlocal opened
        opened += 1
        if opened == 1:
            raise Failure("storage_error", "It cannot be opened.")
        return await opening(present)

    async with asyncio.timeout(60):
        await store.backup(tmp_path / "copy.db")
        await store.write(kv.put, "later", "")
        with pytest.raises(Failure, match=r"It cannot be opened\. Nothing was restored\."):
            await putting_back(store, tmp_path, fails_once)
        assert await store.read(keys) == ["later"]
    assert [path.name for path in sorted(present.parent.iterdir()) if "restor" in path.name] == []


async def test_two_restores_in_one_second_keep_both(store: Store, tmp_path: Path) -> None:
    def reopen() -> Coroutine[Any, Any, Database]:
        return opening(tmp_path / "one" / "abai.db")

    async with asyncio.timeout(60):
        await store.backup(tmp_path / "copy.db")
        for _ in range(2):
            await putting_back(store, tmp_path, reopen)
        kept = sorted(path.name for path in (tmp_path / "one").glob("*.before-restore-*"))
    assert kept == [f"abai.db.before-restore-20261123T000000Z{ending}" for ending in ("", "-2")]


async def test_of_two_restores_at_once_the_second_is_told_to_wait(store: Store, tmp_path: Path) -> None:
    def reopen() -> Coroutine[Any, Any, Database]:
        return opening(tmp_path / "one" / "abai.db")

    async with asyncio.timeout(60):
        await store.backup(tmp_path / "copy.db")
        both = [putting_back(store, tmp_path, reopen) for _ in range(2)]
        first, second = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(first, tuple)
    assert isinstance(second, Failure)
    assert second.kind == "conflict"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_restore_that_is_cancelled_at_any_of_its_waits_has_happened_or_has_not(
    store: Store, tmp_path: Path, times: int
) -> None:
    def reopen() -> Coroutine[Any, Any, Database]:
        return opening(tmp_path / "one" / "abai.db")

    place = tmp_path / "one"
    found: list[tuple[list[str], int]] = []
    async with asyncio.timeout(120):
        await store.backup(tmp_path / "copy.db")
        cancelled = True
        while cancelled:
            await store.write(kv.put, "later", "")
            before = len(list(place.glob("*.before-restore-*")))
            restoring = asyncio.create_task(
                cancelled_at(len(found) + 1, putting_back(store, tmp_path, reopen), times=times)
            )
            await asyncio.wait({restoring})
            cancelled = restoring.cancelled()
            assert not (place / "abai.db.restoring").exists(), f"cancelled at wait {len(found) + 1}"
            kept = len(list(place.glob("*.before-restore-*"))) - before
            found.append((await store.read(keys), kept))
    # One for each wait, and the last in which none was left. What came later is there, or is kept beside.
    assert len(found) > 4
    assert set(map(str, found)) == {str((["later"], 0)), str(([], 1))}
    assert found[0] == (["later"], 0)
    assert found[-1] == ([], 1)


async def test_quitting_does_not_wait_for_an_opening_that_takes_minutes(tmp_path: Path) -> None:
    async def takes_minutes() -> Database:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(60):
        store = Store(takes_minutes)
        waiting = asyncio.create_task(store.read(keys))
        await store.stop_opening()
        with pytest.raises(Failure, match="closing") as caught:
            await waiting
        assert caught.value.kind == "shutting_down"
        await store.close()


async def test_what_is_open_stays_open_until_it_is_closed(store: Store) -> None:
    async with asyncio.timeout(60):
        await store.write(kv.put, "k", "")
        await store.stop_opening()
        assert await store.read(keys) == ["k"]
