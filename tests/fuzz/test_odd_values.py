"""Databases into which another program has written what cannot be there: every method answers, and with a sentence."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import MODEL, ask, batch_rows, conversation, own_models, sidecar
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer

ODD: tuple[Any, ...] = ("text", "", "12", "1.5", "NaN", b"\xff\xfe", b"", None, 1.5, 1e300, -1, "{bad", "[]")
# What a person has: everything else goes by these.
KEPT = (
    "projects",
    "conversations",
    "messages",
    "batch_jobs",
    "batch_results",
    "ledger",
    "settings",
    "app_state",
)
ANSWER = stream(*chat_chunks("Good morning"), "[DONE]")


async def filled(folder: Path) -> None:
    """A database with something in every table of those."""
    async with serving(ANSWER) as server, sidecar(folder, models=own_models(server.url)) as process:
        await ask(process, conversationId=await conversation(process))
        await batch_rows(process, {"prompt": "One", "model": MODEL}, {"prompt": "Two", "model": MODEL})
        await process.call("settings:save", {"key": "jsonMode", "value": False})
        process.close_stdin()
        assert await process.wait() == 0


def loosened(path: Path, tables: Sequence[str] = KEPT) -> list[tuple[str, str]]:
    """Make these tables take anything, as a tool does that edits databases. Return its columns."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA writable_schema=ON")
        for table in tables:
            columns = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
            conn.execute(
                "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
                (f"CREATE TABLE {table} ({_bare(conn, table, columns)})", table),
            )
        conn.execute("PRAGMA writable_schema=RESET")
    with closing(sqlite3.connect(path)) as conn:
        return [
            (table, row[1])
            for table in tables
            for row in conn.execute(f"PRAGMA table_info({table})")
            # The number of a row takes nothing else anywhere.
            if row[2] != "INTEGER"
        ]


def _bare(conn: sqlite3.Connection, table: str, columns: list[str]) -> str:
    keys = {row[1]: row[2] for row in conn.execute(f"PRAGMA table_info({table})") if row[5]}
    unique = {"messages": "id"}.get(table)
    return ", ".join(
        f"{name} {keys[name] if keys.get(name) == 'INTEGER' else 'BLOB'}"
        f"{' PRIMARY KEY' if name in keys else ''}{' UNIQUE' if name == unique else ''}"
        for name in columns
    )


def spoilt(path: Path, columns: list[tuple[str, str]], draw: random.Random) -> list[str]:
    done = []
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for table, column in draw.sample(columns, 3):
            odd = draw.choice(ODD)
            conn.execute(
                f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = (SELECT max(rowid) FROM {table})",
                (odd,),
            )
            done.append(f"{table}.{column} = {odd!r}")
    return done


async def everything(process: SidecarProcess) -> list[str]:
    """Ask all that looks at what is kept; return how each failed that did."""
    failed: list[str] = []

    async def result(method: str, params: Any = ...) -> Any:
        try:
            return await process.call(method, params)
        except RpcError as error:
            failed.append(f"{method}: {error.code} {error} {error.data}")
            return []

    for method in ("settings:load", "system:health", "project:list"):
        await result(method)
    await result("activity:stats", {})
    await result("messages:search", {"query": "morning"})
    for project in await result("project:list"):
        named = {"projectId": project["id"]}
        await result("activity:get", named)
        await result("activity:stats", named)
        for each in await result("conversation:list", named):
            for message in await result("messages:list", {"conversationId": each["id"]}):
                await result("cost:explain", {"messageId": message["id"]})
            await result("chat:send", {"content": "And?", "modelId": MODEL, "conversationId": each["id"]})
        for job in await result("batch:list", {**named, "limit": 100}):
            await result("batch:get", {"jobId": job["id"]})
            await result("batch:get-results", {"jobId": job["id"]})
            await result("cost:explain", {"jobId": job["id"]})
            await result("batch:retry-failed", {"jobId": job["id"]})
    return failed


@pytest.mark.parametrize("seed", range(longer(4, 150)))
async def test_whatever_another_program_wrote_into_the_database_no_method_fails_without_a_sentence(
    seed: int, tmp_path: Path
) -> None:
    await filled(tmp_path)
    columns = loosened(tmp_path / "abai.db")
    draw = random.Random(seed)
    async with serving(ANSWER) as server:
        for _ in range(3):
            done = spoilt(tmp_path / "abai.db", columns, draw)
            async with sidecar(tmp_path, models=own_models(server.url)) as process:
                failed = [*await everything(process), *await everything(process)]
                assert [each for each in failed if "-32603" in each] == [], "\n".join(
                    [*done, *process.stderr]
                )
                process.close_stdin()
                assert await process.wait() == 0


async def test_a_batch_that_ran_when_another_program_spoilt_its_numbers_goes_on_after_the_next_start(
    tmp_path: Path,
) -> None:
    await filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        conn.execute(
            "UPDATE batch_jobs SET status = 'processing', cost_pico = 'dear', completed_rows = 'some'"
        )
        conn.execute("UPDATE batch_results SET status = 'pending', response = NULL, reserve_pico = X'ff'")
        conn.commit()
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await process.call("initialize", {"protocolVersion": "1.0"})
        while (await process.notification("batch:progress"))["status"] != "completed":
            pass
        assert [each for each in await everything(process) if "-32603" in each] == []
