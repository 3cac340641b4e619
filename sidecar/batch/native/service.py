"""Native batches: jobs whose rows a vendor runs. Sends, follows and collects them, over restarts, and never twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from sidecar.batch import jobs as moves
from sidecar.batch import safeguard_transactions
from sidecar.batch.job_turns import KeyedLock, Resumption, unless_cancelled
from sidecar.batch.native import intents, interruptions, recollection, transactions
from sidecar.batch.native.chunk_planner import ChunkPlanner
from sidecar.batch.native.chunk_uploader import ChunkUploader
from sidecar.batch.native.collect import Collector
from sidecar.batch.native.loops import SubmissionLoops
from sidecar.batch.native.pace import Pace
from sidecar.batch.native.sent_batches import SentBatches
from sidecar.batch.native.unheard import UnheardStops
from sidecar.batch.native.worker_tools import Tools
from sidecar.batch.progress import Progress
from sidecar.batch.row_input import RowSource
from sidecar.batch.safeguard_transactions import NOTHING_WANTED, SafeguardWanted, goes_to_the_vendor
from sidecar.batch.submission import BatchSubmission
from sidecar.batch.validation import refuse_unable
from sidecar.chat.prepare import RequestPreparer
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money.model import utc_day
from sidecar.spending.budget import this_month
from sidecar.store import jobs, vendor_batches
from sidecar.store.job_records import Job, JobRow, LimitName, VendorBatch

log = logging.getLogger("sidecar.batch")

# How long a submission waits until it is known whether its first part has arrived.
ARRIVAL_SECONDS = 120.0


class StartHere(Protocol):
    """Starts a job whose rows run from here, at first or altogether. Raises Failure."""

    def __call__(
        self, job_id: str, *, canary: int, limits: Mapping[LimitName, float] | None
    ) -> Awaitable[Job]: ...


class NativeBatches:
    """The jobs at vendors. `notify` gets their progress, `notify_row` each row that has ended where that is wanted.

    `sent` answers for a batch by its vendor's id. `start_here` runs a job's canary from here. `poll_ms` fixes the time
    between two looks at a vendor, for tests and demonstrations.
    """

    def __init__(
        self,
        *,
        core: Core,
        intake: BatchSubmission,
        preparer: RequestPreparer,
        notify: Callable[[Progress], None],
        notify_row: Callable[[str, JobRow], None],
        start_here: StartHere,
        poll_ms: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = core.store
        self._intake = intake
        self._providers = core.providers
        self._catalogue = core.catalogue
        self._catalogue_whole = core.catalogue_whole
        self._settings = core.settings
        self._now_ms = core.now_ms
        self._start_here = start_here
        self._taking_over: set[asyncio.Task[None]] = set()
        self._turns = KeyedLock()
        self.resumption = Resumption(core.store, self._recover)
        self._stopping = False
        pace = Pace(poll_ms)
        tools = Tools(core, ChunkPlanner(core, preparer), ChunkUploader(core), Collector(core), pace, sleep)
        self._loops = SubmissionLoops(tools, notify, notify_row)
        self._unheard = UnheardStops(core, tools.uploader.key, pace, sleep)
        self.sent = SentBatches(core, tools.uploader.key, self._loops, self._ready, self.collect)

    async def submit(
        self,
        project_id: str,
        given: Sequence[Mapping[str, Any]] | RowSource,
        provider: str,
        file_name: str,
        *,
        reuse: bool = False,
        checks: Sequence[Mapping[str, Any]] = (),
        canary: int = 0,
        limits: Mapping[LimitName, float] | None = None,
    ) -> tuple[Job, str]:
        """Stores the rows and sends them at once; gives the job and the vendor's id of its first part.

        With a `canary` so many rows run from here first, and the id is not known yet: it is empty. `limits` are where
        the job pauses by itself.

        Raises Failure: what refuses rows, "unsupported", "budget_exceeded", what the vendor says, and "conflict"
        when nobody knows whether the first part has arrived: the job then waits, and must not be submitted again.
        """
        await self._ready()
        self._providers.batch(provider)
        day = utc_day(self._now_ms())
        job = await self._intake.submit(
            project_id,
            given,
            file_name,
            "native",
            reuse=reuse,
            checks=checks,
            canary=canary > 0,
            refuse=lambda models: refuse_unable(models, provider, self._catalogue, day),
        )
        if canary:
            await self.lend(job.id)
            try:
                return await self._start_here(job.id, canary=canary, limits=limits), ""
            except Failure as failure:
                await self._store.write(transactions.give_up_unsent, job.id, failure, self._now_ms())
                raise
        first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        first.add_done_callback(lambda done: done.cancelled() or done.exception())
        async with self._turns.of(job.id):
            if self._loops.is_sending(job.id):
                raise moves.already_running()
            try:
                wanted = NOTHING_WANTED if limits is None else SafeguardWanted(limits=limits)
                job = await self._begin(job.id, (), notify_rows=False, wanted=wanted)
            except Failure as failure:
                await self._store.write(transactions.give_up_unsent, job.id, failure, self._now_ms())
                raise
            self._loops.of(job).send(first)
        done, _ = await asyncio.wait({first}, timeout=ARRIVAL_SECONDS)
        if not done:
            raise moves.not_known_yet(job)
        return job, first.result()

    async def lend(self, job_id: str) -> None:
        """Have the job's canary run from here, before the vendor gets the rest. Raises Failure("conflict")."""
        async with self._turns.of(job_id):
            await self._store.write(transactions.lend, job_id)

    def take_over(self, job_id: str) -> None:
        """Send the rest of a job whose canary ran from here."""

        async def send() -> None:
            await self._ready()
            self._loops.of(await self._known(job_id)).send()

        # Where it cannot be, the next start of the sidecar sends it.
        task = asyncio.create_task(_unless_refused(send()))
        self._taking_over.add(task)
        task.add_done_callback(self._taking_over.discard)

    async def start(
        self,
        job_id: str,
        *,
        retry_failed: bool = False,
        notify_rows: bool = False,
        limits: Mapping[LimitName, float] | None = None,
    ) -> Job:
        """Sends what waits; of a part in doubt it asks the vendor again. A job whose canary paused is the vendor's now.

        Raises Failure: "not_found", "conflict", "budget_exceeded".
        """
        await self._ready()
        await self._catalogue_whole()
        async with self._turns.of(job_id):
            if goes_to_the_vendor(await self._known(job_id), retry_failed=retry_failed):
                await self._store.write(safeguard_transactions.hand_over, job_id)
            job, opened = await self._known(job_id), await self._opened(job_id)
            doubtful = [part for part in opened if part.state == "doubtful" or interruptions.is_aside(part)]
            if not doubtful:
                return await self._start(
                    job, opened, retry_failed, notify_rows, SafeguardWanted(limits=limits)
                )
        if retry_failed:
            raise Failure(
                "conflict", doubtful[0].error or "A part of this batch is in doubt. Start it first."
            )
        await self._take_up(job, doubtful)
        return await self._known(job_id)

    async def collect(self, job_id: str) -> Job:
        """Ask the job's vendors once more for results that are missing; gives the job as it is after that look.

        Nothing is sent again. Raises Failure: "not_found", "conflict" when no vendor has anything of it.
        """
        await self._ready()
        async with self._turns.of(job_id):
            job, opened = await self._store.write(recollection.reopen, job_id, self._now_ms())
        self._loops.of(job).reporter.changed(job)
        await self._take_up(job, opened)
        return await self._known(job_id)

    async def cancel(self, job_id: str) -> Job:
        """Sends no more, and asks the vendor to stop; what has run is still collected.

        Raises Failure: "not_found", "conflict".
        """
        await self._ready()
        async with self._turns.of(job_id):
            job = await self._store.write(transactions.cancel, job_id, self._now_ms())
        self._loops.of(job).reporter.changed(job)
        for part in await self._opened(job_id):
            self._loops.of(job).worker(part.id).call_back()
        return job

    async def cancel_project(self, project_id: str) -> None:
        """Asks vendors to stop what a project that is about to be deleted has there; nothing of it is sent any more."""
        await self._ready()
        await self._unheard.stop_project(project_id, self._loops)

    async def close(self) -> None:
        """End every look and every sending; all of it goes on at the next start."""
        self._stopping = True
        await self.resumption.end()
        await self._unheard.close()
        await self._loops.close()

    async def _start(
        self,
        job: Job,
        opened: Sequence[VendorBatch],
        retry_failed: bool,
        notify_rows: bool,
        wanted: SafeguardWanted,
    ) -> Job:
        moves.refuse_native_start(
            job, at_work=bool(opened), sending=self._loops.is_sending(job.id), retry_failed=retry_failed
        )
        reopened = moves.rows_to_reopen(job, retry_failed=retry_failed, mode="native")
        begun = await self._begin(job.id, reopened, notify_rows=notify_rows, wanted=wanted)
        self._loops.of(begun).send()
        return begun

    async def _begin(
        self, job_id: str, reopened: Any, *, notify_rows: bool, wanted: SafeguardWanted = NOTHING_WANTED
    ) -> Job:
        now = self._now_ms()
        beginning = self._store.write(
            intents.start,
            job_id,
            reopened,
            now=now,
            notify_rows=notify_rows,
            budget=await this_month(self._settings, now),
            wanted=wanted,
        )
        return await unless_cancelled(
            beginning, lambda: self._store.write(transactions.cancel, job_id, self._now_ms())
        )

    async def _take_up(self, job: Job, parts: Sequence[VendorBatch]) -> None:
        """Look after parts at once, and send those too that were set aside."""
        if any(part.interruptions for part in parts):
            await self._store.write(interruptions.take_up, job.id)
            await self._store.write(transactions.refresh_job, job.id, self._now_ms())
        for part in parts:
            await self._loops.of(job).worker(part.id).step_now()

    async def _known(self, job_id: str) -> Job:
        job = await self._store.read(jobs.get, job_id)
        if job is None:
            raise moves.unknown_job()
        return job

    async def _opened(self, job_id: str) -> list[VendorBatch]:
        """The job's parts that something has yet to come of."""
        found = await self._store.read(vendor_batches.of_job, job_id)
        return [part for part in found if part.state not in ("collected", "failed")]

    async def _recover(self) -> tuple[str, ...]:
        await self._catalogue_whole()
        self._unheard.begin()
        await self._store.write(interruptions.count)
        await self._store.write(transactions.end_finished, self._now_ms())
        await self._store.write(transactions.tell_unplannable, self._now_ms())
        left = await self._store.read(transactions.left_open)
        for job, parts, waits in left:
            await self._loops.go_on(job, parts, waits=waits)
        return tuple(job.id for job, _, _ in left)

    async def _ready(self) -> None:
        await self.resumption.ready()
        if self._stopping:
            raise Failure("shutting_down", "A-B/AI is closing. Start it again and repeat what you did.")


async def _unless_refused(work: Awaitable[None]) -> None:
    try:
        await work
    except Failure as failure:
        log.warning("a batch whose canary held is sent later: %s", failure.message)
