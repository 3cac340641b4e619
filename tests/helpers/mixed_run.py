"""A month of calls of every kind against the simulator, which knows what each of them cost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sidecar.simulator.core import Simulator
from tests.helpers.inside import Inside, World, inside

# 2026-11-30, 12:00 UTC, and the day after: from December on one of the models costs twice as much.
NOON_MS = 1_796_040_000_000
DAY_MS = 86_400_000
HELD_SECONDS = 1_000
# Longer than it takes until the process is killed, by the clock that is moved by hand.
AT_VENDOR_MS = 3_600_000
ADMIN = {"openai-admin": "sk-admin-simulated", "anthropic-admin": "sk-admin-simulated"}
MODELS = (
    "openai/gpt-6-luna",
    "openai/gpt-6-sol",
    "anthropic/claude-haiku-5-5",
    "anthropic/claude-sonnet-5-5",
    "gemini/gemini-3.8-flash",
    "gemini/gemini-4-carbon",
    "grok/grok-4.7",
)
LONG = "Sum this up: " + "one word after the other " * 300
# A question with what it orders, and its options: whole, cached, searched, thought, refused, cut, broken.
QUESTIONS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("Why?", {}),
    (LONG, {"enablePromptCaching": True}),
    (LONG, {"enablePromptCaching": True}),
    ("Who?", {"enableWebSearch": True}),
    ("How? [[simulate: tokens=120]]", {"maxOutputTokens": 2_000}),
    ("When? [[simulate: finish=length]]", {}),
    ("No. [[simulate: status=400]]", {}),
    ("Wait. [[simulate: status=429 retry_after=0 times=1]]", {}),
    ("Never. [[simulate: refusal=1]]", {}),
    ("Cut. [[simulate: cut=2]]", {}),
    ("At once. [[simulate: cut=0]]", {}),
    ("Broken. [[simulate: error_after=1]]", {}),
    ("Half a frame. [[simulate: malformed=1]]", {}),
)
ROWS = (
    "First",
    "Second [[simulate: cut=1 times=1]]",
    "Third [[simulate: status=400]]",
    "Fourth [[simulate: tokens=30]]",
)
ENDS = ("completed", "failed", "cancelled")
# No row of xAI's batches expires by itself.
# Rows that are under way when the process is killed: of one nothing has come, of the other the vendor has begun.
KILLED_ROWS = (
    f"Killed before [[simulate: slow_first_ms={HELD_SECONDS * 1000}]]",
    f"Killed amid [[simulate: pace_ms={HELD_SECONDS * 1000}]]",
)
NATIVE_ROWS = ("First", "Second [[simulate: status=400]]", "Third [[simulate: expires=1]]")


class Outside:
    """The vendors and a clock that is moved by hand. What is asked to be `held` does not go on."""

    def __init__(self) -> None:
        self.now = NOON_MS
        self._held = asyncio.Event()
        self.world = World(Simulator(pace_ms=0, now_ms=self.read, sleep=self._sleep), self.read)

    def release(self) -> None:
        """Let everything go on that is held, and hold nothing from now on."""
        self._held.set()

    def read(self) -> int:
        # A moment later at each look, as with any clock.
        self.now += 1
        return self.now

    async def _sleep(self, seconds: float) -> None:
        if seconds >= HELD_SECONDS:
            await self._held.wait()


async def talk(here: Inside, model: str) -> None:
    """Every kind of question to a model, and one that the person stops."""
    for number, (content, options) in enumerate(QUESTIONS):
        asked = {
            "content": content,
            "modelId": model,
            "options": options,
            "conversationId": f"{model} {number}",
        }
        await here.call("chat:send", asked)
    before = len(here.simulator.ledger.entries)
    held = asyncio.create_task(here.call("chat:send", hold(model, "stopped")))
    while len(here.simulator.ledger.entries) == before:
        await asyncio.sleep(0)
    await here.call("chat:abort", {"conversationId": "stopped"})
    await held


def hold(model: str, conversation: str) -> dict[str, Any]:
    """A question whose answer never comes."""
    content = f"Hold. [[simulate: slow_first_ms={HELD_SECONDS * 1000}]]"
    return {"content": content, "modelId": model, "conversationId": conversation}


async def batches(here: Inside) -> None:
    """A local batch with rows of every kind, and one at each vendor."""
    project = (await here.call("project:create", {"name": "Mixed"}))["result"]["id"]
    rows = [{"prompt": prompt, "model": model} for model in MODELS for prompt in ROWS]
    made = await here.call("batch:submit", {"projectId": project, "rows": rows})
    jobs = [made["result"]["id"]]
    await here.call("batch:start", {"jobId": jobs[0], "concurrency": 8})
    for vendor, model in {name.partition("/")[0]: name for name in reversed(MODELS)}.items():
        native = [
            {"prompt": prompt, "model": model} for prompt in NATIVE_ROWS[: 2 if vendor == "grok" else 3]
        ]
        sent = await here.call(
            "batch:submit-native", {"projectId": project, "providerName": vendor, "rows": native}
        )
        assert "result" in sent, sent
        jobs.append(sent["result"]["jobId"])
    for job in jobs:
        while (await here.call("batch:get", {"jobId": job}))["result"]["status"] not in ENDS:
            pass


async def begin_batches(here: Inside) -> list[str]:
    """Begin a local batch whose rows are all under way, and one at each vendor; return their ids.

    Wait until the vendors have what they are asked, and as much as they can say by then is on the disk.
    """
    project = (await here.call("project:create", {"name": "Killed"}))["result"]["id"]
    before = len(here.simulator.ledger.entries)
    rows = [{"prompt": prompt, "model": model} for model in MODELS for prompt in KILLED_ROWS]
    made = await here.call("batch:submit", {"projectId": project, "rows": rows})
    jobs = [made["result"]["id"]]
    await here.call("batch:start", {"jobId": jobs[0], "concurrency": 8})
    slow = f" [[simulate: batch_slow_ms={AT_VENDOR_MS}]]"
    for vendor, model in {name.partition("/")[0]: name for name in reversed(MODELS)}.items():
        native = [{"prompt": f"{prompt}{slow}", "model": model} for prompt in NATIVE_ROWS[:2]]
        params = {"projectId": project, "providerName": vendor, "rows": native}
        jobs.append((await here.call("batch:submit-native", params))["result"]["jobId"])
    begun = sum(model.startswith("anthropic/") for model in MODELS)
    async with asyncio.timeout(60):
        while len(here.simulator.ledger.entries) < before + len(rows) or await _told(here) < begun:
            await asyncio.sleep(0)
    return jobs


async def _told(here: Inside) -> int:
    """How many rows that are under way have a least cost on the disk: their vendor has counted the question."""

    def count(conn: sqlite3.Connection) -> int:
        sql = "SELECT count(*) FROM ledger WHERE state = 'intent' AND kind = 'batch' AND at_least_pico > 0"
        return int(conn.execute(sql).fetchone()[0])

    return await here.services.store.read(count)


async def run(folder: Path) -> tuple[Outside, Path]:
    """Make all the calls; what is outside, and the data folder that is left by a kill amid some of them."""
    outside, first, second = Outside(), folder / "first", folder / "second"
    async with inside(first, world=outside.world, batch_poll_ms=0) as here:
        for model in MODELS:
            await talk(here, model)
    # A restart in order, and the month's end.
    outside.now += DAY_MS
    async with inside(first, world=outside.world, batch_poll_ms=0) as here:
        await batches(here)
        for model in MODELS:
            await talk(here, model)
        # A kill leaves what is on the disk while answers, rows and batches at vendors are on their way.
        await begin_batches(here)
        entries = outside.world.simulator.ledger.entries
        for model in MODELS:
            before = len(entries)
            asyncio.create_task(here.call("chat:send", hold(model, f"killed {model}")))  # noqa: RUF006
            while len(entries) == before:
                await asyncio.sleep(0)
        copy(first, second)
    outside.release()
    outside.now += 1_000 + AT_VENDOR_MS
    return outside, second


async def gone_on(here: Inside) -> None:
    """Wait until what was under way at the kill has ended: rows are asked again, batches fetched."""
    await here.call("initialize", {"protocolVersion": "1.0"})
    for project in (await here.call("project:list"))["result"]:
        for job in (await here.call("batch:list", {"projectId": project["id"]}))["result"]:
            await here.ended(job["id"])


def copy(source: Path, target: Path) -> None:
    """The database as it is on the disk at this moment."""
    target.mkdir()
    with (
        closing(sqlite3.connect(source / "abai.db")) as old,
        closing(sqlite3.connect(target / "abai.db")) as new,
    ):
        old.backup(new)
