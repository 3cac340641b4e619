"""The real process that checks replies, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sidecar.checker.process import CheckerProcess, NoWorker, Overrun
from sidecar.checker.replies import ReplyChecker
from sidecar.errors import Failure

SLOW = {"properties": {"url": {"pattern": r"^https?:\/\/([\w.-]+\/?)+$"}}}
SLOW_REPLY = '{"url": "https://example.com/articles/a-year-beside-the-northern-sea/list?page=2"}'
PATTERN = {"properties": {"a": {"pattern": "^b$"}}}


def task(text: str, schema: Any = None) -> dict[str, Any]:
    return {"text": text, "schema": schema, "finish": "stop", "value": True}


async def test_nothing_is_started_for_little_work_and_one_process_serves_all_else() -> None:
    process = CheckerProcess()
    checker = ReplyChecker(process)
    try:
        assert await checker.read('{"a": 1}', {"required": ["a"]}) == {"a": 1}
        assert process.pid is None
        assert await checker.read('{"a": "b"}', PATTERN) == {"a": "b"}
        first = process.pid
        with pytest.raises(Failure, match="does not match"):
            await checker.read('{"a": "c"}', PATTERN)
        assert process.pid == first
    finally:
        await checker.close()
    assert process.pid is None


async def test_past_its_time_a_check_is_ended_and_the_next_one_is_done() -> None:
    checker = ReplyChecker()
    try:
        with pytest.raises(Failure, match="longer than 2 seconds") as caught:
            await checker.read(SLOW_REPLY, SLOW)
        assert (caught.value.kind, caught.value.detail) == ("invalid_output", SLOW_REPLY)
        assert await checker.read('{"a": "b"}', PATTERN) == {"a": "b"}
    finally:
        await checker.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no such limit there")
async def test_past_its_memory_a_check_is_ended() -> None:
    checker = ReplyChecker()
    try:
        with pytest.raises(Failure, match="more memory than 256 MB"):
            await checker.read("[" + "1," * 20_000_000 + "1]", None)
    finally:
        await checker.close()


async def test_a_chat_goes_before_the_rows_that_wait() -> None:
    process, done = CheckerProcess(), list[str]()

    async def check(name: str, urgent: bool) -> None:
        await process.run(task("{}"), urgent=urgent)
        done.append(name)

    try:
        rows = [asyncio.ensure_future(check(f"row {number}", False)) for number in range(5)]
        await asyncio.gather(*rows, check("chat", True))
    finally:
        await process.close()
    assert done.index("chat") <= 2


async def test_who_is_cancelled_leaves_no_answer_to_the_next() -> None:
    process = CheckerProcess()
    try:
        await process.run(task("{}"), urgent=True)
        cut = asyncio.ensure_future(process.run(task(SLOW_REPLY, SLOW), urgent=True))
        await asyncio.wait({cut}, timeout=0.1)
        cut.cancel()
        assert (await process.run(task("[1]"), urgent=True)) == {"value": [1]}
    finally:
        await process.close()


async def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(NoWorker):
        await CheckerProcess(["/no/such/program"]).run(task("{}"), urgent=True)


async def test_a_program_that_does_not_answer_is_ended() -> None:
    silent = "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"
    process = CheckerProcess([sys.executable, "-c", silent], wall_seconds=0)
    with pytest.raises(Overrun, match="time"):
        await process.run(task("{}"), urgent=True)
    assert process.pid is None


async def test_the_process_has_no_key_and_ends_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    told = tmp_path / "environment"
    source = (
        "import json, os, sys; "
        f"open({str(told)!r}, 'w').write(json.dumps(dict(os.environ))); "
        "sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read(1)"
    )
    process = CheckerProcess([sys.executable, "-c", source])
    with pytest.raises(Overrun):
        await process.run(task("{}"), urgent=True)
    await process.close()
    assert "sk-secret" not in json.dumps(json.loads(told.read_text()))
