"""What is known of an answer that had begun when the process was killed, or when it ended at once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, HostileServer, claude_events, event, head, serving, stream
from tests.field.lab import KEY, project, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

MODEL = "anthropic/claude-sonnet-5"
EVENTS = list(claude_events("Hello"))
BEGINNING = stream(*EVENTS[:3], keep_open=True)


def kept(data_dir: Path) -> list[tuple[Any, ...]]:
    """What the ledger has: the vendor's id of the answer, the host, and whether the key has a mark."""
    with closing(sqlite3.connect(data_dir / "abai.db")) as conn:
        return conn.execute("SELECT kind, request_id, host, length(key_mark) FROM ledger").fetchall()


async def begun(process: SidecarProcess, server: HostileServer, data_dir: Path) -> None:
    """Wait until the vendor's id is kept, which nothing tells the front end of, and kill the process."""
    await server.requests(1)
    async with asyncio.timeout(60):
        while [row[1] for row in kept(data_dir)] != ["m1"]:
            await asyncio.sleep(0)
    process.kill()
    await process.wait()


async def test_the_vendor_s_id_of_a_killed_answer_is_kept(tmp_path: Path) -> None:
    async with (
        serving(BEGINNING) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        process.start_call("chat:send", {"content": "Why?", "modelId": MODEL})
        await begun(process, server, tmp_path)
    assert kept(tmp_path) == [("chat", "m1", "127.0.0.1", 6)]
    assert KEY.encode() not in (tmp_path / "abai.db").read_bytes()


async def test_the_vendor_s_id_of_a_killed_row_is_kept(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": "Why?", "model": MODEL}]
    async with (
        serving(BEGINNING) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await process.call("batch:submit", {"projectId": await project(process), "rows": rows, "start": True})
        await begun(process, server, tmp_path)
    assert kept(tmp_path) == [("batch", "m1", "127.0.0.1", 6)]


def at_once(*events: dict[str, Any]) -> Answer:
    """An answer that leaves its server in one piece."""
    return Answer([head(200, None, "text/event-stream") + b"".join(map(event, events))])


BROKEN = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


async def test_the_vendor_s_id_of_an_answer_is_kept_that_breaks_off_as_it_begins(tmp_path: Path) -> None:
    async with (
        serving(at_once(EVENTS[0], BROKEN)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        with pytest.raises(RpcError, match="Overloaded"):
            await process.call("chat:send", {"content": "Why?", "modelId": MODEL})
    assert kept(tmp_path) == [("chat", "m1", "127.0.0.1", 6)]


async def test_the_vendor_s_id_of_an_answer_is_kept_that_comes_whole_at_once(tmp_path: Path) -> None:
    async with (
        serving(at_once(*EVENTS)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        answer = await process.call("chat:send", {"content": "Why?", "modelId": MODEL})
    assert answer["content"] == "Hello"
    assert kept(tmp_path) == [("chat", "m1", "127.0.0.1", 6)]
