"""Sidecars that are killed again and again over one data folder, and what must be true at the end of it all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sidecar.store.columns import from_pico
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.simulator import SimulatorProcess

KILLED = -9
# Two of each vendor, so that a native job has two parts where a part holds one model.
MODELS = {
    "openai": ("openai/gpt-6-luna", "openai/gpt-6.1-terra"),
    "anthropic": ("anthropic/claude-haiku-5-5", "anthropic/claude-sonnet-5-5"),
    "gemini": ("gemini/gemini-3.8-flash", "gemini/gemini-2.5-flash"),
    "grok": ("grok/grok-4.3", "grok/grok-4.3"),
}

# A batch goes on by itself, as a vendor's does, and not only when it is looked at by its id.
GOES_ON = " [[simulate: batch_slow_ms=40]]"


@dataclass
class Lane:
    """One data folder, the sidecars that served it one after the other, and the simulator that outlives them."""

    folder: Path
    simulator: SimulatorProcess
    rows: int = 6
    kills: int = 0
    project: str = ""
    span_ms: int = 0
    submitted: set[str] = field(default_factory=set)
    asked_for: int = 0

    @asynccontextmanager
    async def sidecar(self, crash_at: str | None = None) -> AsyncIterator[SidecarProcess]:
        ordered = {"ABAI_CRASH_AT": crash_at} if crash_at else {}
        environment = quiet_environment(**{**self.simulator.environment, **ordered})
        flags = ["--batch-poll-seconds", "0.02"]
        async with SidecarProcess(command(self.folder, *flags), env=environment, deadline=60) as process:
            yield process

    async def begin(self, provider: str, *, native: bool) -> None:
        """One whole job in peace; how long that takes, start of the process included, is the `span_ms`."""
        began = asyncio.get_running_loop().time()
        async with self.sidecar() as process:
            self.project = (await process.call("project:create", {"name": "P"}))["id"]
            await self.submit(process, provider, native=native)
            await self.settled(process)
            self.span_ms = round(1000 * (asyncio.get_running_loop().time() - began))
            await leave(process)

    async def dies(self, crash_at: str, provider: str, *, native: bool) -> None:
        """Works until the process is killed at that point, with a new job whenever the last one has ended."""
        async with self.sidecar(crash_at) as process:
            try:
                # Every point is reached within a few jobs; the bound is for a point that is never reached.
                for _ in range(50):
                    await self._work(process, provider, native=native)
                raise AssertionError(f"{crash_at} was never reached")
            except (ConnectionError, BrokenPipeError):
                pass
            assert await process.wait() == KILLED
        self.kills += 1

    async def _work(self, process: SidecarProcess, provider: str, *, native: bool) -> None:
        if not await self._unfinished(process):
            await self.submit(process, provider, native=native)
        await self.settled(process)

    async def submit(self, process: SidecarProcess, provider: str, *, native: bool) -> None:
        models = MODELS[provider]
        # A job that was stored before the process died untold is a job all the same, with prompts of its own.
        number = self.asked_for
        self.asked_for += 1
        given = [
            {
                "id": f"r{row}",
                "prompt": f"{self.folder.name} {number} {row}" + (GOES_ON if native else ""),
                "model": models[row % len(models)],
                # Every other row's answer is stored before it is read.
                "jsonMode": not native and row % 2 == 0,
            }
            for row in range(self.rows)
        ]
        params = {"projectId": self.project, "rows": given}
        if native:
            made = await process.call("batch:submit-native", {**params, "providerName": provider})
            self.submitted.add(made["jobId"])
        else:
            made = await process.call("batch:submit", {**params, "start": True})
            self.submitted.add(made["id"])

    async def settled(self, process: SidecarProcess, *, by_a_person: bool = False) -> None:
        """Waits until nothing is under way; `by_a_person`, what was set aside is started again too."""
        async with asyncio.timeout(60):
            while await self._unfinished(process, by_a_person):
                await process.news()

    async def _unfinished(self, process: SidecarProcess, by_a_person: bool = False) -> list[str]:
        listed = await process.call("batch:list", {"projectId": self.project, "limit": 1000})
        waiting = [job for job in listed if job["status"] == "pending"]
        for job in waiting:
            # It was stored, and the process died before it was started: nobody was told of it yet.
            if by_a_person or not job.get("error"):
                try:
                    await process.call("batch:start", {"jobId": job["id"]})
                except RpcError as error:
                    # A vendor is still at work on its rows: it waits for that, and so does who asks.
                    if error.data["kind"] != "conflict":
                        raise
        return [job["id"] for job in listed if job["status"] in ("pending", "processing")]

    async def end(self) -> None:
        async with self.sidecar() as process:
            # What was at work in two deaths in a row waits for a person: batches to be started, rows to be retried.
            await self.settled(process, by_a_person=True)
            for job in await process.call("batch:list", {"projectId": self.project, "limit": 1000}):
                if job["failedRows"]:
                    await process.call("batch:retry-failed", {"jobId": job["id"]})
            await self.settled(process, by_a_person=True)
            await leave(process)

    def read(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "abai.db")) as conn:
            return conn.execute(sql).fetchall()

    def check_rows(self) -> None:
        """Every row of every job has exactly one result, the counters tell the truth, and nothing is left open."""
        jobs = self.read(
            "SELECT id, status, total_rows, completed_rows, failed_rows, cost_pico FROM batch_jobs"
        )
        assert jobs
        assert self.submitted <= {job[0] for job in jobs}
        for job_id, status, total, completed, failed, cost in jobs:
            rows = self.read(
                f"SELECT row_index, status, response, cost_pico FROM batch_results WHERE job_id = '{job_id}'"
            )
            assert (status, completed, failed) == ("completed", total, 0)
            assert sorted(row[0] for row in rows) == list(range(total))
            assert all(row[1] == "success" and row[2] for row in rows)
            assert sum(row[3] for row in rows) == cost
        assert self.read("SELECT 1 FROM ledger WHERE state = 'intent'") == []
        settled = self.read("SELECT row_id FROM ledger WHERE state = 'settled' AND kind <> 'chat'")
        assert sorted(settled) == sorted(self.read("SELECT id FROM batch_results"))

    async def check_native(self, provider: str) -> None:
        """The vendor created each part once, ran each row once, and charged what is written down."""
        self.check_rows()
        ledger = await self.simulator.ledger()
        native = {row[0] for row in self.read("SELECT native_id FROM batch_parts WHERE state = 'collected'")}
        ours = [batch for batch in ledger["batches"] if batch["id"] in native]
        assert {batch["id"] for batch in ours} == native
        custom_ids = Counter(custom_id for batch in ours for custom_id in batch["customIds"])
        known = {row[0] for row in self.read("SELECT custom_id FROM batch_results")}
        assert set(custom_ids) == known
        assert set(custom_ids.values()) == {1}
        prefixes = {custom_id.rpartition("-")[0] for custom_id in known}
        created = [
            batch
            for batch in ledger["batches"]
            if batch["customIds"] and batch["customIds"][0].rpartition("-")[0] in prefixes
        ]
        assert len(created) == len(native)
        charged = sum((Decimal(batch["chargedUSD"]) for batch in ours), Decimal(0))
        ((cost,),) = self.read("SELECT sum(cost_pico) FROM batch_jobs")
        assert charged == from_pico(cost)

    async def check_local(self) -> None:
        """A row was asked for again only where its answer had not been stored, and then its cost is unknown."""
        self.check_rows()
        ledger = await self.simulator.ledger()
        asked = Counter(
            entry["prompt"]
            for entry in ledger["requests"]
            if entry["prompt"].startswith(f"{self.folder.name} ")
        )
        rows = self.read("SELECT prompt, id FROM batch_results")
        unknown = Counter(
            row[0] for row in self.read("SELECT row_id FROM ledger WHERE state IN ('unknown', 'failed')")
        )
        for prompt, row_id in rows:
            assert 1 <= asked[prompt] <= 1 + unknown[row_id], prompt


async def leave(process: SidecarProcess) -> None:
    """Ends a sidecar as Electron does."""
    process.close_stdin()
    assert await process.wait() == 0, "\n".join(process.stderr)
