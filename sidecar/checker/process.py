"""The one process that does expensive work: started when it is first needed, killed past a bound, and started anew."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sidecar.checker.bounds import START_SECONDS, WALL_SECONDS

# Hidden: it is for this module alone.
COMMAND = "check"
_LENGTH_BYTES = 4
END_SECONDS = 2.0
# What a program needs in order to start. Keys are no business of this one.
_KEPT = ("PATH", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


class Overrun(Exception):
    """The task was not done. `what` says why: `time`, `memory`, or `bug`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class NoWorker(Exception):
    """The process cannot be started, or does not begin to serve."""


class CheckerProcess:
    """Takes one task at a time, the urgent ones first. Costs nothing before the first one."""

    def __init__(self, command: Sequence[str] | None = None, wall_seconds: float = WALL_SECONDS) -> None:
        self._command = tuple(command) if command is not None else own_command()
        # A little longer than the process gives itself.
        self._wall_seconds = wall_seconds + 1
        self._process: asyncio.subprocess.Process | None = None
        self._urgent = asyncio.Lock()
        self._queue = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process that runs now, None before the first task and after a kill."""
        return None if self._process is None else self._process.pid

    async def run(self, task: Mapping[str, Any], *, urgent: bool) -> dict[str, Any]:
        """Return what came of the task. Raise Overrun when it was given up, NoWorker when there is none."""
        if urgent:
            return await self._exchange(task)
        # Of those that can wait, one at a time stands in the line of the urgent ones.
        async with self._queue:
            return await self._exchange(task)

    async def close(self) -> None:
        """End the process."""
        await self._end()

    async def _exchange(self, task: Mapping[str, Any]) -> dict[str, Any]:
        message = await asyncio.to_thread(_packed, task)
        async with self._urgent:
            process = await self._started()
            try:
                async with asyncio.timeout(self._wall_seconds):
                    answer: dict[str, Any] = json.loads(await _asked(process, message))
            except TimeoutError:
                await self._end()
                raise Overrun("time") from None
            except (OSError, asyncio.IncompleteReadError):
                # It ends by itself; a signal that met it half way would take away the reason of its end.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), END_SECONDS)
                await self._end()
                raise Overrun(_why_ended(process.returncode)) from None
            except BaseException:
                # Whoever comes next must not be given the answer to this.
                await asyncio.shield(self._end())
                raise
            if "gave_up" in answer:
                await self._end()
                raise Overrun(answer["gave_up"])
            return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # It outlives nobody: a pipe of the client's that it held would keep the client waiting.
                stderr=subprocess.DEVNULL,
                env=_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            assert self._process.stdout is not None
            async with asyncio.timeout(START_SECONDS):
                await self._process.stdout.readexactly(1)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as problem:
            await self._end()
            raise NoWorker(str(problem)) from problem
        except BaseException:
            await asyncio.shield(self._end())
            raise
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.stdin is not None:
            process.stdin.close()
        # Reads what is left and lets the transport see the end.
        await process.communicate()


async def _asked(process: asyncio.subprocess.Process, message: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(message)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES), "big")
    return await process.stdout.readexactly(length)


def _packed(task: Mapping[str, Any]) -> bytes:
    body = json.dumps(task).encode("ascii")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def own_command() -> tuple[str, ...]:
    """How this program starts itself for the work: frozen, or from its source."""
    if getattr(sys, "frozen", False):
        return (sys.executable, COMMAND)
    return (sys.executable, "-m", "sidecar", COMMAND)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if not getattr(sys, "frozen", False):
        kept["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    return kept


def _why_ended(code: int | None) -> str:
    import signal

    return "time" if code in (-getattr(signal, "SIGPROF", 0), 1) else "memory"
