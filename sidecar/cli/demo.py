"""`abai demo`: what the product does, in a minute, with simulated vendors and a kill -9 in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from sidecar.cli.ask import Question, ask
from sidecar.cli.connection import Connection, Target, connected
from sidecar.cli.lists import costs_table
from sidecar.cli.projects import own_project
from sidecar.cli.run import ENDED, estimate, figures, results
from sidecar.cli.words import cost_of

MODELS = ("openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "gemini/gemini-3.8-flash")
CITIES = ("Lisbon", "Kyoto", "Oaxaca", "Tromsø", "Dakar", "Hobart", "Quito", "Riga", "Fez", "Cork")
DISHES = ("soup", "stew", "salad", "bread", "sweet")
KILL_AFTER = 40
# Vendors that write fast, and are looked at often.
FAST = ("--mock-pace-ms", "2", "--batch-poll-seconds", "0.2")

Row = dict[str, Any]
Progress = Mapping[str, Any]


class DemoFailed(Exception):
    """Something is not as it should be; the message says what."""


async def show(target: Target, report: Path, out: Console, err: Console) -> None:
    """Ask, restart, run a batch through a crash, and one at a vendor, and write a report. Raise DemoFailed."""
    err.rule("One question, three models")
    async with connected(target) as sidecar:
        _check(
            await ask(sidecar, Question("Why is the sky blue?", MODELS), out, err, as_json=False),
            "a model did not answer",
        )
    err.rule("A batch, and a crash in the middle of it")
    rows = _rows(MODELS)
    async with connected(target) as sidecar:
        found = await sidecar.call("messages:search", {"query": "sky"})
        err.print(f"Started again: the conversation is still there, with {len(found['items'])} messages.")
        job = await _begin(sidecar, rows, err)
        told = await _until(sidecar, job, lambda told: told["completedRows"] >= KILL_AFTER)
        _check(told["status"] == "processing", "the batch had ended before it could be killed")
        sidecar.kill()
        err.print(f"Killed (kill -9) after {told['completedRows']} of {len(rows)} rows, and started again.")
    async with connected(target) as sidecar:
        begun = await sidecar.call("initialize", {"protocolVersion": "1.0"})
        _check(job in begun["resumedJobs"], "the batch does not go on by itself")
        ended = await _until(sidecar, job, lambda told: told["status"] in ENDED)
        await _look_through(sidecar, job, rows)
        err.print(f"It went on by itself: all {len(rows)} rows are there, once each, for {cost_of(ended)}.")
        out.print(await figures(sidecar, job))
        err.rule("A batch that the vendor runs, at half the price")
        native = _rows(MODELS[:1])
        params = {"projectId": await own_project(sidecar), "providerName": "openai", "rows": native}
        submitted = await sidecar.call("batch:submit-native", params)
        await _until(sidecar, submitted["jobId"], lambda told: told["status"] in ENDED)
        await _look_through(sidecar, submitted["jobId"], native)
        out.print(await figures(sidecar, submitted["jobId"]))
        err.rule("What it would have cost")
        out.print(await costs_table(sidecar, "model"))
        err.rule("The report")
        params = {"jobIds": [job, submitted["jobId"]], "path": str(report)}
        written = await sidecar.call("batch:report", params)
        err.print(
            "Every answer, cost and second of both batches is on one page that needs no network. Open it:"
        )
        out.print(written["path"], soft_wrap=True, highlight=False)


def _rows(models: Sequence[str]) -> list[Row]:
    return [
        {"prompt": "Name a {{dish}} of {{city}}.", "model": model, "data": {"dish": dish, "city": city}}
        for city in CITIES
        for dish in DISHES
        for model in models
    ]


async def _begin(sidecar: Connection, rows: Sequence[Row], err: Console) -> str:
    await estimate(sidecar, {"rows": list(rows)}, err)
    params = {"projectId": await own_project(sidecar), "fileName": "dishes", "rows": rows, "start": True}
    return str((await sidecar.call("batch:submit", params))["id"])


async def _until(sidecar: Connection, job: str, holds: Callable[[Progress], bool]) -> Progress:
    """Return the first progress of a job for which it holds, or that is its last."""
    found: asyncio.Future[Progress] = asyncio.get_running_loop().create_future()

    def heard(told: Progress) -> None:
        if told["jobId"] == job and not found.done() and (holds(told) or told["status"] in ENDED):
            found.set_result(told)

    sidecar.on("batch:progress", heard)
    # It may have ended before anybody listened.
    heard({**await sidecar.call("batch:get", {"jobId": job}), "jobId": job})
    return await found


async def _look_through(sidecar: Connection, job: str, rows: Sequence[Row]) -> None:
    came = [row async for row in results(sidecar, job)]
    _check(
        sorted(row["rowIndex"] for row in came) == list(range(len(rows))), "a row is missing or there twice"
    )
    _check(all(row["status"] == "success" for row in came), "a row failed")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise DemoFailed(f"This is not as it should be: {what}.")
