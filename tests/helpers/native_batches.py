"""Native batches on a real store, with a vendor that loses answers, forgets and dawdles as the test says."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sidecar.batch.native.service import NativeBatches
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
from sidecar.providers.base import Done, PreparedCall, Usage
from sidecar.providers.batches import (
    BatchAdapter,
    BatchLimits,
    BatchPart,
    BatchResult,
    BatchState,
    Ending,
    LookupResult,
)
from sidecar.settings import Settings
from sidecar.spending.dear_tiers import DearTiers
from sidecar.spending.free_searches import FreeSearchCounts
from sidecar.spending.intent import KeyMarks
from sidecar.spending.recovery import after_a_run
from sidecar.store import job_rows, jobs, projects, vendor_batches
from sidecar.store.database import Database
from sidecar.store.job_records import Job, JobRow, LimitName, VendorBatch
from sidecar.store.records import LedgerEntry
from tests.helpers.asking import Clock, all_entries
from tests.helpers.local_batches import Only, PromptedProvider
from tests.helpers.watched_store import WatchedStore

P = ParamSpec("P")
T = TypeVar("T")

MODEL = "openai/gpt-4o"
USAGE = Usage(in_uncached=1_000, out_visible=200, prompt_total=1_000)


@dataclass
class Held:
    """A batch as the vendor has it."""

    id: str
    tag: str
    rows: dict[str, str]
    checks: int = 0
    cancelled: bool = False


def answer(custom_id: str, prompt: str) -> BatchResult:
    return BatchResult(custom_id, f"Re: {prompt}", done=Done("stop", USAGE, "gpt-4o"))


@dataclass
class Vendor:
    """A `BatchAdapter`. Lists of problems are used up, one a call; None lets a call pass.

    A problem of `create` is ("lost" | "cut" | "doubled" | "refused", what is raised): a lost one was never created, a
    doubled one twice, by something on the way that sends again what was not answered.
    """

    name: str = "openai"
    limits: BatchLimits = field(default_factory=lambda: BatchLimits(rows=100, bytes=1_000_000))
    outcome: Callable[[str, str], BatchResult | None] = answer
    checks_to_end: int = 1
    checks_to_results: int = 1
    word_at_end: str = "completed"
    error: str | None = None
    counts: bool = True
    no_room: list[bool] = field(default_factory=list)
    certain: bool = True
    forgetful: bool = False
    held: dict[str, Held] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    create_problems: list[tuple[str, Exception] | None] = field(default_factory=list)
    upload_problems: list[Exception | None] = field(default_factory=list)
    find_problems: list[Exception | None] = field(default_factory=list)
    check_problems: list[Exception | None] = field(default_factory=list)
    cancel_problems: list[Exception | None] = field(default_factory=list)
    cut_results_after: list[int] = field(default_factory=list)
    hang_at: str | None = None
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    look: Callable[[str], None] | None = None
    numbers: Any = field(default_factory=itertools.count)

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        return json.dumps([custom_id, plan.body["request"].turns[-1].text]).encode()

    async def upload(self, key: str, part: BatchPart) -> str | None:
        await self._called("upload")
        _raise(self.upload_problems)
        return f"file-{next(self.numbers)}"

    async def create(self, key: str, part: BatchPart) -> BatchState:
        await self._called("create")
        how, problem = (self.create_problems.pop(0) if self.create_problems else None) or ("", None)
        if how not in ("lost", "refused"):
            held = Held(
                f"batch-{next(self.numbers)}", part.tag, dict(json.loads(line) for line in part.lines)
            )
            assert list(held.rows) == list(part.custom_ids)
            self.held[held.id] = held
            self.created.append(part.tag)
            if how == "doubled":
                twin = Held(f"batch-{next(self.numbers)}", part.tag, held.rows)
                self.held[twin.id] = twin
        if problem is not None:
            raise problem
        await self._called("created")
        return self._state(held)

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        await self._called("find")
        _raise(self.find_problems)
        ours = [] if self.forgetful else [held for held in self.held.values() if held.tag == part.tag]
        if not ours:
            return LookupResult(None, self.certain, "It is not in the list.")
        states = [self._state(held) for held in ours]
        return LookupResult.one_of(states, states[0], f"There are {len(ours)}.")

    async def check(self, key: str, native_id: str) -> BatchState:
        await self._called("check")
        _raise(self.check_problems)
        self.held[native_id].checks += 1
        return self._state(self.held[native_id])

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        await self._called("results")
        cut = self.cut_results_after.pop(0) if self.cut_results_after else None
        rows = list(self.held[state.native_id].rows.items())
        for number, (custom_id, prompt) in enumerate(reversed(rows)):
            if number == cut:
                raise Failure("provider_unavailable", "The results broke off.", retryable=True)
            came = self.outcome(custom_id, prompt)
            if came is not None:
                yield came
        await self._called("results-read")

    async def cancel(self, key: str, native_id: str) -> None:
        await self._called("cancel")
        _raise(self.cancel_problems)
        self.held[native_id].cancelled = True

    def _state(self, held: Held) -> BatchState:
        ended = held.cancelled or held.checks >= self.checks_to_end
        word = "cancelled" if held.cancelled else self.word_at_end if ended else "in_progress"
        return BatchState(
            held.id,
            word,
            ended=ended,
            results_ready=ended and held.checks >= self.checks_to_results,
            total=len(held.rows),
            completed=0 if self.error else len(held.rows) if self.counts else None,
            error=self.error if ended else None,
            ending=_ENDINGS.get(word) if ended else None,
            no_room=ended and bool(self.no_room) and self.no_room.pop(0),
        )

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.look is not None:
            self.look(name)
        if self.hang_at == name:
            self.hanging.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


_ENDINGS: Mapping[str, Ending] = {
    "completed": "completed",
    "failed": "refused",
    "cancelled": "cancelled",
    "expired": "expired",
}


def _raise(problems: list[Exception | None]) -> None:
    problem = problems.pop(0) if problems else None
    if problem is not None:
        raise problem


class OnlyVendor(Only):
    """The batch API of `openai` is this one; nobody else has one."""

    def __init__(self, provider: PromptedProvider, vendor: BatchAdapter) -> None:
        super().__init__(provider)
        self._vendor = vendor

    def batch(self, name: str) -> BatchAdapter:
        if name != self._vendor.name:
            raise Failure("unsupported", f"{name} has no batches.")
        return self._vendor


@dataclass
class NativeWorks:
    """Everything a test of native batches looks at. `waits` are the seconds between visits."""

    store: WatchedStore
    native: NativeBatches
    intake: BatchSubmission
    vendor: Vendor
    settings: Settings
    clock: Clock
    told: list[Progress]
    rows_told: list[JobRow]
    refused_keys: list[str]
    waits: list[float]

    async def submit(self, *prompts: str, model: str = MODEL, **each: Any) -> Job:
        rows = [{"prompt": prompt, "model": model, **each} for prompt in prompts]
        job, _ = await self.native.submit("p", rows, "openai", "rows.csv")
        return job

    async def until(self, job_id: str, wanted: Callable[[Job], bool]) -> Job:
        async def seen() -> bool:
            return wanted(await self.job(job_id))

        await self.store.until(seen)
        return await self.job(job_id)

    async def ended(self, job_id: str) -> Job:
        """The job, once nothing of it is at the vendor any more."""
        job = await self.until(job_id, lambda job: job.status in ("completed", "failed", "cancelled"))

        async def nothing_left() -> bool:
            return all(part.state in ("collected", "failed") for part in await self.parts(job_id))

        await self.store.until(nothing_left)
        return await self.job(job.id)

    async def job(self, job_id: str) -> Job:
        found = await self.store.read(jobs.get, job_id)
        assert found is not None
        return found

    async def only_job(self) -> Job:
        found = await self.store.read(jobs.list_page, "p", 10)
        assert found is not None
        assert len(found) == 1
        return found[0]

    async def rows(self, job_id: str) -> list[JobRow]:
        return await self.store.read(job_rows.page, job_id)

    async def parts(self, job_id: str) -> list[VendorBatch]:
        return await self.store.read(vendor_batches.of_job, job_id)

    async def entries(self) -> list[LedgerEntry]:
        return await self.store.read(all_entries)


@asynccontextmanager
async def native_works(
    folder: Path,
    vendor: Vendor | None = None,
    *,
    clock: Clock | None = None,
    poll_ms: int | None = None,
    keys: Mapping[str, str] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncIterator[NativeWorks]:
    """Native batches whose database is in `folder`, with a project "p". Leaving the block stops them in order.

    Nothing waits: a pause only lets the clock go on, unless `sleep` takes its place.
    """
    clock, vendor = clock or Clock(), vendor or Vendor()
    store = WatchedStore(lambda: Database.open(folder / "abai.db", now_ms=clock))
    settings = Settings(store, DEFAULTS, clock)
    known = Keys(MemoryKeys({"openai": "sk-test-key-1234"} if keys is None else dict(keys)), {}, {})
    catalogue, adapters = Catalogue.load(), OnlyVendor(PromptedProvider(), vendor)
    told, rows_told, refused, waits = list[Progress](), list[JobRow](), list[str](), list[float]()
    serial = itertools.count()

    def new_id() -> str:
        return f"id-{id(store)}-{next(serial)}"

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        clock.ms += round(seconds * 1000)
        await asyncio.sleep(0)

    checker = ReplyChecker()
    core = Core(
        store=store,
        catalogue=catalogue,
        providers=adapters,
        keys=known,
        settings=settings,
        checker=checker,
        session=CurrentProject(store, new_id, clock),
        now_ms=clock,
        new_id=new_id,
        on_invalid_key=refused.append,
        free_searches=FreeSearchCounts(store, settings, catalogue),
        dear_tiers=DearTiers(store, clock),
        key_marks=KeyMarks(store),
    )
    intake = BatchSubmission(core)
    await store.write(after_a_run, clock())
    await store.write(_project)
    native = NativeBatches(
        core=core,
        intake=intake,
        preparer=RequestPreparer(core),
        notify=told.append,
        notify_row=lambda job_id, row: rows_told.append(row),
        start_here=_nobody_here,
        poll_ms=poll_ms,
        sleep=sleep or pause,
    )
    native.resumption.begin()
    try:
        yield NativeWorks(store, native, intake, vendor, settings, clock, told, rows_told, refused, waits)
    finally:
        await native.close()
        await checker.close()
        await store.close()


def on_disk(folder: Path, sql: str) -> list[Any]:
    """What another program would read at this moment."""
    with closing(sqlite3.connect(folder / "abai.db")) as conn:
        return conn.execute(sql).fetchall()


async def _nobody_here(job_id: str, *, canary: int, limits: Mapping[LimitName, float] | None) -> Job:
    raise AssertionError("Nothing runs rows from here.")


def _project(conn: sqlite3.Connection) -> None:
    if projects.get(conn, "p") is None:
        projects.create(conn, "p", "Project", now=0)
