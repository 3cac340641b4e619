"""One visit to one part: look for it, send it, ask how it is, fetch what came out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sidecar import clock
from sidecar.batch.native import polling, reconcile, transactions
from sidecar.batch.native.chunk_uploader import Chunk, ChunkUploader
from sidecar.batch.native.collect import Collector
from sidecar.errors import Failure
from sidecar.providers.base import BatchState, Providers
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import vendor_batches
from sidecar.store.job_records import Job
from sidecar.store.store import Store
from sidecar.store.vendor_batches import VendorBatch

log = logging.getLogger("sidecar.batch")

# An ended batch whose results are still not there after so long has none.
PATIENCE_MS = 24 * 3_600_000
# What may be otherwise in a while: by itself, or because the person saw to it.
PASSING = frozenset(
    {"rate_limited", "provider_unavailable", "timeout", "storage_error", "missing_api_key", "invalid_api_key"}
)
CANCELLED = Failure("cancelled", "The batch was cancelled before this row was sent.")


class Worker:
    """Takes parts one step further. `changed` hears of jobs, `hopeful` says whether a part is tried again and again."""

    def __init__(
        self,
        *,
        store: Store,
        sender: ChunkUploader,
        collector: Collector,
        adapters: Providers,
        now_ms: clock.Now,
        poll_ms: int | None,
        changed: Callable[[Job], None],
        hopeful: Callable[[str], bool],
        on_invalid_key: Callable[[str], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._collector = collector
        self._adapters = adapters
        self._now_ms = now_ms
        self._poll_ms = poll_ms
        self._settling_ms = reconcile.SETTLING_MS if poll_ms is None else min(poll_ms, reconcile.SETTLING_MS)
        self._changed = changed
        self._hopeful = hopeful
        self._on_invalid_key = on_invalid_key
        self._busy: dict[str, asyncio.Event] = {}
        self._asked_to_stop: set[str] = set()

    async def visit(self, part_id: str, visits: int) -> int | None:
        """Milliseconds until the part is to be visited again, None when there is nothing left to do."""
        part = await self._store.read(vendor_batches.get, part_id)
        if part is None or part.state in ("collected", "failed"):
            return None
        if part_id in self._busy:
            return polling.FIRST_WAIT_MS
        try:
            with self._at_work_on(part_id):
                return await self._step(part, visits)
        except Failure as failure:
            return await self._hindered(part, failure, visits)

    async def deliver(self, part: VendorBatch, pack: Chunk) -> int | None:
        """The first attempt at a part that was just written down; as `visit`."""
        with self._at_work_on(part.id):
            return await self._attempt(part, pack, 0)

    async def rested(self, part_id: str) -> None:
        """Waits until nothing is being asked about the part."""
        busy = self._busy.get(part_id)
        if busy is not None:
            await busy.wait()

    @contextmanager
    def _at_work_on(self, part_id: str) -> Iterator[None]:
        done = self._busy[part_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._busy[part_id]
            done.set()

    async def _step(self, part: VendorBatch, visits: int) -> int | None:
        if part.state in ("intent", "doubtful"):
            return await self._reconcile(part, visits)
        if part.native_id is None:
            return await self._close_refused(part)
        adapter, key = self._adapters.batch(part.provider), await self._sender.key(part.provider)
        state = await adapter.check(key, part.native_id)
        seen = await self._store.write(transactions.observe, part.id, state, self._now_ms())
        job = await self._store.read(transactions.job_of, part)
        if seen is None or job is None:
            return None
        if state.ended and (state.results_ready or self._waited_long(seen)):
            await self._tell(self._collector.collect(seen, state, adapter, key))
            return None
        if job.status == "cancelled" and not state.ended and part.id not in self._asked_to_stop:
            await adapter.cancel(key, part.native_id)
            self._asked_to_stop.add(part.id)
        await self._weigh(part)
        return polling.wait_ms(visits, self._poll_ms)

    async def _reconcile(self, part: VendorBatch, visits: int) -> int | None:
        found = await self._sender.find(part) if reconcile.must_ask(part) else None
        job = await self._store.read(transactions.job_of, part)
        wanted = job is not None and job.status != "cancelled"
        verdict = reconcile.verdict(part, found, self._now_ms(), self._settling_ms, wanted=wanted)
        match verdict.step:
            case "adopt":
                assert found is not None
                return await self._adopt(part, found.state)
            case "wait":
                return verdict.wait_ms
            case "doubt":
                await self._doubt(part, verdict.sentence)
                return self._later(visits)
            case "give_up":
                await self._tell(self._collector.close(part, CANCELLED, free=False))
                return None
            case "send":
                return await self._send_again(part, visits)

    async def _adopt(self, part: VendorBatch, state: BatchState | None) -> int | None:
        assert state is not None
        try:
            await self._store.write(transactions.observe, part.id, state, self._now_ms())
        except Failure as failure:
            if failure.kind != "conflict":
                raise
            await self._doubt(part, reconcile.in_doubt(part, failure.message))
            return polling.LONGEST_WAIT_MS
        log.info("part %s was found at %s as %s", part.id, part.provider, state.native_id)
        await self._weigh(part)
        return self._soon()

    async def _send_again(self, part: VendorBatch, visits: int) -> int | None:
        job = await self._store.read(transactions.job_of, part)
        if job is None:
            return None
        if job.status == "cancelled":
            return await self._refuse(part, CANCELLED)
        pack = await self._sender.repack(part)
        with pack.lines:
            if not pack.lines:
                await self._tell(self._store.write(transactions.close_part, part.id, self._now_ms()))
                return None
            return await self._attempt(part, pack, visits)

    async def _attempt(self, part: VendorBatch, pack: Chunk, visits: int) -> int | None:
        try:
            await self._sender.deliver(part, pack)
        except OutcomeUnknown as failure:
            log.warning("part %s may or may not have reached %s: %s", part.id, part.provider, failure.message)
            await self._weigh(part, failure)
            return reconcile.FIRST_LOOK_MS if self._poll_ms is None else self._poll_ms
        except Failure as failure:
            if failure.kind == "invalid_api_key":
                self._on_invalid_key(part.provider)
            if not passing(failure) or not self._hopeful(part.id):
                return await self._refuse(part, failure)
            return await self._hindered(part, failure, visits)
        await self._weigh(part)
        return self._soon()

    async def _refuse(self, part: VendorBatch, failure: Failure) -> int | None:
        """It was certainly not created, and is not tried again."""
        await self._store.write(
            vendor_batches.refused, part.id, failure.kind, failure.message, self._now_ms()
        )
        refused = await self._store.read(vendor_batches.get, part.id)
        return await self._close_refused(refused) if refused is not None else None

    async def _close_refused(self, part: VendorBatch) -> int | None:
        failure = Failure(part.vendor_status or "provider_rejected", part.error or "The batch was refused.")
        await self._tell(self._collector.close(part, failure, free=True))
        return None

    async def _hindered(self, part: VendorBatch, failure: Failure, visits: int) -> int | None:
        if failure.kind == "shutting_down":
            return None
        job = await self._store.read(transactions.job_of, part)
        gone = part.native_id is not None and (failure.kind == "not_found" or failure.status == 404)
        if job is not None and job.status == "cancelled" and (gone or self._hopeless(part, failure)):
            # Nobody waits for it any more. What it cost, if anything, nobody will know.
            await self._tell(self._collector.close(part, CANCELLED, free=False))
            return None
        if failure.kind == "invalid_api_key":
            self._on_invalid_key(part.provider)
        log.warning("part %s at %s: %s", part.id, part.provider, failure.message)
        await self._weigh(part, failure)
        return self._later(visits, failure.retry_after_ms)

    async def _doubt(self, part: VendorBatch, sentence: str) -> None:
        await self._tell(self._store.write(transactions.doubt, part, sentence, self._now_ms()))

    async def _weigh(self, part: VendorBatch, trouble: Failure | None = None) -> None:
        await self._tell(self._store.write(transactions.weigh, part.job_id, self._now_ms(), trouble))

    async def _tell(self, work: Awaitable[Job | None]) -> None:
        job = await work
        if job is not None:
            self._changed(job)

    def _waited_long(self, part: VendorBatch) -> bool:
        return part.ended_at is not None and self._now_ms() - part.ended_at > PATIENCE_MS

    def _hopeless(self, part: VendorBatch, failure: Failure) -> bool:
        """Whether no vendor is at work on the part any more, and nothing can be learnt of it as things stand."""
        if part.submitted_at is None or self._now_ms() - part.submitted_at <= reconcile.LONGEST_DOUBT_MS:
            return False
        return part.native_id is None or failure.kind in ("missing_api_key", "invalid_api_key")

    def _soon(self) -> int:
        return polling.FIRST_WAIT_MS if self._poll_ms is None else self._poll_ms

    def _later(self, visits: int, hint_ms: int | None = None) -> int:
        return polling.wait_ms(visits, self._poll_ms, hint_ms)


def passing(failure: Failure) -> bool:
    """Whether the same may succeed later."""
    if failure.kind in ("missing_api_key", "invalid_api_key"):
        return True
    return failure.kind in PASSING if failure.retryable is None else failure.retryable
