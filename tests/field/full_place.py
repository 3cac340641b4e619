"""A sidecar whose data lie on a disk that is full from a certain write on, beside played vendors."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.field.full_disk import FullDisk
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.simulator import SimulatorProcess, simulator_process
from tests.helpers.soak import longer

# What is told of it has one of these.
FULL = ("disk is full", "Free some space")
# Where a call writes more than so often, only some of its writes are refused: from the first on, ever further apart.
EACH = longer(8, 40)


def writes() -> Iterator[int]:
    """Which write of a call is refused first, in the order in which that is tried: ever further apart."""
    yield from range(1, EACH)
    at = float(EACH)
    while True:
        yield int(at)
        at *= 1.4


@dataclass
class Place:
    disk: FullDisk
    data: Path
    # On another disk, which has room.
    scratch: Path
    simulator: SimulatorProcess

    @asynccontextmanager
    async def sidecar(self) -> AsyncIterator[SidecarProcess]:
        environment = quiet_environment(**self.simulator.environment, **self.disk.environment)
        flags = ["--batch-poll-seconds", "0.02"]
        async with SidecarProcess(command(self.data, *flags), env=environment, deadline=60) as process:
            yield process

    def read(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.data / "abai.db")) as conn:
            return conn.execute(sql).fetchall()

    async def ran(self) -> Counter[str]:
        return Counter(entry["prompt"] for entry in (await self.simulator.ledger())["requests"])


@asynccontextmanager
async def place_of(tmp_path: Path) -> AsyncIterator[Place]:
    """The folder of a full disk, and played vendors. Skips the test where writes cannot be refused."""
    disk = FullDisk(tmp_path / "disk", tmp_path / "scratch")
    (tmp_path / "disk").mkdir()
    async with simulator_process() as simulator:
        yield Place(disk, tmp_path / "disk" / "data", tmp_path / "scratch", simulator)


async def told(process: SidecarProcess, method: str, params: Any) -> Any:
    """The result, or what is told of a disk that is full: a sentence that says so. Raises any other error."""
    try:
        return await process.call(method, params)
    except RpcError as error:
        if error.data["kind"] != "storage_error" or not any(each in error.message for each in FULL):
            raise
        return error
