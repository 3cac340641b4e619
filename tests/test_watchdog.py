"""A process whose loop does not move is ended, in whatever way it hangs, and says where."""

from __future__ import annotations

import asyncio
import signal
import sys
from textwrap import dedent

import pytest

from sidecar.watchdog import time_left
from tests.helpers.fork_servers import REPOSITORY

# Any of them takes many minutes, or for ever.
IN_C = 'import re; re.match("(a+)+$", "a" * 60 + "?")'
IN_PYTHON = "while True: pass"
WAITING = "import threading; threading.Event().wait()"
PROGRAM = """
import asyncio, sys
from sidecar.watchdog import Watchdog

def the_culprit():
    {how}

async def main():
    watchdog = Watchdog(beat_seconds=0.05, serving_cpu_seconds=1, ending_seconds=0.5)
    asyncio.create_task(watchdog.watch())
    await asyncio.sleep(0.2)
    {before}
    print("hangs", flush=True)
    {then}

asyncio.run(main())
"""


async def run(how: str, before: str = "pass", then: str = "the_culprit()") -> tuple[int, str]:
    """The exit code and what was written to stderr."""
    source = dedent(PROGRAM).format(how=how, before=before, then=then)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdout=pipe, stderr=pipe, cwd=REPOSITORY
    )
    try:
        async with asyncio.timeout(60):
            _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return int(process.returncode or 0), stderr.decode()


@pytest.mark.parametrize("how", [IN_C, IN_PYTHON, WAITING], ids=["in C", "in Python", "waiting"])
async def test_a_loop_that_hangs_while_the_process_is_to_end_ends_it(how: str) -> None:
    code, stderr = await run(how, before="watchdog.ending()")
    assert code == 1
    assert "the_culprit" in stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no processor time is counted there")
@pytest.mark.parametrize("how", [IN_C, IN_PYTHON], ids=["in C", "in Python"])
async def test_a_loop_that_computes_for_ever_is_ended_while_it_serves(how: str) -> None:
    code, stderr = await run(how)
    assert code == -signal.SIGPROF
    assert "the_culprit" in stderr


async def test_a_loop_that_moves_is_left_alone() -> None:
    code, stderr = await run("pass", then="await asyncio.sleep(0.3)")
    assert (code, stderr) == (0, "")


async def test_a_loop_that_moves_ends_in_time_all_the_same() -> None:
    code, stderr = await run("pass", before="watchdog.ending()", then="await asyncio.Event().wait()")
    assert code == 0
    assert "what was still running" in stderr


@pytest.mark.parametrize(("since_beat", "left"), [(0.9, 4.6), (2.0, 4.6), (3.0, 1.6), (60.0, 0.0)])
def test_a_busy_loop_that_sees_the_end_of_its_input_late_has_the_time_that_is_left(
    since_beat: float, left: float
) -> None:
    assert time_left(4.6, since_beat, beat_seconds=1.0) == pytest.approx(left)


async def test_a_process_whose_input_has_ended_ends_in_time() -> None:
    code, stderr = await run("pass", before="watchdog.input_ended()", then="await asyncio.Event().wait()")
    assert code == 0
    assert "what was still running" in stderr
