"""What speed rests on and no machine changes: statements a row, tasks a call, modules before the first answer.

Whoever makes one smaller lowers its number; whoever makes one larger says why.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from sidecar.money import pricing
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.inside import Inside, inside

MODEL = "openai/gpt-6-luna"
ROWS = 40
MOST_STATEMENTS_A_ROW = 7.5
# One of them closes the body that the simulator gives, which a network has not.
MOST_TASKS_A_ROW = 4.6
MOST_STATEMENTS_A_MESSAGE = 2
MOST_TASKS_A_CALL = 1
# Its prompt may be written to the vendor's cache, or not.
MOST_PRICINGS_A_QUESTION = 2
MOST_MODULES = 310

_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "--")


async def _result(here: Inside, method: str, **params: Any) -> Any:
    answer = await here.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def _batch(here: Inside) -> Callable[[], Coroutine[Any, Any, object]]:
    """What runs all rows of a batch that has been submitted."""
    project = (await _result(here, "project:create", name="P"))["id"]
    rows = [{"prompt": f"Reply with exactly: {number}", "model": MODEL} for number in range(ROWS)]
    job = (await _result(here, "batch:submit", projectId=project, rows=rows))["id"]

    async def run() -> None:
        await _result(here, "batch:start", jobId=job)
        await here.services.batches.finished(job)

    return run


async def _written(here: Inside, work: Callable[[], Coroutine[Any, Any, object]]) -> list[str]:
    """The statements that the writer carries out for some work, without those around transactions."""
    found: list[str] = []
    await here.services.store.write(lambda conn: conn.set_trace_callback(found.append))
    await work()
    await here.services.store.write(lambda conn: conn.set_trace_callback(None))
    stated = [each for each in found if not each.lstrip().upper().startswith(_TRANSACTIONS)]
    # What a trigger does is told as the statement that set it off once more.
    return [each for before, each in pairwise(["", *stated]) if each != before]


async def test_a_row_of_a_batch_is_written_by_few_statements(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as here:
        found = await _written(here, await _batch(here))
    print(len(found) / ROWS)
    assert len(found) / ROWS <= MOST_STATEMENTS_A_ROW


async def test_a_message_is_added_by_few_statements(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as here:
        project = (await _result(here, "project:create", name="P"))["id"]
        thread = (await _result(here, "conversation:create", projectId=project, name="C"))["id"]

        async def add() -> None:
            await _result(here, "messages:add", conversationId=thread, role="user", content="Hi")

        await add()
        found = await _written(here, add)
    print(len(found))
    assert len(found) <= MOST_STATEMENTS_A_MESSAGE


async def test_a_question_is_priced_once_for_each_way_in_which_it_may_be_charged(tmp_path: Path) -> None:
    priced = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal priced
        priced += event == "call" and frame.f_code is pricing.cost.__code__

    def counted(conn: sqlite3.Connection) -> None:
        sys.setprofile(count)

    def uncounted(conn: sqlite3.Connection) -> None:
        sys.setprofile(None)

    async with inside(tmp_path, day="2026-11-23") as here:
        # What it may cost is reckoned by the writer, which is a thread of its own.
        await here.services.store.write(counted)
        await _result(here, "chat:send", content="Why?", modelId=MODEL)
        await here.services.store.write(uncounted)
    print(priced)
    assert 0 < priced <= MOST_PRICINGS_A_QUESTION


async def _tasks(work: Callable[[], Coroutine[Any, Any, object]]) -> list[str]:
    """What runs as a task of its own while some work is done, by what it runs."""
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> Any:
        # What closes a generator that was left has no name.
        made.append(getattr(coro, "__qualname__", type(coro).__name__))
        return asyncio.Task(coro, loop=loop, **more)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    try:
        await work()
    finally:
        loop.set_task_factory(None)
    return made


async def test_a_small_call_makes_few_tasks(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as here:
        await _result(here, "settings:load")
        made = await _tasks(lambda: _result(here, "settings:load"))
    # The first is the test's own, in place of the reading of the pipe.
    assert made[0] == "Dispatcher.accept"
    assert len(made) - 1 <= MOST_TASKS_A_CALL


async def test_a_row_of_a_batch_makes_few_tasks(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as here:
        made = await _tasks(await _batch(here))
    print(len(made) / ROWS, Counter(made).most_common(8))
    assert len(made) / ROWS <= MOST_TASKS_A_ROW


def test_few_modules_are_loaded_before_the_first_answer(tmp_path: Path) -> None:
    code = "import sys; import sidecar.app; sys.stdout.write(str(len(sys.modules)))"
    command = [
        sys.executable,
        "-I",
        "-c",
        f"sys = __import__('sys'); sys.path.insert(0, {str(REPOSITORY)!r}); {code}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    print(done.stdout)
    assert int(done.stdout) <= MOST_MODULES


def test_a_question_loads_nothing_that_draws_on_a_terminal(tmp_path: Path) -> None:
    question = {"jsonrpc": "2.0", "id": 1, "method": "chat:send"}
    params = {"conversationId": "c", "content": "Why?", "modelId": "openai/gpt-6-luna"}
    command = [sys.executable, "-X", "importtime", "-m", "sidecar", "serve", "--mock", "--data-dir"]
    told = tmp_path / "told.txt"
    with (
        told.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            [*command, str(tmp_path / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=REPOSITORY,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        # Its input ends when it has answered: who leaves before that is waited for a few seconds only.
        process.stdin.write(json.dumps({**question, "params": params}) + "\n")
        process.stdin.flush()
        answer = next(message for message in map(json.loads, process.stdout) if message.get("id") == 1)
    assert "result" in answer
    assert process.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in told.read_text("utf-8").splitlines()}
    assert "httpx" in loaded
    assert {"rich", "click"} & loaded == set()


def test_the_way_out_is_loaded_without_certificates_and_leaves_the_environment_as_it_was() -> None:
    code = (
        "import os; before = dict(os.environ); import sidecar.providers.kernel.network; import aiohttp.connector; "
        "print(aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()['x509'], dict(os.environ) == before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY
    )
    # Windows keeps them elsewhere, and gives them.
    assert done.stdout.split() == ["0", "True"] or sys.platform == "win32"
