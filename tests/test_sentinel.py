"""A process in which no Python runs any more is ended once it is to end, and left alone before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import pytest

from tests.helpers.fork_servers import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

PROGRAM = """
import ctypes, faulthandler, os, signal, sys, time
from sidecar.sentinel import Sentinel

sentinel = Sentinel.post(ending_seconds=0.2)
faulthandler.register(signal.SIGPROF, all_threads=False, chain=True)
signal.signal(signal.SIGTERM, lambda *_: None)
signal.set_wakeup_fd(sentinel.signals)
sentinel.beat()

def the_culprit():
    # Keeps the lock of the interpreter, as any C code may; a signal wakes it up, and it sleeps again.
    for _ in range(9):
        ctypes.PyDLL(None).sleep(60)

print(os.getpid(), flush=True)
{then}
"""
PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {program!r}])
sys.stdin.read()
"""
PIPE = asyncio.subprocess.PIPE


async def start(source: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=REPOSITORY
    )


@pytest.mark.parametrize("how", ["end of input", "SIGTERM"])
async def test_a_process_that_hangs_in_c_ends_when_it_is_to_end(how: str) -> None:
    process = await start(PROGRAM.format(then="the_culprit()"))
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(60):
        await process.stdout.readline()
        if how == "SIGTERM":
            process.terminate()
        else:
            process.stdin.close()
        assert process.stderr is not None
        told = await process.stderr.read()
        assert await process.wait() == -signal.SIGPROF
    assert b"the_culprit" in told


async def test_a_process_that_hangs_in_c_ends_with_its_parent_although_its_pipe_stays() -> None:
    parent = await start(PARENT.format(program=PROGRAM.format(then="the_culprit()")))
    read = os.dup(parent._transport.get_pipe_transport(0).get_extra_info("pipe").fileno())  # type: ignore[attr-defined]
    assert parent.stdout is not None
    try:
        async with asyncio.timeout(60):
            await parent.stdout.readline()
            parent.kill()
            # Ends when the last process that has it is gone.
            assert await parent.stdout.read() == b""
    finally:
        os.close(read)
        with contextlib.suppress(ProcessLookupError):
            parent.kill()


async def test_a_process_whose_loop_moves_is_left_alone_and_its_sentinel_ends_with_it() -> None:
    moves = "sys.stdin.read()\nfor _ in range(30):\n    sentinel.beat()\n    time.sleep(0.03)"
    process = await start(PROGRAM.format(then=moves))
    async with asyncio.timeout(60):
        _, stderr = await process.communicate(b"")
        assert (await process.wait(), stderr) == (0, b"")
