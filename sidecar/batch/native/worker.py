"""One part, from its sending to its end: a task that carries out what the machine decides, and waits by itself."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Concatenate, ParamSpec

from sidecar.batch.native import actions, endings, interruptions, machine, stops, transactions
from sidecar.batch.native.actions import Action, Observed, Sent
from sidecar.batch.native.chunk_uploader import Chunk, ChunkUploader
from sidecar.batch.native.collect import Collector, Page, Reading
from sidecar.batch.native.pace import LONGEST_WAIT_MS, Pace
from sidecar.batch.progress import ProgressReporter
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.store import vendor_batches
from sidecar.store.job_records import Job, VendorBatch

P = ParamSpec("P")

log = logging.getLogger("sidecar.batch")

# Several batches may end at once, and fetching results takes memory and the disk.
AT_ONCE = 4

Step = Callable[[], Awaitable[int | None]]
"""Gives the milliseconds until the next step, None after the last one."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the workers of every job use. `places` are for those that look at a vendor at the same time."""

    core: Core
    uploader: ChunkUploader
    collector: Collector
    pace: Pace
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class Worker:
    """Brings one part to its end. `reporter` hears of the job, and `news` is set after each step.

    With `awaited` somebody waits until it is known whether the part arrived, and no second attempt is made before.
    """

    def __init__(
        self,
        part_id: str,
        tools: Tools,
        reporter: ProgressReporter,
        news: asyncio.Event,
        *,
        awaited: bool = False,
    ) -> None:
        self.part_id = part_id
        self._tools = tools
        self._reporter = reporter
        self._news = news
        self._looks = 0
        self._waits_for_room = False
        self._wake = asyncio.Event()
        self._resting = asyncio.Event()
        self._known = asyncio.Event()
        if not awaited:
            self._known.set()
        self._next_step: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def follow(self, wait_ms: int) -> None:
        """Begin to look after a part that was sent before, first after `wait_ms`."""
        self._resting.set()
        self._task = asyncio.create_task(self._run(wait_ms))

    def hand_over(self, part: VendorBatch, chunk: Chunk) -> None:
        """Begin with sending the part, which was just written down, and look after it from then on."""
        self._task = asyncio.create_task(self._run(0, partial(self._attempt, part, chunk)))

    @property
    def ended(self) -> bool:
        """Whether nothing is done about the part any more."""
        return self._task is None or self._task.done()

    def wake(self) -> None:
        """Take the next step at once."""
        self._wake.set()

    def try_for_room(self) -> None:
        """Take the next step at once where the part waits until its vendor has room: another part has ended."""
        if self._waits_for_room:
            self.wake()

    async def step_now(self) -> None:
        """Take a step without delay, and wait until it was taken. One that is under way already does not count."""
        self.wake()
        await asyncio.shield(self._next_step)

    async def rested(self) -> None:
        """Wait until nothing is being asked about the part."""
        await self._resting.wait()

    async def known(self) -> None:
        """Wait until it is known whether the part arrived, or that a person has to find out."""
        await self._known.wait()

    async def stop(self) -> None:
        """End in the middle of whatever is done. What was written stays; the next start goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._next_step.cancel()

    async def _run(self, wait_ms: int | None, attempt: Step | None = None) -> None:
        try:
            if attempt is not None:
                wait_ms = await self._step(attempt)
            while wait_ms is not None:
                await self._pause(wait_ms)
                self._looks += 1
                asked, self._next_step = self._next_step, asyncio.get_running_loop().create_future()
                try:
                    async with self._tools.places:
                        wait_ms = await self._step(self._poll_once)
                finally:
                    asked.set_result(None)
            self._next_step.set_result(None)
        finally:
            self._known.set()
            self._news.set()

    async def _step(self, step: Step) -> int | None:
        self._resting.clear()
        try:
            wait_ms = await step()
            if not self._known.is_set() and await self._is_known():
                self._known.set()
        except Exception:  # a bug must not lose a batch that is paid for
            log.exception("a batch could not be looked after; it is tried again later")
            self._known.set()
            wait_ms = LONGEST_WAIT_MS
        finally:
            self._resting.set()
            self._news.set()
        return wait_ms

    async def _is_known(self) -> bool:
        part = await self._tools.core.store.read(vendor_batches.get, self.part_id)
        return part is None or part.native_id is not None or part.state != "intent"

    async def _pause(self, wait_ms: int) -> None:
        sleeping = asyncio.ensure_future(self._tools.sleep(wait_ms / 1000))
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, woken):
                task.cancel()
            await asyncio.gather(sleeping, woken, return_exceptions=True)
        self._wake.clear()

    async def _poll_once(self) -> int | None:
        part = await self._tools.core.store.read(vendor_batches.get, self.part_id)
        if part is None:
            return None
        try:
            seen, observed = await self._observe(part)
            return None if seen is None else await self._go_on(seen, observed)
        except Failure as failure:
            return await self._go_on(part, failure)

    async def _observe(self, part: VendorBatch) -> tuple[VendorBatch | None, Observed]:
        """The part as the look leaves it, None when it is gone, and what was seen. Raises Failure."""
        tools = self._tools
        question = machine.must_ask(part, await tools.core.store.read(transactions.job_of, part))
        if question == "find":
            return part, await tools.uploader.find(part)
        if question == "room":
            crowded = await tools.core.store.read(vendor_batches.others_at_work, part)
            return part, actions.Crowded() if crowded else None
        if question == "check" and part.native_id is not None:
            key = await tools.uploader.key(part.provider)
            state = await tools.core.providers.batch(part.provider).check(key, part.native_id)
            return await tools.core.store.write(
                transactions.observe, part.id, state, tools.core.now_ms()
            ), state
        return part, None

    async def _attempt(self, part: VendorBatch, chunk: Chunk) -> int | None:
        try:
            await self._tools.uploader.deliver(part, chunk)
        except Failure as failure:
            return await self._go_on(part, Sent(failure))
        return await self._go_on(part, Sent())

    async def _go_on(self, part: VendorBatch, observed: Observed) -> int | None:
        action = machine.next_action(
            part,
            await self._tools.core.store.read(transactions.job_of, part),
            observed,
            self._tools.core.now_ms(),
            self._tools.pace,
            looks=self._looks,
            one_attempt=not self._known.is_set(),
        )
        if action is not None:
            self._note(part, observed, action)
        self._waits_for_room = isinstance(observed, actions.Crowded) or isinstance(action, actions.PutBack)
        match action:
            case None:
                return None
            case actions.Send():
                return await self._send_again(part)
            case actions.Adopt(state, wait_ms):
                return await self._adopt(part, state, wait_ms)
            case actions.Wait(wait_ms, trouble, silent):
                if not silent:
                    await self._refresh_job(part, trouble)
                return wait_ms
            case actions.MarkUncertain(sentence, wait_ms):
                await self._notify(transactions.mark_uncertain, part, sentence, self._tools.core.now_ms())
                return wait_ms
            case actions.PutBack(wait_ms):
                await self._notify(
                    transactions.put_back, part, machine.no_room(part), self._tools.core.now_ms()
                )
                return wait_ms
            case actions.AskToStop(native_id):
                return await self._ask_to_stop(part, native_id)
            case actions.Collect(state, last):
                async with self._at_work(part):
                    return await self._collect(part, state, last)
            case actions.WriteOff():
                await self._close(self._tools.collector.close(part, machine.cancelled(), free=False))
            case actions.Refuse(reason):
                now = self._tools.core.now_ms()
                if part.state != "ended":
                    refused = vendor_batches.refused
                    await self._tools.core.store.write(refused, part.id, reason.kind, reason.message, now)
                await self._close(self._tools.collector.close(part, reason, free=True))
        return None

    @asynccontextmanager
    async def _at_work(self, part: VendorBatch) -> AsyncIterator[None]:
        """On the disk that results of the part are read, which may take the process with them."""
        store = self._tools.core.store
        await store.write(interruptions.begin, part.id)
        try:
            yield
        finally:
            await asyncio.shield(store.write(interruptions.end, part.id))

    async def _send_again(self, part: VendorBatch) -> int | None:
        chunk = await self._tools.uploader.chunk_of(part)
        with chunk.lines:
            if chunk.lines:
                return await self._attempt(part, chunk)
        await self._notify(transactions.close_part, part.id, self._tools.core.now_ms())
        return None

    async def _adopt(self, part: VendorBatch, state: BatchState, wait_ms: int) -> int | None:
        try:
            await self._tools.core.store.write(
                transactions.observe, part.id, state, self._tools.core.now_ms()
            )
        except Failure as failure:
            if failure.kind != "conflict":
                raise
            return await self._go_on(part, actions.Taken(failure.message))
        log.info("part %s was found at %s as %s", part.id, part.provider, state.native_id)
        await self._refresh_job(part)
        return wait_ms

    async def _ask_to_stop(self, part: VendorBatch, native_id: str) -> int | None:
        """Need nothing but the id: whether the vendor finds the batch otherwise is no matter."""
        try:
            key = await self._tools.uploader.key(part.provider)
            await self._tools.core.providers.batch(part.provider).cancel(key, native_id)
        except Failure as failure:
            return await self._go_on(part, failure)
        await self._notify(stops.heard, part, self._tools.core.now_ms())
        return await self._go_on(part, actions.Stopped())

    async def _collect(self, part: VendorBatch, state: BatchState, last: bool) -> int | None:
        """Close the part when every result that the vendor counts was read, or when this was the `last` time."""
        reading, collector = Reading(state), self._tools.collector
        try:
            # What is priced now stays so: results that are there wait for the prices.
            await self._tools.core.catalogue_whole()
        except Failure as failure:
            return await self._go_on(part, failure)
        adapter = self._tools.core.providers.batch(part.provider)
        try:
            key = await self._tools.uploader.key(part.provider)
            pages = collector.read(part, reading, adapter, key)
            await self._close(pages if not part.interruptions else self._going_on(part, pages))
        except Failure as failure:
            if not last or failure.kind in machine.NOT_THE_RESULTS:
                return await self._go_on(part, failure)
        nothing = state.ran_nothing
        reason = endings.without_result(part.provider, state, too_large=reading.too_large > 0)
        await self._close(collector.close(part, reason, free=nothing, ran_nothing=nothing))
        return None

    async def _going_on(
        self, part: VendorBatch, pages: AsyncGenerator[Page, None]
    ) -> AsyncGenerator[Page, None]:
        """The pages. With the first that is stored it is known that the last death was another thing's fault."""
        async with aclosing(pages):
            async for page in pages:
                yield page
                await self._tools.core.store.write(interruptions.went_on, part.id)

    async def _close(self, pages: AsyncGenerator[Page, None]) -> None:
        async with aclosing(pages):
            async for job, rows in pages:
                self._reporter.rows_ended(job, rows)

    async def _refresh_job(self, part: VendorBatch, trouble: Failure | None = None) -> None:
        await self._notify(transactions.refresh_job, part.job_id, self._tools.core.now_ms(), trouble)

    async def _notify(
        self,
        change: Callable[Concatenate[sqlite3.Connection, P], Job | None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        job = await self._tools.core.store.write(change, *args, **kwargs)
        if job is not None:
            self._reporter.changed(job)

    def _note(self, part: VendorBatch, observed: Observed, action: Action) -> None:
        failure = observed.failure if isinstance(observed, Sent) else observed
        if not isinstance(failure, Failure):
            return
        if failure.kind == "invalid_api_key" and not isinstance(action, actions.WriteOff):
            self._tools.core.on_invalid_key(part.provider)
        log.warning("part %s at %s: %s", part.id, part.provider, failure.message)
