"""Local batches on a real store, with a provider that answers each prompt as the test says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sidecar.batch.local.engine import Engine
from sidecar.batch.local.row_runner import RowRunner
from sidecar.batch.progress import Progress
from sidecar.batch.submission import BatchSubmission
from sidecar.chat.prepare import RequestPreparer
from sidecar.checker.replies import ReplyChecker
from sidecar.contract.settings import DEFAULTS
from sidecar.core import Core
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.key_stores import MemoryKeys
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import ChatRequest, Done, Event, PreparedCall, Provider, TextDelta, Usage
from sidecar.providers.batches import BatchAdapter
from sidecar.providers.kernel.limits import KeyLimiters
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.settings import Settings
from sidecar.spending.dear_tiers import DearTiers
from sidecar.spending.free_searches import FreeSearchCounts
from sidecar.spending.intent import KeyMarks
from sidecar.spending.recovery import after_a_run
from sidecar.store import job_rows, jobs, ledger_sums, projects
from sidecar.store.database import Database
from sidecar.store.job_records import Job, JobRow
from sidecar.store.records import LedgerEntry
from sidecar.store.store import Store
from tests.helpers.asking import Clock, all_entries, ids

MODEL = "openai/gpt-4o"
# 1,000 tokens in and 200 out of gpt-4o: 0.0025 + 0.002 dollars.
USAGE = Usage(in_uncached=1_000, out_visible=200, prompt_total=1_000)
COST_USD = Decimal("0.0045")

Step = Event | Exception | asyncio.Event
Script = Callable[[str], Sequence[Step]]


def answers(*before: Step, text: str = "An answer.", usage: Usage | None = USAGE) -> list[Step]:
    """A whole answer, after what is waited for or came before."""
    return [*before, TextDelta(text), Done("stop", usage)]


@dataclass
class PromptedProvider:
    """Plays a script for each prompt. `retried` prompts are refused that often first, as `http.py` would see it."""

    name: str = "openai"
    script: Script = field(default=lambda prompt: answers())
    sent: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    refused_first: Mapping[str, int] = field(default_factory=dict)

    def plan(self, request: ChatRequest) -> PreparedCall:
        return PreparedCall("/chat", {}, {"request": request}, max_output_tokens=request.max_output_tokens)

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        prompt, pace = plan.body["request"].turns[-1].text, pacer
        assert pace is not None, "a row of a batch is sent at a pace"
        for _ in range(self.refused_first.get(prompt, 0)):
            await pace.enter()
            self.sent.append(prompt)
            pace.observe(429, {}, None)
            pace.back_off(500, "rate_limited")
        await pace.enter()
        self.sent.append(prompt)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.begun.set()
        try:
            for step in self.script(prompt):
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.in_flight -= 1

    async def validate_key(self, key: str) -> str | None:
        return None


class Only:
    """Whoever is asked for, this one answers."""

    def __init__(self, provider: PromptedProvider) -> None:
        self._provider = provider

    def get(self, name: str, base_url: str | None = None) -> Provider:
        return self._provider

    def names(self) -> tuple[str, ...]:
        return (self._provider.name,)

    def host(self, name: str, base_url: str | None = None) -> str:
        return f"{name}.example"

    def tells_costs(self, name: str) -> bool:
        return False

    def needs_key(self, name: str) -> bool:
        return True

    def batch(self, name: str) -> BatchAdapter:
        raise Failure("unsupported", f"{name} has no batches.")

    def batch_hours(self, name: str) -> int | None:
        return 24


@dataclass
class Works:
    """Everything a test of batches looks at. `told` is the progress, `rows_told` the rows that were announced."""

    store: FullDisk
    intake: BatchSubmission
    engine: Engine
    provider: PromptedProvider
    settings: Settings
    keys: Keys
    clock: Clock
    told: list[Progress]
    rows_told: list[JobRow]
    refused_keys: list[str]

    async def submit(self, *prompts: str, model: str = MODEL, **each: Any) -> Job:
        rows = [{"prompt": prompt, "model": model, **each} for prompt in prompts]
        return await self.intake.submit("p", rows, "rows.csv")

    async def ended(self, job_id: str) -> Job:
        """Waits until the job runs no more."""
        async with asyncio.timeout(60):
            await self.engine.finished(job_id)
        return await self.job(job_id)

    async def ran(self, job: Job, **options: Any) -> Job:
        await self.engine.start(job.id, **options)
        return await self.ended(job.id)

    async def job(self, job_id: str) -> Job:
        found = await self.store.read(jobs.get, job_id)
        assert found is not None
        return found

    async def rows(self, job_id: str) -> list[JobRow]:
        return await self.store.read(job_rows.page, job_id)

    async def statuses(self, job_id: str) -> list[str]:
        return [row.status for row in await self.rows(job_id)]

    async def entries(self) -> list[LedgerEntry]:
        return await self.store.read(all_entries)

    async def reserved(self) -> Decimal:
        return await self.store.read(ledger_sums.reserved)


T = TypeVar("T")


class FullDisk(Store):
    """A store whose disk takes nothing while it is `full`."""

    full = False
    refused = 0

    async def write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self.full:
            self.refused += 1
            raise Failure("storage_error", "The disk is full. Free some space and try again.", retryable=True)
        return await super().write(fn, *args, **kwargs)


@asynccontextmanager
async def works(
    folder: Path,
    *,
    keys: Mapping[str, str] | None = None,
    provider: PromptedProvider | None = None,
    checker: ReplyChecker | None = None,
) -> AsyncIterator[Works]:
    """An engine whose database is in `folder`, with a project "p". Leaving the block stops it in order."""
    clock, provider, refused = Clock(), provider or PromptedProvider(), list[str]()
    store = FullDisk(lambda: Database.open(folder / "abai.db", now_ms=clock))
    settings = Settings(store, DEFAULTS, clock)
    saved = MemoryKeys({"openai": "sk-test-key-1234"} if keys is None else dict(keys))
    told, rows_told = list[Progress](), list[JobRow]()
    known = Keys(saved, {}, {})
    checker, catalogue = checker or ReplyChecker(), Catalogue.load()
    core = Core(
        store=store,
        catalogue=catalogue,
        providers=Only(provider),
        keys=known,
        settings=settings,
        checker=checker,
        session=CurrentProject(store, ids("project"), clock),
        now_ms=clock,
        new_id=ids(f"id-{id(store)}"),
        on_invalid_key=refused.append,
        free_searches=FreeSearchCounts(store, settings, catalogue),
        dear_tiers=DearTiers(store, clock),
        key_marks=KeyMarks(store),
    )
    engine = Engine(
        core=core,
        runner=RowRunner(core=core, preparer=RequestPreparer(core), limiters=KeyLimiters(clock)),
        notify=told.append,
        notify_row=lambda job_id, row: rows_told.append(row),
    )
    intake = BatchSubmission(core)
    await store.write(after_a_run, clock())
    engine.resumption.begin()
    try:
        await store.write(_project)
        yield Works(store, intake, engine, provider, settings, known, clock, told, rows_told, refused)
    finally:
        await engine.close(0)
        await checker.close()
        await store.close()


def _project(conn: sqlite3.Connection) -> None:
    if projects.get(conn, "p") is None:
        projects.create(conn, "p", "Project", now=0)
