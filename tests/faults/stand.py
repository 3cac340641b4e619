"""A data folder with a planted key before, in and after a fault: what was told as kept, and what the vendor ran."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.fault import Counts
from tests.field import taint
from tests.helpers.process import SidecarProcess
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.simulator import SimulatorProcess, simulator_process

KEY = "k7f3Qz9LmW2pXr8TnB5vYc1HdJ4sGa6"
MODEL = "openai/gpt-6-luna"
# Some pages of the database a question, so that a damage falls into what somebody wrote.
LONG = " northern sea" * 400


@asynccontextmanager
async def planted() -> AsyncIterator[SimulatorProcess]:
    """Run the vendors, and hand out the planted key as that of each."""
    async with simulator_process() as simulator:
        keys = {name: KEY for name in simulator.environment if name.endswith("_API_KEY")}
        yield SimulatorProcess({**simulator.environment, **keys})


def secrets_out(process: SidecarProcess, folder: Path) -> int:
    """Count what the process said and what stands in the folder with a piece of the key in it."""
    return sum(bool(taint.leaks(each, KEY)) for each in taint.said(process)) + len(
        taint.folder_leaks(folder, KEY)
    )


@dataclass
class Stand:
    """`names` and `answers` were told as kept; the sidecars that told it come one after the other."""

    folder: Path
    simulator: SimulatorProcess
    names: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    secrets: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def sidecar(self, *, launcher: Sequence[str] = ()) -> AsyncIterator[SidecarProcess]:
        # On a full disk Python puts compiled modules in place that are cut, and nobody can load them any more.
        environment = quiet_environment(PYTHONDONTWRITEBYTECODE="1", **self.simulator.environment)
        async with SidecarProcess([*launcher, *command(self.folder)], env=environment) as process:
            try:
                yield process
            finally:
                self.secrets += secrets_out(process, self.folder)

    async def begin(self, process: SidecarProcess) -> None:
        """A conversation, and something in it."""
        project = await process.call("project:create", {"name": "The first"})
        self.names.add("The first")
        await process.call("conversation:create", {"id": "c", "projectId": project["id"], "name": "Sea"})
        for _ in range(4):
            await self.work(process)

    async def work(self, process: SidecarProcess) -> None:
        """A project is made and a question asked, each counted once it was told as kept. Raises RpcError."""
        number = next(self._numbers)
        await process.call("project:create", {"name": f"Project {number}", "description": LONG})
        self.names.add(f"Project {number}")
        await self.ask(process)

    async def ask(self, process: SidecarProcess) -> None:
        number = next(self._numbers)
        question = {"content": f"Question {number}?{LONG}", "modelId": MODEL, "conversationId": "c"}
        self.answers.add((await process.call("chat:send", question))["id"])

    async def ran(self) -> int:
        """How many requests the vendor has run, or is running."""
        return sum(entry["state"] != "refused" for entry in (await self.simulator.ledger())["requests"])

    async def counts(self, process: SidecarProcess, times: int) -> Counts:
        """Look for everything that was told as kept, and hold the vendor's ledger against the sidecar's."""
        names = {each["name"] for each in await process.call("project:list")}
        kept = await process.call("messages:list", {"conversationId": "c", "limit": 1000})
        gone = len(self.names - names) + len(self.answers - {message["id"] for message in kept})
        run = [entry for entry in (await self.simulator.ledger())["requests"] if entry["state"] != "refused"]
        with closing(sqlite3.connect(self.folder / "abai.db")) as conn:
            ((booked,),) = conn.execute("SELECT count(*) FROM ledger")
        again = sum(times - 1 for times in Counter(entry["promptSha256"] for entry in run).values())
        return Counts(
            times=times,
            kept=len(self.names) + len(self.answers),
            lost=gone + max(0, len(run) - booked),
            paid=len(run),
            paid_twice=again,
            secrets=self.secrets + secrets_out(process, self.folder),
        )
