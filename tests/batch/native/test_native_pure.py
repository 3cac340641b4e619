from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from sidecar.batch.native import chunks, polling
from sidecar.batch.native.chunks import ChunkSize
from sidecar.batch.native.polling import Poller
from sidecar.batch.native.reconcile import LONGEST_DOUBT_MS, SETTLING_MS, must_ask, verdict
from sidecar.batch.native.spooled_lines import SpooledLines
from sidecar.providers.base import BatchLimits, BatchState, LookupResult
from sidecar.store.vendor_batches import VendorBatch

LIMITS = BatchLimits(rows=3, bytes=100, row_bytes=60)


@pytest.mark.parametrize(
    ("load", "model", "line_bytes", "fits"),
    [
        (ChunkSize(), "a", 60, True),
        (ChunkSize(2, 10, "a"), "a", 10, True),
        (ChunkSize(3, 10, "a"), "a", 10, False),
        (ChunkSize(1, 50, "a"), "a", 49, True),
        (ChunkSize(1, 50, "a"), "a", 50, False),
        (ChunkSize(1, 10, "a"), "b", 10, False),
    ],
)
def test_a_part_is_full_by_rows_bytes_with_line_ends_or_another_model(
    load: ChunkSize, model: str, line_bytes: int, fits: bool
) -> None:
    assert chunks.fits(load, model, line_bytes, LIMITS) is fits


def test_models_may_be_mixed_where_the_vendor_lets_them() -> None:
    assert chunks.fits(ChunkSize(1, 10, "a"), "b", 10, replace(LIMITS, one_model=False))


def test_a_line_above_either_limit_fits_nowhere() -> None:
    assert not chunks.fits_nowhere(60, LIMITS)
    assert chunks.fits_nowhere(61, LIMITS)
    assert chunks.fits_nowhere(100, replace(LIMITS, row_bytes=None))
    assert not chunks.fits_nowhere(99, replace(LIMITS, row_bytes=None))


def test_custom_ids_are_what_every_vendor_takes_and_no_two_parts_share_one() -> None:
    tags = [
        chunks.tag("6f1c0a52-6f0e-4b0a-9a53-0d8d1c1f4e14"),
        chunks.tag("6f1c0a52-6f0e-4b0a-9a53-0d8d1c1f4e15"),
    ]
    ids = [chunks.custom_id(tag, row) for tag in tags for row in (0, 7, 49_999, 12_345_678)]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids)
    assert len(set(ids)) == len(ids)
    assert ids[:4] == sorted(ids[:4])
    assert ids == [chunks.custom_id(tag, row) for tag in tags for row in (0, 7, 49_999, 12_345_678)]


@pytest.mark.parametrize(
    ("visits", "fixed", "hint", "expected"),
    [
        (0, None, None, 1_000),
        (1, None, None, 2_000),
        (8, None, None, 256_000),
        (9, None, None, 300_000),
        (10_000, None, None, 300_000),
        (3, 50, None, 50),
        (3, 50, 9_000, 9_000),
        (3, None, 1_000, 8_000),
        (0, None, 900_000, 900_000),
    ],
)
def test_waits_grow_to_five_minutes_and_a_longer_hint_wins(
    visits: int, fixed: int | None, hint: int | None, expected: int
) -> None:
    assert polling.wait_ms(visits, fixed, hint) == expected


PART = VendorBatch("p", "j", "openai", "abai-p", "intent", 3, 1_000, submitted_at=10_000)
STATE = BatchState("batch-1", "in_progress", ended=False, results_ready=False)
LATER = 10_000 + SETTLING_MS


@pytest.mark.parametrize(
    ("part", "found", "now", "step", "wait_ms"),
    [
        (replace(PART, submitted_at=None), None, 10_000, "send", 0),
        (PART, LookupResult(STATE, True), 10_000, "adopt", 0),
        (PART, LookupResult(STATE, False), LATER, "adopt", 0),
        (PART, LookupResult(None, True), 12_000, "wait", SETTLING_MS - 2_000),
        (PART, LookupResult(None, True), 9_000, "wait", SETTLING_MS),
        (PART, LookupResult(None, True), LATER, "send", 0),
        (PART, LookupResult(None, False), 10_000, "doubt", 0),
        (PART, LookupResult(None, False), 10 * LATER, "doubt", 0),
    ],
)
def test_only_a_certain_and_settled_absence_is_sent_again(
    part: VendorBatch, found: LookupResult | None, now: int, step: str, wait_ms: int
) -> None:
    reached = verdict(part, found, now)
    assert (reached.step, reached.wait_ms) == (step, wait_ms)
    assert must_ask(part) is (part.submitted_at is not None)


@pytest.mark.parametrize(
    ("wanted", "passed_ms", "step"),
    [
        (False, LONGEST_DOUBT_MS + 1, "give_up"),
        (False, LONGEST_DOUBT_MS, "doubt"),
        (True, 100 * LONGEST_DOUBT_MS, "doubt"),
    ],
)
def test_a_cancelled_part_is_doubted_only_as_long_as_it_may_run(
    wanted: bool, passed_ms: int, step: str
) -> None:
    assert verdict(PART, LookupResult(None, False), 10_000 + passed_ms, wanted=wanted).step == step


def test_a_doubt_says_what_is_known_and_what_to_do() -> None:
    sentence = verdict(
        PART, LookupResult(None, False, "Two batches of 3 rows are still running."), LATER
    ).sentence
    assert "Two batches of 3 rows are still running." in sentence
    assert "abai-p" in sentence
    assert "Start the batch" in sentence


def test_lines_are_a_sequence_however_large() -> None:
    given = [b"", b"short", b"x" * 700_000, b"y" * 700_000, "Ümläut".encode()]
    with SpooledLines() as lines:
        for line in given:
            lines.append(line)
        assert list(lines) == given
        assert list(lines) == given
        assert (lines[1], lines[-1], lines[1:3], len(lines)) == (given[1], given[-1], given[1:3], 5)
        lines.append(b"after reading")
        assert lines[5] == b"after reading"
        with pytest.raises(IndexError):
            lines[6]


class Pauses:
    """A pause ends when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


async def test_a_part_is_visited_until_its_last_visit_and_no_two_visits_of_it_overlap() -> None:
    pauses, seen = Pauses(), list[tuple[str, int]]()

    async def visit(part_id: str, visits: int) -> int | None:
        seen.append((part_id, visits))
        return None if visits == 3 else 5_000

    rounds = Poller(visit, sleep=pauses)
    pauses.over.set()
    rounds.follow("p", 1_000)
    async with asyncio.timeout(5):
        while rounds.followed("p"):
            await asyncio.sleep(0)
    assert seen == [("p", 1), ("p", 2), ("p", 3)]
    assert pauses.asked == [1, 5, 5]


async def test_a_visit_can_be_had_at_once_and_is_a_new_one() -> None:
    pauses, seen = Pauses(), list[int]()

    async def visit(part_id: str, visits: int) -> int | None:
        seen.append(visits)
        return 300_000

    rounds = Poller(visit, sleep=pauses)
    rounds.follow("p", 300_000)
    async with asyncio.timeout(5):
        await rounds.visit_now("p")
        await rounds.visit_now("p")
        assert seen == [1, 2]
        await rounds.close()
    assert not rounds.followed("p")


async def test_a_bug_in_a_visit_does_not_end_the_visits(caplog: Any) -> None:
    pauses = Pauses()
    pauses.over.set()

    async def visit(part_id: str, visits: int) -> int | None:
        if visits == 1:
            raise ValueError("a bug")
        return None

    rounds = Poller(visit, sleep=pauses)
    rounds.follow("p", 0)
    async with asyncio.timeout(5):
        while rounds.followed("p"):
            await asyncio.sleep(0)
    assert pauses.asked == [0, 300]
    assert "could not be looked after" in caplog.text


async def test_only_so_many_parts_are_visited_at_once() -> None:
    pauses, inside, most = Pauses(), 0, 0
    pauses.over.set()

    async def visit(part_id: str, visits: int) -> int | None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return None

    rounds = Poller(visit, sleep=pauses, at_once=2)
    for number in range(9):
        rounds.follow(str(number), 0)
    async with asyncio.timeout(5):
        while any(rounds.followed(str(number)) for number in range(9)):
            await asyncio.sleep(0)
    assert most == 2
