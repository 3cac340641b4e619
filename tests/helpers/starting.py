"""Processes of the tests: started anew, or forked from one that has loaded `sidecar` already, where that says the same.

What is forked runs the same `__main__` in a process of its own, with its own pipes, signals and exit code: a third of
what a start costs, a thousand times in a run. It has not been through the start of the interpreter. So started anew is
whatever is about that, which a command or an environment says by itself (`may_be_forked`), and what is about the memory
of the process or what it loads, which a test says by the fixture `real_starts`. ABAI_REAL_STARTS=1 starts all anew.
"""

from __future__ import annotations

import array
import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.helpers.fork_server import ENDS
from tests.helpers.launching import SCRIPT

REPOSITORY = Path(__file__).resolve().parents[2]
# What a sidecar of the tests is started with: what it forgets to close is told.
INTERPRETER = {"PYTHONWARNINGS": "error::ResourceWarning"}
FORKED = ("sidecar", "sidecar.cli", "tests.helpers.introducing")
# Read while the interpreter starts, by the loader, the C library, OpenSSL, or a library when it is loaded.
READ_AT_START = (
    *("PYTHON", "LD_", "GLIBC_", "MALLOC_", "LANG", "LC_", "TZ", "OPENSSL_", "SSLKEYLOGFILE"),
    *("AIOHTTP_", "FROZENLIST_", "HTTPX_", "MULTIDICT_", "PROPCACHE_", "PYDANTIC_", "YARL_"),
)
# Of these, what is as good said later.
SAID_LATER = ("PYTHONDONTWRITEBYTECODE",)


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
        self.real = sys.platform != "linux" or bool(os.environ.get("ABAI_REAL_STARTS"))


CHOICE = Choice()


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are read before `__main__`."""
    return {
        name: value
        for name, value in environment.items()
        if value and name.startswith(READ_AT_START) and name not in SAID_LATER
    }


def may_be_forked(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> bool:
    """Whether a fork with this environment is what an interpreter that is started there with it would be."""
    interpreter, flag, module = [*command, "", "", ""][:3]
    return (
        (interpreter, flag) == (sys.executable, "-m")
        and module in FORKED
        # A tree of its own has other modules.
        and (cwd == REPOSITORY or not (cwd / "sidecar").exists())
        and read_at_start(environment) == read_at_start({**os.environ, **INTERPRETER})
    )


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
    if CHOICE.real or not may_be_forked(command, environment, cwd):
        return await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, cwd=cwd
        )
    forked = Forked()
    await forked.begin((stdin, stdout, stderr), command[2:], environment, cwd)
    return forked


class Forked:
    """A process that was forked; it ends like one that was started."""

    def __init__(self) -> None:
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
        fork_server().ask([*ends, theirs.detach()])
        reader, writer = await asyncio.open_connection(sock=ours)
        umask = os.umask(0)
        os.umask(umask)
        asked = {"arguments": [*arguments], "environment": dict(environment), "cwd": str(cwd), "umask": umask}
        writer.write(json.dumps(asked).encode("ascii"))
        writer.write_eof()
        self.pid = await _number(reader)
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


class ForkServer:
    """The server of this process. `ask` gives it the four ends, which are closed here.

    `launcher` is the interpreter of a command that was forked (`tests/helpers/launching.py`).
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="abai-fork-")
        self.launcher, address = (Path(self._folder.name) / name for name in ("python", "socket"))
        said = {"python": sys.executable, "repository": str(REPOSITORY), "address": str(address)}
        self.launcher.write_text(SCRIPT.format(**said), encoding="utf-8")
        self.launcher.chmod(0o700)
        launched = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        launched.bind(str(address))
        launched.listen()
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbers = [theirs.fileno(), launched.fileno()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.fork_server", *map(str, numbers), str(self.launcher)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            env={**os.environ, **INTERPRETER},
            cwd=REPOSITORY,
        )
        theirs.close()
        launched.close()
        atexit.register(self.close)

    def ask(self, ends: Sequence[int]) -> None:
        assert len(ends) == ENDS
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))
        self._asking.sendmsg([b"f"], [rights])
        for end in ends:
            os.close(end)

    def close(self) -> None:
        """End it, and wait for that."""
        self._asking.close()
        self._process.wait()
        self._folder.cleanup()


_servers: list[ForkServer] = []


def fork_server() -> ForkServer:
    """Return the one of this process, started when it is first asked for."""
    if not _servers:
        _servers.append(ForkServer())
    return _servers[0]
