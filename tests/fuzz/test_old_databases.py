"""Databases of the app before the sidecar with anything in any column, which its tables took without a question."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.helpers.process import SidecarProcess
from tests.helpers.soak import longer
from tests.store import old_app

ODD: tuple[Any, ...] = (
    *(
        None,
        0,
        -1,
        2**63 - 1,
        -(2**63),
        1e400,
        -1e400,
        1.5,
        "",
        " ",
        "x",
        b"\xff\xfe",
        b"text",
        "NaN",
        "null",
    ),
    *(
        "2025-01-02T03:04:05Z",
        "2025-01-02 03:04:05",
        "{bad",
        "[]",
        "{}",
        '{"a":1e999}',
        "a\x00b",
        "9" * 400,
        "é",
    ),
    *(1_736_000_000, "1736000000000", "0.0123", "$0.01", "1,5", "-5", "0x10"),
)
STATUSES = ("completed", "running", "failed", "pending", "cancelled")
TABLES = ("projects", "conversations", "messages", "batch_jobs", "batch_results")


def filled(path: Path, draw: random.Random) -> dict[str, int]:
    """A database of which every fourth value is another than it should be. Return how many rows each table has."""

    def one(value: Any, odd: float = 0.25) -> Any:
        return draw.choice(ODD) if draw.random() < odd else value

    def ids(name: str, count: int) -> list[Any]:
        return [one(f"{name}{number}", 0.1) for number in range(count)]

    projects, conversations, jobs = ids("p", 3), ids("c", 6), ids("j", 4)
    at = 1_736_000_000_000
    tables = {
        "projects": [[id_, one("P"), one(""), one("{}"), one(at), one(at)] for id_ in projects],
        "conversations": [
            [id_, one(draw.choice(projects), 0.1), one("C"), one(at), one(at)] for id_ in conversations
        ],
        "messages": [
            [
                *(id_, one(draw.choice(conversations), 0.1), one("user"), one("said"), one("openai")),
                *(one("gpt-4o"), one(0.01), one(5), one(6), one(at)),
            ]
            for id_ in ids("m", 40)
        ],
        "batch_jobs": [
            [
                *(id_, one(draw.choice(projects), 0.1), one("f.csv"), one(draw.choice(STATUSES))),
                *(one(10), one(5), one(5), one(0.1), one(at), one(at)),
            ]
            for id_ in jobs
        ],
        "batch_results": [
            [
                *(id_, one(draw.choice(jobs), 0.1), one(0), one('{"a":1}'), one("Do"), one("Done")),
                *(one("success"), one(0.01), one(3), one(4), one(100), one(None)),
            ]
            for id_ in ids("r", 30)
        ],
    }
    # As the app made them: the values are what they are, whatever the columns are declared as.
    with closing(sqlite3.connect(old_app.make(path, old_app.TABLES))) as conn:
        for table, rows in tables.items():
            for row in rows:
                conn.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        conn.commit()
        return {table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


async def everything(process: SidecarProcess) -> dict[str, int]:
    """Look at all that there is, by the ways that a person has. Return how many of each kind were seen."""
    seen = dict.fromkeys(TABLES, 0)
    listed = await process.call("project:list")
    seen["projects"] = len(listed)
    for project in listed:
        named = {"projectId": project["id"]}
        conversations = await process.call("conversation:list", named)
        seen["conversations"] += len(conversations)
        for each in conversations:
            seen["messages"] += len(await process.call("messages:list", {"conversationId": each["id"]}))
        jobs = await process.call("batch:list", {**named, "limit": 1000})
        seen["batch_jobs"] += len(jobs)
        for job in jobs:
            results = await process.call("batch:get-results", {"jobId": job["id"]})
            seen["batch_results"] += len(results)
        await process.call("activity:get", named)
        await process.call("activity:stats", named)
    await process.call("activity:stats", {})
    await process.call("messages:search", {"query": "said"})
    return seen


@pytest.mark.parametrize("seed", range(longer(6, 200)))
async def test_whatever_an_old_database_holds_is_all_there_and_breaks_nothing(
    seed: int, tmp_path: Path
) -> None:
    before = filled(tmp_path / "abai.db", random.Random(seed))
    async with sidecar(tmp_path) as process:
        seen = await everything(process)
        # Rows without a parent got one: there may be more than there were.
        assert {table: min(before[table], seen[table]) for table in TABLES} == before
        assert (seen["messages"], seen["batch_results"]) == (before["messages"], before["batch_results"])
        assert (await process.call("data:check", {"full": True}))["sound"]
        process.close_stdin()
        assert await process.wait() == 0
