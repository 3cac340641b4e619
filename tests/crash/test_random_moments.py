"""The process is killed at random moments, over and over in the same folder, while it sends, polls and collects."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.helpers.crashing import Lane
from tests.helpers.simulator import simulator_process
from tests.helpers.soak import longer

# In a soak, with those at named points and those of local batches alone, more than two hundred in all.
KILLS_A_VENDOR = longer(4, 25)
KILLS_OF_LOCAL_BATCHES = longer(8, 50)
# Of the time that a start and a whole job take on this machine: from before it serves until another job has begun.
EARLIEST, LATEST = 0.2, 1.1


async def kill_often(lane: Lane, provider: str, kills: int, seed: str, *, native: bool) -> None:
    moments = random.Random(seed)
    await lane.begin(provider, native=native)
    for _ in range(kills):
        after_ms = round(moments.uniform(EARLIEST, LATEST) * lane.span_ms)
        await lane.dies(f"ms:{after_ms}", provider, native=native)
    await lane.end()


@pytest.mark.parametrize("pair", [("openai", "anthropic"), ("gemini", "grok")])
async def test_native_batches_survive_kills_at_random_moments(tmp_path: Path, pair: tuple[str, str]) -> None:
    async with simulator_process() as simulator:

        async def one(provider: str) -> None:
            (tmp_path / provider).mkdir()
            lane = Lane(tmp_path / provider, simulator, rows=6)
            await kill_often(lane, provider, KILLS_A_VENDOR, provider, native=True)
            await lane.check_native(provider)
            assert lane.kills == KILLS_A_VENDOR

        await asyncio.gather(*(one(provider) for provider in pair))


async def test_local_batches_survive_kills_at_random_moments(tmp_path: Path) -> None:
    async with simulator_process() as simulator:

        async def one(name: str) -> None:
            (tmp_path / name).mkdir()
            lane = Lane(tmp_path / name, simulator, rows=40)
            await kill_often(lane, "openai", KILLS_OF_LOCAL_BATCHES // 2, name, native=False)
            await lane.check_local()

        await asyncio.gather(one("left"), one("right"))
