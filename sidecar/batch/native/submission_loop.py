"""One job at its vendor: what waits of it is sent in order, and each part has a worker until its end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress

from sidecar.batch.native import intents, reasons, transactions
from sidecar.batch.native.worker import Worker
from sidecar.batch.native.worker_tools import Tools
from sidecar.batch.progress import ProgressReporter
from sidecar.batch.row_transactions import write_when_possible
from sidecar.batch.watch import Watch
from sidecar.errors import Failure
from sidecar.shortages import shortage
from sidecar.store import job_deaths, jobs, pending_rows, vendor_batches
from sidecar.store.job_records import VendorBatch

log = logging.getLogger("sidecar.batch")

_FAULT = "The batch could not be sent by a fault of A-B/AI. The log says which; start the batch to try again."


class SubmissionLoop:
    """All that goes on about one job. It ends by itself, and is made anew when there is something to do again."""

    def __init__(self, job_id: str, tools: Tools, reporter: ProgressReporter) -> None:
        self.job_id = job_id
        self.reporter = reporter
        self.ended = False
        self._tools = tools
        self._workers: dict[str, Worker] = {}
        self._news = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._first: asyncio.Future[str] | None = None
        self._stopping = False
        self._task = asyncio.create_task(self._run())

    def send(self, first: asyncio.Future[str] | None = None) -> None:
        """Send the rows that wait. `first` gets the vendor's id of the first part, or why it has none.

        That part is then not tried again, and nothing else of the job is sent.
        """
        self._first = first
        self._sent.clear()
        self._news.set()

    @property
    def sending(self) -> bool:
        """Whether rows that wait are being sent."""
        return not self._sent.is_set()

    def worker(self, part_id: str, wait_ms: int = 0) -> Worker:
        """Return who looks after a part: the one who does, else a new one, who looks at it after `wait_ms`."""
        worker = self._workers.get(part_id)
        if worker is None or worker.ended:
            worker = self._made(part_id)
            worker.follow(wait_ms)
        return worker

    async def rested(self, part_id: str) -> None:
        """Wait until nothing is being asked about a part."""
        if part_id in self._workers:
            await self._workers[part_id].rested()

    def call_back(self, part_id: str) -> None:
        """Send nothing more of a part that nobody wants any more."""
        if part_id in self._workers:
            self._workers[part_id].call_back()

    async def leave_alone(self) -> None:
        """Stop looking after any part of the job, which is about to be deleted."""
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    async def close(self, patience_seconds: float) -> None:
        """Stop, and wait so long for what is being handed over: what is answered need not be looked for later."""
        self._stopping = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._sent.wait(), patience_seconds)
        await self.leave_alone()
        self._task.cancel()
        await asyncio.wait({self._task})
        if self.sending:
            with suppress(Failure):
                await self._tools.core.store.write(job_deaths.leave_off, self.job_id)
        self.reporter.close()

    async def _run(self) -> None:
        try:
            while not self._stopping:
                self._news.clear()
                if self.sending or await self._held_up():
                    await self._send()
                going_on = {id_: worker for id_, worker in self._workers.items() if not worker.ended}
                if len(going_on) < len(self._workers):
                    for worker in going_on.values():
                        worker.try_for_room()
                self._workers = going_on
                if self.sending or self._news.is_set():
                    continue
                if not self._workers:
                    self.reporter.flush()
                    break
                await self._news.wait()
        finally:
            self.ended = True

    async def _held_up(self) -> bool:
        """Whether rows wait that a part in doubt had held up, and does no more."""
        try:
            return await self._tools.core.store.read(intents.ready_to_send, self.job_id) is not None
        except Failure:  # the store's, which every call that needs the store tells
            return False

    async def _send(self) -> None:
        """Raise nothing: what hinders is stored with the job, and told to whoever waits for the first part."""
        store, first = self._tools.core.store, self._first
        self._sent.clear()
        try:
            begun = await store.read(jobs.get, self.job_id)
            said_before = begun.error if begun is not None else None
            for provider in await store.read(pending_rows.pending_providers, self.job_id):
                await store.write(job_deaths.begin, [self.job_id])
                if not await self._send_all(provider, first):
                    break
            await store.write(job_deaths.leave_off, self.job_id)
            now = self._tools.core.now_ms()
            job = await store.write(transactions.all_sent, self.job_id, said_before, now)
            if job is not None:
                self.reporter.changed(job)
            if first is not None and not first.done():
                first.set_exception(await store.read(transactions.why_nothing_was_sent, self.job_id))
        except Exception as problem:
            failure = problem
            if not isinstance(failure, Failure):
                log.exception("a batch could not be sent")
                failure = shortage(problem) or Failure("internal_error", _FAULT)
            unsaved = await self._is_unsaved(failure)
            if first is not None and not first.done():
                first.set_exception(failure)
            if unsaved:
                # Else the job would seem to be sent, and nobody would send it.
                with suppress(Failure):
                    await write_when_possible(lambda: self._give_up(failure))
        finally:
            self._first = None
            self._sent.set()

    async def _send_all(self, provider: str, first: asyncio.Future[str] | None) -> bool:
        """Return False when the rest is not to be sent now. Raise Failure when the first part is not taken."""
        async with aclosing(self._tools.planner.pending_chunks(self.job_id, provider)) as chunks:
            async for chunk in chunks:
                awaited = first is not None and not first.done()
                with chunk.lines:
                    if await self._paused():
                        return False
                    uploader = self._tools.uploader
                    part = None if self._stopping else await uploader.open(self.job_id, provider, chunk)
                    if part is None:
                        return False
                    worker = self._made(part.id, awaited=awaited)
                    worker.hand_over(part, chunk)
                    await worker.rested()
                if first is not None and awaited:
                    await worker.known()
                    first.set_result(await self._arrived(part, worker.unsaved))
                # The next part is planned from here on.
                await self._tools.core.store.write(job_deaths.begin, [self.job_id])
        return True

    async def _paused(self) -> bool:
        """Whether the job's limits do not hold, so that nothing more of it is sent."""
        store, now = self._tools.core.store, self._tools.core.now_ms()
        job = await store.read(jobs.get, self.job_id)
        watch = await Watch.of(store, job) if job is not None and job.safeguard is not None else None
        tripped = watch.look(job) if job is not None and watch is not None else ()
        if watch is None or not tripped:
            return False
        paused = await store.write(transactions.pause, self.job_id, tripped, watch.tally, now)
        if paused is not None:
            self.reporter.changed(paused)
        return True

    async def _arrived(self, part: VendorBatch, unsaved: Failure | None) -> str:
        """Return the vendor's id of a part that is known to have one or none. Raise Failure where it has none."""
        seen = await self._tools.core.store.read(vendor_batches.get, part.id)
        if seen is None:
            raise Failure(
                "not_found",
                "The batch was deleted while it was being sent. Submit it anew if it is still wanted.",
            )
        if seen.native_id is not None:
            return seen.native_id
        if seen.state == "intent" and unsaved is not None:
            words = f"{unsaved.message} The batch goes on by itself then: do not submit it again."
            raise Failure(unsaved.kind, words, detail=unsaved.detail)
        if seen.state == "intent":
            raise Failure("internal_error", _FAULT)
        if seen.state == "doubtful":
            raise Failure("conflict", f"{seen.error} Do not submit it again.", provider=seen.provider)
        kind, reason = seen.vendor_status or "provider_rejected", seen.error or reasons.REFUSED
        raise Failure(kind, reason, provider=seen.provider)

    async def _is_unsaved(self, failure: Failure) -> bool:
        """Give up. Return whether the disk refuses to have that written down."""
        try:
            await self._give_up(failure)
        except Failure as refused:
            return refused.kind == "storage_error"
        return False

    async def _give_up(self, failure: Failure) -> None:
        """The rest of a job of which no more can be sent stays as it is, to be started by hand."""
        if failure.kind == "conflict":
            return  # in doubt: what is known stands with the job already
        job = await self._tools.core.store.write(
            transactions.give_up, self.job_id, failure, self._tools.core.now_ms()
        )
        if job is not None:
            self.reporter.changed(job)

    def _made(self, part_id: str, *, awaited: bool = False) -> Worker:
        worker = Worker(part_id, self._tools, self.reporter, self._news, awaited=awaited)
        self._workers[part_id] = worker
        return worker
