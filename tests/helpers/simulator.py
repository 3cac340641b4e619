"""The simulator as a process of its own: it outlives a killed sidecar and remembers what it was asked to run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.helpers.fork_servers import INTERPRETER, REPOSITORY
from tests.helpers.starting import start

DEADLINE_SECONDS = 60.0
FROM_SOURCE = (sys.executable, "-m", "sidecar")


class SimulatorProcess:
    """`environment` is what it told on its first line: base URLs and keys."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._root = environment["OPENAI_BASE_URL"].removesuffix("/v1")

    async def ledger(self) -> dict[str, Any]:
        """What `GET /__simulator/ledger` says."""
        return await asyncio.to_thread(self._fetch)

    def _fetch(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._root}/__simulator/ledger", timeout=DEADLINE_SECONDS) as answer:
            ledger: dict[str, Any] = json.load(answer)
            return ledger


@asynccontextmanager
async def simulator_process(
    pace_ms: int = 0, *, program: Sequence[str] = FROM_SOURCE, cwd: Path = REPOSITORY
) -> AsyncIterator[SimulatorProcess]:
    process = await start(
        [*program, "simulator", "--port", "0", "--pace-ms", str(pace_ms)],
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **INTERPRETER},
        cwd=cwd,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            environment = json.loads(await process.stdout.readline())
        yield SimulatorProcess(environment)
    finally:
        process.terminate()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await process.wait()
