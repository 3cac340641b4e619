"""A row's place is another's only when nothing of it is left to be stored."""

from __future__ import annotations

import asyncio

from sidecar.batch.local.attempt_guard import AttemptGuard
from sidecar.providers.kernel.limits import KeyLimiters
from sidecar.providers.kernel.pacer import FurtherRequest
from tests.helpers.asking import Clock


async def _recorded() -> None:
    """The disk has taken it."""


async def _held_back(further: FurtherRequest) -> None:
    """The budget has room."""


def _guard(places: asyncio.Semaphore) -> AttemptGuard:
    clock = Clock()
    limiter = KeyLimiters(clock).of("openai", "sk-test", 8)
    return AttemptGuard(limiter, places, "openai/gpt-6-luna", 10, _recorded, _held_back, clock)


async def test_an_answer_that_was_read_and_is_not_stored_yet_keeps_its_place() -> None:
    places = asyncio.Semaphore(1)
    guard = _guard(places)
    await guard.enter()
    guard.leave()
    assert places.locked()
    guard.end()
    assert not places.locked()


async def test_who_backs_off_gives_its_place_to_another_row() -> None:
    places = asyncio.Semaphore(1)
    guard = _guard(places)
    await guard.enter()
    guard.back_off(1_000, "rate_limited")
    assert not places.locked()
    await guard.enter()
    assert places.locked()
    guard.end()
    guard.end()
    assert not places.locked()
