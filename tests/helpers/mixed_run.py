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
NATIVE_ROWS = ("First", "Second [[simulate: status=400]]", "Third [[simulate: expires=1]]")


class Outside:
    """The vendors and a clock that is moved by hand. What is asked to be `held` does not go on."""

    def __init__(self) -> None:
        self.now = NOON_MS
        self._held = asyncio.Event()
        self.world = World(Simulator(pace_ms=0, now_ms=self.read, sleep=self._sleep), self.read)

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


async def run(folder: Path) -> tuple[Outside, Path]:
    """Make all the calls; what is outside, and the data folder that is left."""
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
        # A kill leaves what is on the disk while an answer is on its way.
        entries = outside.world.simulator.ledger.entries
        for model in MODELS:
            before = len(entries)
            asyncio.create_task(here.call("chat:send", hold(model, f"killed {model}")))  # noqa: RUF006
            while len(entries) == before:
                await asyncio.sleep(0)
        copy(first, second)
    outside.now += 1_000
    return outside, second


def copy(source: Path, target: Path) -> None:
    """The database as it is on the disk at this moment."""
    target.mkdir()
    with (
        closing(sqlite3.connect(source / "abai.db")) as old,
        closing(sqlite3.connect(target / "abai.db")) as new,
    ):
        old.backup(new)
