"""The process is killed at each point where something is certain on one side only, for every vendor."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.helpers.crashing import MODELS, Lane
from tests.helpers.simulator import simulator_process

NATIVE_POINTS = [
    "before-part-intent",
    "after-part-intent",
    "after-upload",
    "create-sent",
    "after-create-answer",
    "during-results",
]
LOCAL_POINTS = [
    "before-row-intent",
    "after-row-intent",
    "row-sent",
    "after-row-answer",
    "row-kept",
    "row-stored",
]


@pytest.mark.parametrize("provider", MODELS)
async def test_a_native_batch_survives_a_kill_at_each_named_point(tmp_path: Path, provider: str) -> None:
    async with simulator_process() as simulator:
        lane = Lane(tmp_path, simulator)
        await lane.begin(provider, native=True)
        for point in NATIVE_POINTS:
            await lane.dies(point, provider, native=True)
        await lane.end()
        await lane.check_native(provider)
        assert lane.kills == len(NATIVE_POINTS)


@pytest.mark.parametrize("provider", MODELS)
async def test_a_native_batch_that_was_killed_twice_while_its_results_were_read_is_fetched_when_it_is_started(
    tmp_path: Path, provider: str
) -> None:
    async with simulator_process() as simulator:
        lane = Lane(tmp_path, simulator)
        await lane.begin(provider, native=True)
        for _ in range(2):
            await lane.dies("during-results", provider, native=True)
        await lane.end()
        await lane.check_native(provider)


async def test_a_local_batch_survives_a_kill_at_each_named_point(tmp_path: Path) -> None:
    async with simulator_process() as simulator:

        async def lane(name: str, nth: int) -> int:
            (tmp_path / name).mkdir()
            made = Lane(tmp_path / name, simulator, rows=12)
            await made.begin("openai", native=False)
            for point in LOCAL_POINTS:
                await made.dies(f"{point}:{nth}", "openai", native=False)
            await made.end()
            await made.check_local()
            return made.kills

        kills = await asyncio.gather(lane("first", 1), lane("seventh", 7))
        assert sum(kills) == 2 * len(LOCAL_POINTS)
