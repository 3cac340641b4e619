"""Processes of the tests: started anew, or forked from one that has loaded `sidecar` already, where that says the same.

What is forked runs the same `__main__` in a process of its own, with its own pipes, signals and exit code: a third of
what a start costs, a thousand times in a run. It has not been through the start of the interpreter. So started anew is
whatever is about that, which a command or an environment says by itself (`server_for`), and what is about the memory
of the process or what it loads, which a test says by the fixture `real_starts`. ABAI_REAL_STARTS=1 starts all anew.
What is started often in one other way, such as with a library laid before the system's, is forked from one that was.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.helpers.fork_servers import REPOSITORY, SERVERS, ForkServer
from tests.helpers.launching import HANDED_ON

FORKED = ("sidecar", "sidecar.cli", "tests.helpers.introducing")


class Running(Protocol):
    """What `asyncio.subprocess.Process` is to the tests."""

    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...
    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]: ...  # noqa: A002


class Choice:
    """Whether anything is forked now. The fixture `real_starts` sets it for a test."""

    def __init__(self) -> None:
        self.real = bool(os.environ.get("ABAI_REAL_STARTS")) or not _can_wait_for_forks()


def _can_wait_for_forks() -> bool:
    """On Linux alone, and there not in every container."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


CHOICE = Choice()


def server_for(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> ForkServer | None:
    """Return whose fork is what an interpreter that is started so would be, None where it is to be started anew."""
    interpreter, flag, module = [*command, "", "", ""][:3]
    # A tree of its own has other modules.
    elsewhere = cwd != REPOSITORY and (cwd / "sidecar").exists()
    if CHOICE.real or (interpreter, flag) != (sys.executable, "-m") or module not in FORKED or elsewhere:
        return None
    return SERVERS.of(environment)


async def start(
    command: Sequence[str],
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path = REPOSITORY,
) -> Running:
    """Start a process; the streams are as for `asyncio.create_subprocess_exec`: PIPE, DEVNULL, or None for ours."""
    environment = dict(os.environ if env is None else env)
    server = server_for(command, environment, cwd)
    if server is None:
        return await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, cwd=cwd
        )
    forked = Forked(server)
    await forked.begin((stdin, stdout, stderr), command[2:], environment, cwd)
    return forked


class Forked:
    """A process that was forked; it ends like one that was started."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self.pid = 0
        self.returncode: int | None = None

    async def begin(
        self,
        streams: tuple[int | None, ...],
        arguments: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
    ) -> None:
        """Ask for it, and wait until it is there."""
        ours, theirs = socket.socketpair()
        ends = [await self._end(number, stream) for number, stream in enumerate(streams)]
        self._server.ask([*ends, theirs.detach()])
        reader, writer = await asyncio.open_connection(sock=ours)
        umask = os.umask(0)
        os.umask(umask)
        ignored = [number for number in HANDED_ON if signal.getsignal(number) is signal.SIG_IGN]
        asked = {
            "arguments": [*arguments],
            "environment": dict(environment),
            "cwd": str(cwd),
            "umask": umask,
            "ignored": ignored,
        }
        writer.write(json.dumps(asked).encode("ascii"))
        writer.write_eof()
        self.pid = await _number(reader)
        self._server.running += 1
        self._ending = asyncio.create_task(self._end_comes(reader, writer))

    async def _end(self, number: int, stream: int | None) -> int:
        """Return the process's end of one of its streams, and keep ours."""
        if stream is None:
            return os.dup(number)
        if stream == subprocess.DEVNULL:
            return os.open(os.devnull, os.O_RDWR)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        if number == 0:
            # As asyncio gives it, and Node: the process sees at once that it is closed.
            to_it, its = socket.socketpair()
            transport, protocol = await loop.connect_write_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), to_it
            )
            self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
            return its.detach()
        out, into = os.pipe()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb", 0))
        if number == 1:
            self.stdout = reader
        else:
            self.stderr = reader
        return into

    async def _end_comes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            self.returncode = await _number(reader)
        finally:
            self._server.running -= 1
            writer.close()
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        """Raise ProcessLookupError when it has ended, as asyncio's does."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]:  # noqa: A002
        """Return all of its output and of its errors."""
        (_, out, err, _) = await asyncio.gather(
            self._give(input), _all_of(self.stdout), _all_of(self.stderr), self.wait()
        )
        return out, err

    async def _give(self, given: bytes | None) -> None:
        if self.stdin is None:
            return
        try:
            self.stdin.write(given or b"")
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            # It did not want to read it.
            pass
        self.stdin.close()


async def _all_of(reader: asyncio.StreamReader | None) -> bytes:
    return b"" if reader is None else await reader.read()


async def _number(reader: asyncio.StreamReader) -> int:
    line = await reader.readline()
    if not line:
        raise AssertionError(
            "what the sidecars of the tests are forked from has ended (tests/helpers/fork_server.py)"
        )
    return int(line)
