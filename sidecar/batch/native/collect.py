"""What came out of a native batch, row by row: matched by id, priced, stored a page at a time. Twice is harmless."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from sidecar import failpoints
from sidecar.batch import row_outcomes
from sidecar.batch.native import chunks, endings, transactions
from sidecar.batch.native.reading import MOST_LETTERS, Reading, letters
from sidecar.batch.native.transactions import Settled
from sidecar.batch.row import Row
from sidecar.batch.row_transactions import retry_on_storage_error
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money import charge as charging
from sidecar.money.model import utc_day
from sidecar.providers.base import TextDelta, ThinkingDelta, Usage
from sidecar.providers.batches import BatchAdapter, BatchResult, BatchState
from sidecar.spending import settlement
from sidecar.spending.free_searches import Allowance
from sidecar.store import vendor_batches
from sidecar.store.job_records import Job, JobRow, RowOutcome, VendorBatch, VendorBatchRow
from sidecar.store.records import Settlement

log = logging.getLogger("sidecar.batch")

PAGE_ROWS = 100

Page = tuple[Job, Sequence[JobRow]]
"""A job as a commit left it, with the rows that ended in that commit."""


class Collector:
    """Stores what vendors say came of rows, a page at a time."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._catalogue = core.catalogue
        self._checker = core.checker
        self._free_searches = core.free_searches
        self._now_ms = core.now_ms

    async def read(
        self, part: VendorBatch, reading: Reading, adapter: BatchAdapter, key: str
    ) -> AsyncGenerator[Page, None]:
        """Store every result of an ended batch that can be read.

        Raise Failure when they break off, or are fewer than the vendor counts: what was read is kept.
        """
        page: list[BatchResult] = []
        page_letters = 0
        broken: Failure | None = None
        try:
            async with aclosing(adapter.results(key, reading.state)) as results:
                async for outcome in results:
                    if outcome.custom_id:
                        outcome = replace(outcome, custom_id=chunks.own_id(part.tag, outcome.custom_id))
                    if outcome.too_large:
                        reading.too_large += 1
                    elif not outcome.custom_id and outcome.is_reply:
                        reading.nameless += 1
                        reading.first_nameless = reading.first_nameless or outcome
                    elif not outcome.custom_id:
                        reading.unreadable += 1
                    elif outcome.failure is None and outcome.never_ran is None:
                        reading.drop(outcome.custom_id)
                        page.append(outcome)
                        page_letters += letters(outcome)
                    else:
                        reading.hold(outcome)
                    if len(page) >= PAGE_ROWS or page_letters >= MOST_LETTERS:
                        for stored in await self._take(part, reading, page):
                            yield stored
                        page, page_letters = [], 0
                    if reading.holds_enough:
                        for stored in await self._take_held(part, reading):
                            yield stored
        except Failure as failure:
            broken = failure
        for stored in await self._take(part, reading, page):
            yield stored
        if broken is None or reading.last:
            # Of a reading that broke off, an answer may stand in what is still to come.
            for stored in await self._take_held(part, reading):
                yield stored
        if broken is None:
            for stored in await self._take_the_last(part, reading):
                yield stored
        missing = await self._store.read(vendor_batches.missing, part.id)
        problem = broken or reading.problem(part.provider, missing)
        if problem is not None and missing:
            raise problem

    async def close(
        self, part: VendorBatch, failure: Failure, *, free: bool, ran_nothing: bool = False
    ) -> AsyncGenerator[Page, None]:
        """End the rows that have no result for that reason, and the part.

        `free`: it is certain that they cost nothing. `ran_nothing`: nor did any other row of the part.
        """
        job = await self._store.read(transactions.job_of, part)
        cancelled = failure.kind == "cancelled" or (job is not None and job.status == "cancelled")
        outcome = RowOutcome("cancelled") if cancelled else row_outcomes.unsent(failure)
        kind = "cancelled" if cancelled else failure.kind
        money = settlement.refused(kind) if free else settlement.unknown(kind)
        after = ""
        while page := await self._store.read(vendor_batches.unfinished, part.id, after, PAGE_ROWS):
            after = page[-1].custom_id
            for stored in await self._store_page(
                part, [Settled(row.row.id, row.custom_id, outcome, money) for row in page]
            ):
                yield stored
        ended = await self._store.write(
            transactions.close_part, part.id, self._now_ms(), ran_nothing=ran_nothing
        )
        if ended is not None:
            yield ended, ()

    async def _take_the_last(self, part: VendorBatch, reading: Reading) -> list[Page]:
        """The one reply that names no row, where all rows but one have theirs: there is no doubt whose it is."""
        if reading.nameless != 1 or reading.unreadable or reading.too_large or reading.first_nameless is None:
            return []
        left = await self._store.read(vendor_batches.unfinished, part.id, "", 2)
        if len(left) != 1 or len(reading.ours) != part.rows - 1:
            return []
        reading.nameless = 0
        return await self._take(part, reading, [replace(reading.first_nameless, custom_id=left[0].custom_id)])

    async def _take_held(self, part: VendorBatch, reading: Reading) -> list[Page]:
        held, stored = reading.let_go(), list[Page]()
        for first in range(0, len(held), PAGE_ROWS):
            stored += await self._take(part, reading, held[first : first + PAGE_ROWS])
        return stored

    async def _take(self, part: VendorBatch, reading: Reading, page: Sequence[BatchResult]) -> list[Page]:
        if not page:
            return []
        ids = [outcome.custom_id for outcome in page]
        rows = await self._store.read(_waiting, part.id, ids)
        ours = await self._store.read(vendor_batches.members_among, part.id, ids)
        reading.ours |= ours
        if len(reading.strange) <= part.rows:
            reading.strange.update(each for each in ids if each not in ours)
        reading.ran.update(
            each.custom_id for each in page if each.never_ran is None and each.custom_id in ours
        )
        settled = [
            await self._settled(part, row, outcome, reading.state)
            for row, outcome in zip(rows, page, strict=True)
            if row is not None
        ]
        stored = await self._store_page(part, settled)
        failpoints.failpoint("during-results")
        return stored

    async def _store_page(self, part: VendorBatch, page: Sequence[Settled]) -> list[Page]:
        job, rows = await retry_on_storage_error(
            lambda: self._store.write(transactions.settle, part, page, self._now_ms())
        )
        return [(job, rows)] if job is not None and rows else []

    async def _settled(
        self, part: VendorBatch, row: VendorBatchRow, came: BatchResult, state: BatchState
    ) -> Settled:
        try:
            outcome, money = await self._read(part, row, came, state)
        except Exception:  # one row that trips us must not keep the others from being stored
            log.exception("the result of a row of a batch could not be read")
            outcome = row_outcomes.unsent(Failure("internal_error", row_outcomes.INTERNAL))
            money = settlement.unknown("internal_error")
        return Settled(row.row.id, row.custom_id, outcome, money)

    async def _read(
        self, part: VendorBatch, row: VendorBatchRow, came: BatchResult, state: BatchState
    ) -> tuple[RowOutcome, Settlement]:
        if came.never_ran is not None and state.ending == "refused":
            refused = endings.without_result(part.provider, state)
            return row_outcomes.unsent(refused), settlement.refused(refused.kind)
        if came.never_ran == "cancelled":
            return RowOutcome("cancelled"), settlement.refused("cancelled")
        if came.never_ran == "expired":
            return row_outcomes.unsent(Failure("timeout", endings.EXPIRED)), settlement.refused("timeout")
        transcript = _transcript(came)
        pricing = partial(
            self._charge, part, row, transcript, await self._allowance(part, row, transcript.usage)
        )
        failure = came.failure
        if failure is None and came.done is None:
            failure = Failure("provider_unavailable", endings.NO_RESULT)
        if failure is not None:
            money = settlement.broken(failure, transcript, pricing)
            return row_outcomes.broken(failure, transcript, money, None), money
        asked = Row(row.row.request).options()
        money = settlement.whole(transcript, pricing)
        # When the vendor began with the row is not told, so nothing is known of its latency.
        outcome = row_outcomes.answered(transcript, money, None)
        if asked.json_mode or asked.json_schema is not None:
            problem = await self._checker.problem(
                transcript.text, asked.json_schema, transcript.finish_reason
            )
            outcome = row_outcomes.judged(outcome, problem)
        return outcome, money

    async def _allowance(
        self, part: VendorBatch, row: VendorBatchRow, usage: Usage | None
    ) -> Allowance | None:
        if usage is None or not usage.searches:
            return None
        try:
            called = self._catalogue.served(row.model, utc_day(part.created_at)).model
        except Failure:  # without a model there is no price, nor anything free
            return None
        price = self._catalogue.price_entry(called, utc_day(part.created_at))
        return await self._free_searches.of(price, part.created_at)

    def _charge(
        self,
        part: VendorBatch,
        row: VendorBatchRow,
        transcript: StreamAccumulator,
        allowance: Allowance | None,
        usage: Usage | None,
        *,
        least: bool = False,
    ) -> charging.Charge:
        day = utc_day(part.created_at)
        if usage is not None and allowance is not None:
            free = allowance.take(f"{part.id}/{row.custom_id}", usage.searches)
            usage = replace(usage, free_searches=free)
        try:
            called = self._catalogue.served(row.model, day).model
        except Failure:  # taken out of models.json since: the answer was paid for all the same
            return charging.Charge(row.model, None, None, None, "the model is not known any more")
        return charging.charge(
            self._catalogue, called, transcript.served_model, usage, day, batch=True, least=least
        )


def _waiting(
    conn: sqlite3.Connection, part_id: str, custom_ids: Sequence[str]
) -> list[VendorBatchRow | None]:
    # The same id twice in one page is the vendor's mistake; the first answer counts.
    seen: set[str] = set()
    found: list[VendorBatchRow | None] = []
    for custom_id in custom_ids:
        found.append(None if custom_id in seen else vendor_batches.waiting_row(conn, part_id, custom_id))
        seen.add(custom_id)
    return found


def _transcript(came: BatchResult) -> StreamAccumulator:
    transcript = StreamAccumulator()
    if came.text:
        transcript.take(TextDelta(came.text))
    if came.thinking:
        transcript.take(ThinkingDelta(came.thinking))
    if came.done is not None:
        transcript.take(came.done)
    return transcript
