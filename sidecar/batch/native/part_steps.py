"""One part's steps: what is seen at its vendor goes to the machine, and what that decides is carried out."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Concatenate, ParamSpec

from sidecar.batch.native import actions, endings, interruptions, machine, reasons, stops, transactions
from sidecar.batch.native.actions import Action, Observed, Sent, Tried
from sidecar.batch.native.chunk_planner import Chunk
from sidecar.batch.native.collect import Page
from sidecar.batch.native.departure import Departure
from sidecar.batch.native.doubles import stop_double
from sidecar.batch.native.look import BrokenOff, Look
from sidecar.batch.native.other_key import explained
from sidecar.batch.native.reading import FailedReadings, Reading
from sidecar.batch.native.worker_tools import Tools
from sidecar.batch.progress import ProgressReporter
from sidecar.errors import Failure
from sidecar.providers.batches import GONE, BatchState
from sidecar.store import vendor_batches
from sidecar.store.job_records import Job, VendorBatch

P = ParamSpec("P")

log = logging.getLogger("sidecar.batch")


class PartSteps:
    """The steps of one part. `reporter` hears of its job. Each gives the ms until the next look, None after the last.

    `known`: whether it is known if the part arrived; as long as it is not, no second attempt is made.
    """

    def __init__(
        self, part_id: str, tools: Tools, reporter: ProgressReporter, known: Callable[[], bool]
    ) -> None:
        self.waits_for_room = False
        self._part_id = part_id
        self._tools = tools
        self._reporter = reporter
        self._known = known
        self._failed_readings = FailedReadings()
        self._tried = Tried(waited_ms=0)
        self._noted = ""
        self._departure: Departure | None = None
        self._look = Look()

    def waited(self, ms: int) -> None:
        """So much time has gone by, whatever the clock says."""
        self._tried = replace(self._tried, waited_ms=self._tried.waited_ms + ms)

    def call_back(self) -> None:
        """Nobody wants the part any more: have no further request of its sending leave, and wait for no look at it."""
        self._look.break_off()
        if self._departure is not None:
            self._departure.call_back()

    async def poll_once(self) -> int | None:
        """Look at the part once, and go on with it."""
        self._tried = replace(self._tried, looks=self._tried.looks + 1)
        self._look = Look()
        part = await self._tools.core.store.read(vendor_batches.get, self._part_id)
        if part is None:
            return None
        try:
            seen, observed = await self._observe(part)
            return None if seen is None else await self._go_on(seen, observed)
        except BrokenOff:
            return 0
        except Failure as failure:
            return await self._go_on(part, failure)

    async def _observe(self, part: VendorBatch) -> tuple[VendorBatch | None, Observed]:
        """The part as the look leaves it, None when it is gone, and what was seen. Raises Failure."""
        tools, place = self._tools, self._tools.places.to_look(part.provider)
        question = machine.must_ask(part, await tools.core.store.read(transactions.job_of, part))
        if question == "find":
            return part, await self._look.ask(tools.uploader.find(part), place)
        if question == "room":
            crowded = await tools.core.store.read(vendor_batches.others_at_work, part)
            return part, actions.Crowded() if crowded else None
        if question == "check" and part.native_id is not None:
            key = await tools.uploader.key(part.provider)
            check = tools.core.providers.batch(part.provider).check(key, part.native_id)
            state = await self._look.ask(check, place)
            now = tools.core.now_ms()
            return await tools.core.store.write(transactions.observe, part.id, state, now), state
        return part, None

    async def attempt(self, part: VendorBatch, chunk: Chunk) -> int | None:
        """Send the part, which was just written down."""
        async with self._at_work(part):
            sent = await self._handed_over(part, chunk)
        return await self._go_on(part, sent)

    async def _handed_over(self, part: VendorBatch, chunk: Chunk) -> Sent:
        self._tried = replace(self._tried, waited_ms=0)
        departure = self._departure = Departure()
        try:
            # Who cancelled it before there was anything to call back has said so on the disk.
            job = await self._tools.core.store.read(transactions.job_of, part)
            if job is None or job.status == "cancelled":
                return Sent(reasons.cancelled())
            await departure.run(self._tools.uploader.deliver(part, chunk, departure))
        except Failure as failure:
            return Sent(failure)
        finally:
            self._departure = None
        return Sent()

    async def _go_on(self, part: VendorBatch, observed: Observed) -> int | None:
        core = self._tools.core
        if isinstance(observed, BatchState) and observed.ended:
            self._tried = replace(self._tried, ended_looks=self._tried.ended_looks + 1)
        if isinstance(observed, Failure):
            observed = await explained(core.keys, part, observed)
        action = machine.next_action(
            part,
            await core.store.read(transactions.job_of, part),
            observed,
            core.now_ms(),
            self._tools.pace,
            replace(self._tried, one_attempt=not self._known()),
        )
        if action is not None:
            self._note(part, observed, action)
        self.waits_for_room = isinstance(observed, actions.Crowded) or isinstance(action, actions.PutBack)
        match action:
            case None:
                return None
            case actions.Send():
                return await self._send_again(part)
            case actions.Adopt(state, wait_ms, others):
                return await self._adopt(part, state, wait_ms, others)
            case actions.Wait(wait_ms, trouble, silent):
                if not silent:
                    await self._refresh_job(part, trouble)
                return wait_ms
            case actions.MarkUncertain(sentence, wait_ms):
                await self._notify(transactions.mark_uncertain, part, sentence, self._tools.core.now_ms())
                return wait_ms
            case actions.PutBack(wait_ms):
                await self._notify(transactions.put_back, part, reasons.no_room(part), core.now_ms())
                return wait_ms
            case actions.AskToStop(native_id):
                return await self._ask_to_stop(part, native_id)
            case actions.Collect(state, last):
                async with self._tools.places.to_load(part.provider), self._at_work(part):
                    return await self._collect(part, state, last)
            case actions.WriteOff():
                await self._close(self._tools.collector.close(part, reasons.cancelled(), free=False))
            case actions.Refuse(reason):
                now = self._tools.core.now_ms()
                if part.state != "ended":
                    refused = vendor_batches.refused
                    await self._tools.core.store.write(refused, part.id, reason.kind, reason.message, now)
                await self._close(self._tools.collector.close(part, reason, free=True))
        return None

    @asynccontextmanager
    async def _at_work(self, part: VendorBatch) -> AsyncIterator[None]:
        """On the disk that the part is sent or its results are read, which may take the process with it."""
        store, over = self._tools.core.store, interruptions.end
        await store.write(interruptions.begin, part.id)
        try:
            yield
        except asyncio.CancelledError:
            over = interruptions.leave_off
            raise
        finally:
            await asyncio.shield(store.write(over, part.id))

    async def _send_again(self, part: VendorBatch) -> int | None:
        sent = None
        async with self._tools.places.to_load(part.provider), self._at_work(part):
            chunk = await self._tools.planner.chunk_of(part)
            with chunk.lines:
                if chunk.lines:
                    sent = await self._handed_over(part, chunk)
        if sent is not None:
            return await self._go_on(part, sent)
        await self._notify(transactions.close_part, part.id, self._tools.core.now_ms())
        return None

    async def _adopt(
        self, part: VendorBatch, state: BatchState, wait_ms: int, others: Sequence[str]
    ) -> int | None:
        try:
            await self._tools.core.store.write(
                transactions.observe, part.id, state, self._tools.core.now_ms()
            )
        except Failure as failure:
            if failure.kind != "conflict":
                raise
            return await self._go_on(part, actions.Taken(failure.message))
        await self._tools.core.store.write(interruptions.went_on, part.id)
        log.info("part %s was found at %s as %s", part.id, part.provider, state.native_id)
        for native_id in others:
            await stop_double(self._tools.core, self._tools.uploader.key, part, native_id)
        await self._refresh_job(part)
        return wait_ms

    async def _ask_to_stop(self, part: VendorBatch, native_id: str) -> int | None:
        """Need nothing but the id: whether the vendor finds the batch otherwise is no matter."""
        try:
            key = await self._tools.uploader.key(part.provider)
            async with self._tools.places.to_stop(part.provider):
                await self._tools.core.providers.batch(part.provider).cancel(key, native_id)
        except Failure as failure:
            return await self._go_on(part, failure)
        await self._notify(stops.heard, part, self._tools.core.now_ms())
        return await self._go_on(part, actions.Stopped())

    async def _collect(self, part: VendorBatch, state: BatchState, last: bool) -> int | None:
        """Close the part when every result that the vendor counts was read, or when this was the `last` time."""
        reading = Reading(state, patient=self._tried.looks < machine.FEWEST_LOOKS, last=last)
        collector, whole, gone = self._tools.collector, True, False
        try:
            # What is priced now stays so: results that are there wait for the prices.
            await self._tools.core.catalogue_whole()
        except Failure as failure:
            return await self._go_on(part, failure)
        adapter = self._tools.core.providers.batch(part.provider)
        try:
            key = await self._tools.uploader.key(part.provider)
            pages = collector.read(part, reading, adapter, key)
            await self._close(
                pages
                if not part.interruptions
                else interruptions.going_on(self._tools.core.store, part, pages)
            )
        except Failure as failure:
            self._failed_readings.note(reading, failure)
            hopeless = self._failed_readings.hopeless(reading, failure, settled=self._settled(part))
            if not (last or hopeless) or failure.kind in machine.NOT_THE_RESULTS:
                return await self._go_on(part, failure)
            whole, gone = False, failure.status in GONE
        free = state.ran_nothing or (whole and reading.rest_is_free)
        reason = endings.without_result(
            part.provider, state, too_large=reading.too_large > 0, never_ran=free and not state.ran_nothing
        )
        if gone:
            reason = endings.gone(part, state)
        elif reading.names_no_rows:
            reason = endings.nameless(part, state)
        await self._close(collector.close(part, reason, free=free, ran_nothing=state.ran_nothing))
        return None

    def _settled(self, part: VendorBatch) -> bool:
        """Whether what an ended part names has had time to be there."""
        ended_at = part.ended_at or self._tools.core.now_ms()
        return self._tools.core.now_ms() - ended_at >= self._tools.pace.nameless_ms

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
            self._tools.core.key_refused(part.provider, failure)
        if failure.message != self._noted:  # at a vendor that is out of order it may be the same for a day
            log.warning("part %s at %s: %s", part.id, part.provider, failure.message)
        self._noted = failure.message
