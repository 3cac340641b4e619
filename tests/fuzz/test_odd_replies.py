"""What another program writes into the database while it is open: no reply is other than the contract says."""

from __future__ import annotations

import importlib.resources
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.field.lab import sidecar
from tests.fuzz.test_odd_values import ODD, filled, loosened
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import mock_process
from tests.helpers.soak import longer

CONTRACT = json.loads(importlib.resources.files("sidecar.contract").joinpath("openrpc.json").read_bytes())
RESULTS = {
    each["name"]: Draft202012Validator(each["result"]["schema"])
    for each in CONTRACT["methods"]
    if "result" in each
}
DRAWS = longer(40, 300)
# A number below nought and a word that is none of the contract's are of the right kind: nobody can tell what they were.
WRONG_KINDS = tuple(odd for odd in ODD if not isinstance(odd, str) and odd != -1)


async def replies(process: SidecarProcess) -> list[tuple[str, Any]]:
    """What each method answers that reads what is kept. One that refuses with a sentence is left out."""
    found: list[tuple[str, Any]] = []

    async def result(method: str, **params: Any) -> Any:
        try:
            said = await process.call(method, params or ...)
        except RpcError as refused:
            if refused.code == -32603:
                raise
            return []
        found.append((method, said))
        return said

    await result("settings:load")
    await result("messages:search", query="morning")
    for project in await result("project:list"):
        named = {"projectId": project["id"]}
        await result("activity:get", **named)
        await result("activity:stats", **named)
        for each in await result("conversation:list", **named):
            for message in await result("messages:list", conversationId=each["id"]):
                await result("cost:explain", messageId=message["id"])
        for job in await result("batch:list", **named, limit=100):
            await result("batch:get", jobId=job["id"])
            await result("batch:get-results", jobId=job["id"])
            await result("cost:explain", jobId=job["id"])
    return found


def changed(path: Path, table: str, column: str, value: Any) -> Any:
    """Put something else into the newest row of a table, and return what was there."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as conn:
        # What was set right may still be no UTF-8.
        conn.text_factory = lambda text: text.decode("utf-8", "replace")
        (row,) = conn.execute(f"SELECT max(rowid) FROM {table}").fetchone()
        (old,) = conn.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        conn.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (value, row))
    return old


@pytest.mark.parametrize("seed", range(longer(2, 10)))
async def test_no_value_of_another_kind_in_the_database_goes_out_as_it_is(seed: int, tmp_path: Path) -> None:
    await filled(tmp_path)
    path = tmp_path / "abai.db"
    draw = random.Random(seed)
    columns = [each for each in loosened(path) if each[1] not in ("id", "key")]
    wrong: list[str] = []
    async with sidecar(tmp_path, deadline=200) as process:
        await replies(process)
        for table, column in draw.sample(columns, min(DRAWS, len(columns))):
            odd = draw.choice(WRONG_KINDS)
            old = changed(path, table, column, odd)
            for method, said in await replies(process):
                told = next(RESULTS[method].iter_errors(said), None)
                if told is not None:
                    wrong.append(f"{table}.{column} = {odd!r}: {method} {told.json_path} {told.message[:99]}")
            changed(path, table, column, old)
        process.close_stdin()
        assert await process.wait() == 0
    assert wrong == []


async def test_what_is_written_into_it_after_it_was_looked_through_and_found_sound_is_set_right_too(
    tmp_path: Path,
) -> None:
    await filled(tmp_path)
    path = tmp_path / "abai.db"
    loosened(path)
    async with sidecar(tmp_path) as process:
        # A word of no meaning is a text as any other: the reason is looked for, and none is found.
        changed(path, "batch_jobs", "mode", "strange")
        await replies(process)
        changed(path, "messages", "turn_id", 1.5)
        said = [value for method, value in await replies(process) if method == "messages:list"]
        assert said
        assert {type(each["turnId"]) for each in said[0]} == {str}
        process.close_stdin()
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("table", "column", "odd"),
    [
        ("batch_parts", "rows", "many"),
        ("batch_parts", "submitted_at", 1.5),
        ("batch_parts", "vendor_status", b"\xff"),
        ("batch_jobs", "total_rows", "many"),
        ("batch_jobs", "started_at", "early"),
    ],
)
async def test_what_is_told_of_a_batch_that_runs_at_its_vendor_is_what_the_contract_says(
    table: str, column: str, odd: Any, tmp_path: Path
) -> None:
    async with mock_process(tmp_path) as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        rows = [{"prompt": "Why?", "model": "openai/gpt-6-luna"}]
        await process.call(
            "batch:submit-native", {"projectId": project, "providerName": "openai", "rows": rows}
        )
        loosened(tmp_path / "abai.db", (table,))
        changed(tmp_path / "abai.db", table, column, odd)
        said = await process.call("work:list", {})
        assert [error.message for error in RESULTS["work:list"].iter_errors(said)] == []
        assert len(said["parts"]) == len(said["jobs"]) == 1
