"""The copy of the day: taken once, looked through, the last seven kept."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.store import kv
from sidecar.store.backups import DAY_MS, KEPT_DAYS, Caretaker
from sidecar.store.database import Database
from sidecar.store.kept_copies import list_backups
from sidecar.store.store import Store
from tests.store.clock import NOW


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = Store(lambda: Database.open(tmp_path / "abai.db", now_ms=clock))
    yield store
    async with asyncio.timeout(60):
        await store.close()


async def test_one_copy_a_day_is_taken_and_the_last_seven_are_kept(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    async with asyncio.timeout(60):
        for day in range(10):
            clock.now = NOW + day * DAY_MS
            await caretaker.look()
            clock.now += DAY_MS // 2
            await caretaker.look()
    found = list_backups(tmp_path / "abai.db")
    assert [each.created_at for each in found] == [NOW + day * DAY_MS for day in range(9, 9 - KEPT_DAYS, -1)]
    assert {(each.kind, each.checked) for each in found} == {("daily", True)}
    if sys.platform != "win32":
        assert {stat.S_IMODE(each.path.stat().st_mode) for each in found} == {0o600}
        assert stat.S_IMODE((tmp_path / "backups").stat().st_mode) == 0o700


async def test_copies_of_a_clock_that_was_wrong_do_not_push_out_the_one_of_today(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    async with asyncio.timeout(60):
        for day in range(8):
            clock.now = NOW + (10_000 + day) * DAY_MS
            await caretaker.look()
        clock.now = NOW
        await caretaker.look()
    assert NOW in [each.created_at for each in list_backups(tmp_path / "abai.db")]


async def test_the_copy_of_the_day_is_taken_beside_a_file_that_is_named_like_one_of_no_day(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "abai-20261399T000000Z.db").write_bytes(b"")
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    async with asyncio.timeout(60):
        await caretaker.look()
    assert [each.created_at for each in list_backups(tmp_path / "abai.db")] == [NOW]


async def test_damage_is_told_while_the_good_copies_are_kept(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    async with asyncio.timeout(60):
        for number in range(200):
            await store.write(kv.put, f"k{number}", "v" * 500)
        await caretaker.look()
        good = list_backups(tmp_path / "abai.db")
        await store.close()
        damage(tmp_path / "abai.db", b"k100")
        reopened = Store(lambda: Database.open(tmp_path / "abai.db", now_ms=clock))
        caretaker = Caretaker(reopened, tmp_path / "abai.db", clock)
        clock.now += DAY_MS
        await caretaker.look()
        await reopened.close()
    assert caretaker.problem is not None
    assert "damaged" in caretaker.problem
    assert list_backups(tmp_path / "abai.db") == good
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [good[0].path.name]


async def test_a_warning_of_a_copy_that_could_not_be_made_goes_once_a_check_succeeded(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    (tmp_path / "backups").write_text("in the way", "utf-8")
    caring = asyncio.create_task(caretaker.run(0))
    try:
        async with asyncio.timeout(60):
            while caretaker.problem is None:
                await asyncio.to_thread(list_backups, tmp_path / "abai.db")
            (tmp_path / "backups").unlink()
            caretaker.look_again()
            while caretaker.problem is not None:
                await asyncio.to_thread(list_backups, tmp_path / "abai.db")
    finally:
        caring.cancel()
    assert [each.kind for each in list_backups(tmp_path / "abai.db")] == ["daily"]


async def test_a_problem_is_looked_at_again_though_a_copy_of_the_day_is_there(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    caretaker = Caretaker(store, tmp_path / "abai.db", clock)
    async with asyncio.timeout(60):
        await caretaker.look()
        # A clock that was wrong for a while.
        clock.now = NOW + 400 * DAY_MS
        (tmp_path / "backups").rename(tmp_path / "aside")
        (tmp_path / "backups").write_text("in the way", "utf-8")
        await caretaker.look()
        assert caretaker.problem is not None
        clock.now = NOW
        (tmp_path / "backups").unlink()
        (tmp_path / "aside").rename(tmp_path / "backups")
        await caretaker.look()
    assert caretaker.problem is None


def damage(database: Path, marker: bytes) -> None:
    """The page that holds the marker becomes zeros."""
    content = bytearray(database.read_bytes())
    page = content.index(marker) // 4096 * 4096
    content[page : page + 4096] = bytes(4096)
    database.write_bytes(content)
