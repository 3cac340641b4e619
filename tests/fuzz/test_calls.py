"""Calls of every method in one life, with params of the right shapes: no bug of ours, no hang, no exit, no growth."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.fuzz.drawn import drawn
from tests.fuzz.from_schemas import params_of
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import mock_process
from tests.helpers.soak import longer

METHODS = json.loads(
    (Path(__file__).parents[2] / "sidecar" / "contract" / "openrpc.json").read_text(encoding="utf-8")
)["methods"]
# They end the process.
LEFT_OUT = {"exit", "shutdown", "$/cancelRequest"}
# Of each method.
EXAMPLES = longer(6, 40)
GROWTH_BYTES = 128 * 1024 * 1024


async def test_no_call_is_a_bug_of_ours_whatever_its_values(tmp_path: Path) -> None:
    async with mock_process(tmp_path / "data") as process:
        ids = [made async for made in seeded(process)]
        before = process.rss_bytes()
        for method in METHODS:
            if method["name"] not in LEFT_OUT:
                await call_all(process, method, drawn(params_of(method, ids, tmp_path), EXAMPLES))
        assert (await process.call("system:health"))["status"]
        after = process.rss_bytes()
        assert before is None or after is None or after - before < GROWTH_BYTES
        process.close_stdin()
        assert await process.wait() == 0


async def test_no_text_in_the_database_is_a_bug_of_ours(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, where another program or a failing disk has put them, and types that are no text."""
    async with mock_process(tmp_path / "data") as process:
        ids = [made async for made in seeded(process)]
        process.close_stdin()
        await process.wait()
    for broken in ("CAST(x'ff41c3' AS TEXT)", "'{\"a\": '", "''"):
        spoil(tmp_path / "data" / "abai.db", broken)
        async with mock_process(tmp_path / "data") as process:
            for method in METHODS:
                if "list" in method["name"] or ":get" in method["name"] or "stats" in method["name"]:
                    await call_all(process, method, drawn(params_of(method, ids, tmp_path), 4))
            for number, name in enumerate(("data:backup", "data:export")):
                await call(process, name, {"path": str(tmp_path / f"{number}{len(broken)}")})
            await call(process, "data:check", {"full": True})
            assert (await process.call("system:health"))["status"]


async def seeded(process: SidecarProcess) -> Any:
    """Make one of each thing, and give the ids."""
    project = (await process.call("project:create", {"name": "P"}))["id"]
    yield project
    asked = {"content": "Why?", "modelId": "openai/gpt-6-luna"}
    answer = await process.call("chat:send", asked)
    for name in ("id", "turnId", "conversationId"):
        if isinstance(answer.get(name), str):
            yield answer[name]
    rows = [{"id": "r", "prompt": "Why?", "model": "openai/gpt-6-luna"}]
    job = (await process.call("batch:submit", {"projectId": project, "rows": rows, "start": True}))["id"]
    while (await process.notification("batch:progress"))["status"] == "processing":
        pass
    yield job
    talk = (await process.call("conversation:create", {"projectId": project}))["id"]
    added = {"conversationId": talk, "role": "user", "content": "kept"}
    yield talk
    await process.call("messages:add", added)


async def call_all(process: SidecarProcess, method: dict[str, Any], asked: list[Any]) -> None:
    for params in asked:
        await call(process, method["name"], params)


async def call(process: SidecarProcess, name: str, params: Any) -> None:
    code = 0
    try:
        await process.call(name, params)
    except RpcError as error:
        code = error.code
    assert code != -32603, (name, json.dumps(params)[:1000], list(process.stderr)[-3:])


def spoil(database: Path, broken: str) -> None:
    """Put something into each text of each table that is no key, no state and no id, row by row as far as it goes."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        for table, column in texts(conn):
            try:
                conn.execute(f"UPDATE {table} SET {column} = {broken} WHERE {column} IS NOT NULL")
            except sqlite3.Error:  # what the table itself refuses can be in none
                continue


def texts(conn: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = (
        "projects",
        "conversations",
        "messages",
        "batch_jobs",
        "batch_results",
        "ledger",
        "history_rows",
    )
    for table in tables:
        for _, column, kind, _, _, key in conn.execute(f"PRAGMA table_info({table})").fetchall():
            if kind == "TEXT" and not key and not column.endswith("id"):
                yield table, column
