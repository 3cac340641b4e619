"""Sends what waits of native jobs, part after part, and tells whoever submitted one how its first part fared."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

from sidecar import clock
from sidecar.batch.native import transactions
from sidecar.batch.native.chunk_uploader import Chunk, ChunkUploader
from sidecar.batch.native.polling import Poller
from sidecar.batch.native.worker import Worker
from sidecar.errors import Failure
from sidecar.store import job_rows, vendor_batches
from sidecar.store.job_records import Job
from sidecar.store.store import Store
from sidecar.store.vendor_batches import VendorBatch

log = logging.getLogger("sidecar.batch")


class SubmissionLoop:
    """One sending a job at most. A part that was handed over is followed by `rounds` from then on."""

    def __init__(
        self,
        store: Store,
        sender: ChunkUploader,
        follower: Worker,
        rounds: Poller,
        now_ms: clock.Now,
        changed: Callable[[Job], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._follower = follower
        self._rounds = rounds
        self._now_ms = now_ms
        self._changed = changed
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, asyncio.Future[str]] = {}
        self._stopping = False

    def send(self, job: Job, first: asyncio.Future[str] | None = None) -> None:
        """Begins to send the rows that wait. `first` gets the vendor's id of the first part, or why it has none:

        then it is not tried again, and nothing else of the job is sent.
        """
        task = asyncio.create_task(self._send(job, first))
        self._sending[job.id] = task
        task.add_done_callback(lambda _: self._sending.pop(job.id, None))

    def is_sending(self, job_id: str) -> bool:
        return job_id in self._sending

    async def sent(self, job_id: str) -> None:
        """Waits until the sending of a job has come to its end, whatever that was."""
        task = self._sending.get(job_id)
        if task is not None:
            await asyncio.wait({task})

    def is_awaited(self, part_id: str) -> bool:
        """Whether somebody waits to hear how a part fares, who will decide himself about another trial."""
        return part_id in self._awaited

    async def visited(self, part_id: str) -> None:
        """A part was visited: tells who waits for it, and goes on with a job that it had held up."""
        part = await self._store.read(vendor_batches.get, part_id)
        self._answer(part_id, part)
        if part is None or self._stopping or self.is_sending(part.job_id):
            return
        job = await self._store.read(transactions.ready_to_send, part.job_id)
        if job is not None and not self.is_sending(job.id):
            self.send(job)

    async def close(self, patience_seconds: float) -> None:
        """Waits so long for what is being handed over, because what is answered need not be looked for later."""
        self._stopping = True
        tasks = set(self._sending.values())
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=patience_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _send(self, job: Job, first: asyncio.Future[str] | None) -> None:
        """Raises nothing: what hinders is stored with the job, and told to whoever waits for the first part."""
        try:
            for provider in await self._store.read(job_rows.pending_providers, job.id):
                if not await self._send_all(job, provider, first):
                    break
            ended = await self._store.write(transactions.weigh, job.id, self._now_ms())
            if ended is not None:
                self._changed(ended)
            if first is not None and not first.done():
                first.set_exception(await self._store.read(transactions.why_nothing_was_sent, job.id))
        except Exception as problem:
            failure = problem
            if not isinstance(failure, Failure):
                log.exception("a batch could not be sent")
                failure = Failure("internal_error", "The batch could not be sent by a fault of A-B/AI.")
            # Where the disk refuses this too, the next start of the sidecar goes on.
            with suppress(Failure):
                await self._give_up(job, failure)
            if first is not None and not first.done():
                first.set_exception(failure)

    async def _send_all(self, job: Job, provider: str, first: asyncio.Future[str] | None) -> bool:
        """False when the rest is not to be sent now."""
        async with aclosing(self._sender.packs(job, provider)) as packs:
            async for pack in packs:
                with pack.lines:
                    part = None if self._stopping else await self._sender.open(job, provider, pack)
                    if part is None:
                        return False
                    await self._hand_over(part, pack, first)
                failure = first.exception() if first is not None and first.done() else None
                if isinstance(failure, Failure):
                    await self._give_up(job, failure)
                    return False
        return True

    async def _hand_over(self, part: VendorBatch, pack: Chunk, first: asyncio.Future[str] | None) -> None:
        if first is not None and not first.done():
            self._awaited[part.id] = first
        wait = await self._follower.deliver(part, pack)
        self._answer(part.id, await self._store.read(vendor_batches.get, part.id))
        if wait is not None and not self._stopping:
            self._rounds.follow(part.id, wait)
        if first is not None and not first.done():
            await asyncio.wait({first})

    async def _give_up(self, job: Job, failure: Failure) -> None:
        """The rest of a job of which no more can be sent stays as it is, to be started by hand."""
        if failure.kind == "conflict":
            return  # in doubt: what is known stands with the job already
        ended = await self._store.write(transactions.give_up, job.id, failure, self._now_ms())
        if ended is not None:
            self._changed(ended)

    def _answer(self, part_id: str, part: VendorBatch | None) -> None:
        first = self._awaited.get(part_id)
        if first is None or (part is not None and part.native_id is None and part.state == "intent"):
            return
        del self._awaited[part_id]
        if first.done():
            return
        if part is not None and part.native_id is not None:
            first.set_result(part.native_id)
        else:
            first.set_exception(_never_arrived(part))


def _never_arrived(part: VendorBatch | None) -> Failure:
    if part is None:
        return Failure("not_found", "The batch was deleted while it was being sent.")
    if part.state == "doubtful":
        return Failure("conflict", f"{part.error} Do not submit it again.", provider=part.provider)
    return Failure(
        part.vendor_status or "provider_rejected",
        part.error or "The batch was refused.",
        provider=part.provider,
    )
