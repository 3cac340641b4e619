"""The real sidecar as a process, in mock mode or against a simulator of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.helpers.fork_servers import INTERPRETER
from tests.helpers.process import SidecarProcess
from tests.helpers.wire import Framing


def command(data_dir: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "sidecar", "serve", "--data-dir", str(data_dir), *flags]


def mock_command(data_dir: Path, *, pace_ms: int = 0, day: str | None = None) -> list[str]:
    flags = ["--mock", "--mock-pace-ms", str(pace_ms)]
    return command(data_dir, *flags, *(["--mock-day", day] if day else []))


def quiet_environment(**more: str) -> dict[str, str]:
    """The environment without anybody's keys and without the keychain of the machine that runs the tests."""
    kept = {name: value for name, value in os.environ.items() if "KEY" not in name and "BASE_URL" not in name}
    return {**kept, "ABAI_KEY_STORE": "file", **INTERPRETER, **more}


def mock_process(data_dir: Path, **options: Any) -> SidecarProcess:
    """A sidecar in mock mode whose text comes at once."""
    framing = options.pop("framing", "newline")
    return SidecarProcess(mock_command(data_dir, **options), framing=framing, env=quiet_environment())


class SidecarWire:
    """A sidecar process as recordings see it: one message out, one message in, in the order of arrival."""

    def __init__(self, process: SidecarProcess) -> None:
        self._process = process
        self._read = 0

    def send(self, message: Any) -> None:
        self._process.send(message)

    async def next_message(self) -> Any:
        message = await self._process.arrival(self._read)
        self._read += 1
        return message


@asynccontextmanager
async def mock_sidecar(
    data_dir: Path,
    *,
    pace_ms: int = 0,
    day: str | None = None,
    framing: Framing = "newline",
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[SidecarWire]:
    given = mock_command(data_dir, pace_ms=pace_ms, day=day)
    async with SidecarProcess(given, framing=framing, env=env or quiet_environment()) as process:
        yield SidecarWire(process)
        process.close_stdin()
        code = await process.wait()
        assert code == 0, f"the sidecar ended with {code}; stderr:\n" + "\n".join(process.stderr)
