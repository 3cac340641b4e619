from __future__ import annotations

import asyncio

from sidecar.rpc.large_requests import LargeRequests


async def test_the_next_large_request_waits_until_one_before_it_is_answered() -> None:
    large = LargeRequests(100, patience_seconds=60)
    assert await large.take(60)
    assert await large.take(40)
    waiting = asyncio.create_task(large.take(50))
    await asyncio.sleep(0)
    large.give_back(40)
    await asyncio.sleep(0)
    assert not waiting.done()
    large.give_back(60)
    assert await waiting


async def test_one_alone_is_taken_whatever_its_size() -> None:
    assert await LargeRequests(100, patience_seconds=0).take(1_000)


async def test_where_no_room_came_the_next_ones_are_refused_at_once_until_there_is_some() -> None:
    large = LargeRequests(100, patience_seconds=0)
    assert await large.take(100)
    assert not await large.take(1)
    assert not await large.take(1)
    large.give_back(100)
    assert await large.take(1)
