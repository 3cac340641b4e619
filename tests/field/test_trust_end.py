"""Whoever waits, and whatever hangs: the real process answers for its health and ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.lab import SILENT, sidecar
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.wire import request

MANY = 10_002


@field("trust", "`system:health` answers within 5 s, or is told that it is too much")
@field("trust", "stdin's end ends the process within 15 s")
async def test_ten_thousand_who_wait_keep_neither_the_health_nor_the_end_waiting(tmp_path: Path) -> None:
    async with sidecar(tmp_path, keychain=SILENT) as process:
        await process.call("system:health")
        for _ in range(MANY):
            process.start_call("settings:load", {"key": "allKeys"})
        # Nobody waits a minute beside a busy loop; a machine that has other things to do may take seconds.
        async with asyncio.timeout(30):
            assert (await process.call("system:health"))["status"] == "ok"
        process.close_stdin()
        async with asyncio.timeout(60):
            assert await process.wait() == 0


# Keeps the lock of the interpreter, as a pattern or any other C code may.
IN_C = """
def get_password(self, service, name, *password):
    import ctypes
    from pathlib import Path
    Path(__file__).with_name("hangs").touch()
    ctypes.PyDLL(None).sleep(60)
set_password = delete_password = get_password
"""


@pytest.mark.skipif(sys.platform == "win32", reason="every signal ends a process there at once")
async def test_a_process_in_which_no_python_runs_ends_within_five_seconds_and_says_where(
    tmp_path: Path,
) -> None:
    async def ends(how: str) -> None:
        async with sidecar(tmp_path / how, keychain=IN_C, deadline=60) as process:
            await process.call("system:health")
            process.start_call("settings:load", {"key": "allKeys"})
            async with asyncio.timeout(60):
                while not (tmp_path / how / "hangs").exists():
                    await asyncio.sleep(0.01)
            if how == "SIGTERM":
                process.terminate()
            else:
                process.close_stdin()
            # Far more than five seconds, for a busy machine, and far less than the minute for which it hangs.
            async with asyncio.timeout(60):
                assert await process.wait() == -signal.SIGPROF
            assert any("get_password" in line for line in process.stderr)

    await asyncio.gather(ends("SIGTERM"), ends("end of input"))


async def test_an_exit_behind_answers_that_nobody_reads_ends_the_process_within_five_seconds(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        command(tmp_path, "--mock"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=quiet_environment(),
        cwd=REPOSITORY,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked = json.dumps(request("models:get-all", ..., 1)).encode() + b"\n"
        process.stdin.write(asked)
        process.stdin.flush()
        answer = await asyncio.to_thread(process.stdout.readline)
        # Four times what may wait for a client before nothing more is taken from it. It is open to the end.
        many = asked * (32 * 1024 * 1024 // len(answer) + 1)
        many += (json.dumps(request("system:health", ..., 2)).encode() + b"\n") * 1_000
        await asyncio.to_thread(process.stdin.write, many + b'{"jsonrpc": "2.0", "method": "exit"}\n')
        process.stdin.flush()
        try:
            # Far more than five seconds, for a busy machine, and far less than for ever.
            assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            process.kill()


async def test_a_second_app_is_told_which_process_holds_the_folder(tmp_path: Path) -> None:
    async with sidecar(tmp_path) as first:
        await first.call("project:list")
        async with sidecar(tmp_path) as second:
            with pytest.raises(RpcError, match=f"process {first.pid}, since 20"):
                await second.call("project:list")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for the orphan in /proc")
async def test_an_orphan_ends_although_somebody_else_holds_its_pipe(tmp_path: Path) -> None:
    """The parent starts the sidecar, keeps the pipe open in a child of its own, and is killed."""
    read, write = os.pipe()
    parent = (
        "import json, os, subprocess, sys\n"
        f"started = subprocess.Popen({command(tmp_path)!r}, stdin={read}, stdout=subprocess.DEVNULL)\n"
        "print(json.dumps(started.pid), flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=[read],
        env=quiet_environment(),
        cwd=REPOSITORY,
    )
    os.close(read)
    try:
        assert process.stdout is not None
        orphan = json.loads(await process.stdout.readline())
        os.write(write, b'{"jsonrpc": "2.0", "id": 1, "method": "project:list"}\n')
        async with asyncio.timeout(60):
            while not (tmp_path / "abai.db").exists():
                await asyncio.sleep(0)
        process.kill()
        await process.wait()
        async with asyncio.timeout(10):
            while is_running(orphan):
                await asyncio.sleep(0)
    finally:
        os.close(write)


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended; one that nobody asks after any more has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
