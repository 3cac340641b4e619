"""What a row of a batch cost at least whose process was killed while its answer was on its way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, chat_chunk, claude_events, serving, stream, whole
from tests.field.lab import own_models, project, sidecar, vendor_environment
from tests.helpers.process import SidecarProcess

CLAUDE = "anthropic/claude-sonnet-5"
LAB = "lab/m"
# 800 letters are 100 tokens at least: 2 dollars a million.
LETTERS = "because " * 100
LEAST_OF_LETTERS = 0.0002


def leasts(data_dir: Path) -> list[int]:
    with closing(sqlite3.connect(data_dir / "abai.db")) as conn:
        return [row[0] for row in conn.execute("SELECT at_least_pico FROM ledger")]


async def killed(process: SidecarProcess, data_dir: Path, model: str) -> str:
    """Begin a batch of one row, and kill the process as soon as the disk has what the row cost at least."""
    rows: list[dict[str, Any]] = [{"id": "r", "prompt": "Why?", "model": model}]
    params = {"projectId": await project(process), "rows": rows, "start": True}
    job: str = (await process.call("batch:submit", params))["id"]
    async with asyncio.timeout(60):
        while not any(leasts(data_dir)):
            await asyncio.sleep(0)
    process.kill()
    await process.wait()
    return job


async def least_told(process: SidecarProcess, job: str) -> tuple[float, float]:
    """What the killed request of the row is said to have cost at least: of itself, and in the sum of its batch."""
    first = (await process.call("cost:explain", {"jobId": job, "rowId": "r"}))[0]
    assert "costUSD" not in first
    assert sum(line["usd"] for line in first["lines"]) == pytest.approx(first["costAtLeastUSD"])
    return first["costAtLeastUSD"], (await process.call("batch:get", {"jobId": job}))["costAtLeastUSD"]


def opening(events: Iterable[Any]) -> Answer:
    """An answer that begins so, and does not go on."""
    return stream(*events, keep_open=True)


async def test_the_question_of_a_row_that_was_killed_as_its_answer_began_is_in_its_least(
    tmp_path: Path,
) -> None:
    # The vendor has counted 1,000 tokens of the question: 2 dollars a million. The one of its answer is 10.
    begins = opening(list(claude_events("Hello"))[:2])
    async with serving(begins) as server:
        environment = vendor_environment(server.url, "anthropic")
        async with sidecar(tmp_path, environment=environment) as process:
            job = await killed(process, tmp_path, CLAUDE)
        async with sidecar(tmp_path, environment=environment) as process:
            of_row, of_job = await least_told(process, job)
    assert of_row == pytest.approx(0.00201)
    assert of_job >= of_row


async def test_what_had_arrived_of_a_row_that_was_killed_is_in_its_least(tmp_path: Path) -> None:
    async with serving(opening([chat_chunk({"content": LETTERS})]), whole({}, 400)) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            job = await killed(process, tmp_path, LAB)
        async with sidecar(tmp_path) as process:
            of_row, of_job = await least_told(process, job)
    assert of_row == pytest.approx(LEAST_OF_LETTERS)
    assert of_job >= of_row


async def test_what_had_arrived_of_a_question_outside_of_conversations_is_in_its_least(
    tmp_path: Path,
) -> None:
    async with (
        serving(opening([chat_chunk({"content": LETTERS})])) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        process.start_call("chat:send", {"content": "Why?", "modelId": LAB})
        await server.requests(1)
        async with asyncio.timeout(60):
            while not any(leasts(tmp_path)):
                await asyncio.sleep(0)
        process.kill()
        await process.wait()
    assert leasts(tmp_path) == [200_000_000]
