"""One row, from its question to its settlement: written down before it leaves, whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeVar

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.local.attempt_guard import AttemptGuard
from sidecar.batch.request_fingerprint import request_fingerprint
from sidecar.batch.row import Row
from sidecar.batch.storage_retry import retry_on_storage_error
from sidecar.chat.prepare import PreparedRequest, RequestPreparer
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money import charge as charging
from sidecar.money.model import utc_day
from sidecar.money.tokens import estimate
from sidecar.providers.kernel.limits import KeyLimiters
from sidecar.spending import intent, settlement
from sidecar.spending.budget import Budget
from sidecar.spending.settlement import Settlement
from sidecar.store import job_rows
from sidecar.store.job_records import Job, JobRow, PendingRow, RowOutcome
from sidecar.store.records import LedgerEntry

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")


class RowSkipped(Exception):
    """The row must not begin: its job has stopped, or the row is no longer waiting."""


@dataclass(slots=True)
class RunContext:
    """What a job's rows at one provider run under; `ceiling` is the most of them at once.

    `stopping` lets nothing begin; `put_back` makes rows that are cut off wait again. `refused_key` is what the
    provider said of the key, and every further row hears it without asking.
    """

    job: Job
    ended: Callable[[Job, JobRow], None]
    budget: Callable[[], Awaitable[Budget | None]]
    overran: Callable[[], None]
    ceiling: int
    stopping: bool = False
    put_back: bool = False
    refused_key: Failure | None = None
    places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.ceiling)


@dataclass(slots=True)
class RowIntent:
    """What is written before a row leaves, and whether it is on the disk."""

    entry: LedgerEntry
    written: bool = False


class RowRunner:
    """Runs rows of any job. Everything it is made of is handed in."""

    def __init__(
        self,
        *,
        core: Core,
        preparer: RequestPreparer,
        limiters: KeyLimiters,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = core.store
        self._catalogue = core.catalogue
        self._preparer = preparer
        self.limiters = limiters
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._on_invalid_key = core.on_invalid_key
        self._sleep = sleep

    async def run(self, context: RunContext, row: PendingRow) -> None:
        """Runs a row to its end, which is stored whatever it is.

        Raises RowSkipped, Failure("budget_exceeded") and Failure("storage_error") when the row did not begin and
        waits as before, Failure("storage_error") too when its result could not be saved.
        """
        try:
            prepared = await self._preparer.prepare(Row(row.request).chat_input(row.prompt))
            if context.refused_key is not None:
                raise Failure(context.refused_key.kind, context.refused_key.message)
        except Failure as failure:
            await self._end(context, row, row_outcomes.unsent(failure), None, None)
            return
        row_intent = RowIntent(self._entry(context.job, row, prepared))
        guard = self._guard(context, row, prepared, row_intent)
        try:
            await self._ask(context, row, prepared, row_intent, guard)
        finally:
            guard.leave()

    def _entry(self, job: Job, row: PendingRow, prepared: PreparedRequest) -> LedgerEntry:
        drafted = intent.entry(
            self._catalogue, prepared.serving, entry_id=self._new_id(), kind="batch", now=self._now_ms()
        )
        return replace(
            drafted, project_id=job.project_id, job_id=job.id, row_id=row.id, estimate_usd=row.reserve_usd
        )

    def _guard(
        self, context: RunContext, row: PendingRow, prepared: PreparedRequest, row_intent: RowIntent
    ) -> AttemptGuard:
        model, request = prepared.serving.model, prepared.request
        texts = (prepared.chat_input.content, request.system, request.developer)

        async def record() -> None:
            if row_intent.written:
                await self._store.write(job_rows.attempt_again, row.id, self._now_ms())
            else:
                await self._begin(context, row, prepared, row_intent)

        return AttemptGuard(
            self.limiters.of(model.provider, prepared.key, context.ceiling),
            context.places,
            model.id,
            sum(estimate(text) for text in texts if text),
            record,
            self._now_ms,
        )

    async def _begin(
        self, context: RunContext, row: PendingRow, prepared: PreparedRequest, row_intent: RowIntent
    ) -> None:
        budget = await context.budget()
        name = request_fingerprint(prepared.serving.model.provider, prepared.request)
        if context.stopping:
            raise RowSkipped
        failpoints.failpoint("before-row-intent")
        writing = asyncio.ensure_future(
            self._store.write(row_transactions.begin_row, row, name, row_intent.entry, budget, self._now_ms())
        )
        try:
            row_intent.written = await asyncio.shield(writing)
            failpoints.failpoint("after-row-intent")
        except asyncio.CancelledError:
            # The intent is on its way to the disk; left open, the row would seem to be under way.
            await asyncio.wait({writing})
            row_intent.written = writing.exception() is None and writing.result()
            raise
        if not row_intent.written:
            raise RowSkipped

    async def _ask(
        self,
        context: RunContext,
        row: PendingRow,
        prepared: PreparedRequest,
        row_intent: RowIntent,
        guard: AttemptGuard,
    ) -> None:
        accumulator = StreamAccumulator()
        try:
            await guard.enter()
            failpoints.failpoint_soon("row-sent")
            async with aclosing(prepared.provider.stream(prepared.plan, prepared.key, guard)) as events:
                async for event in events:
                    accumulator.take(event)
        except BaseException as problem:
            if not row_intent.written:
                raise
            # Shielded: a second cancellation must not lose what was paid.
            await self._shielded(
                self._settle_broken(context, row, prepared, row_intent, guard, accumulator, problem)
            )
            if not isinstance(problem, Exception):
                raise
            return
        failpoints.failpoint("after-row-answer")
        now = self._now_ms()
        money = settlement.whole(accumulator, self._charge(prepared, row_intent, accumulator))
        outcome = row_outcomes.answered(
            accumulator, money, guard.latency_ms(now) or 0, prepared.wants_json, prepared.json_schema
        )
        guard.leave()
        await self._shielded(self._end(context, row, outcome, row_intent, money))

    async def _settle_broken(
        self,
        context: RunContext,
        row: PendingRow,
        prepared: PreparedRequest,
        row_intent: RowIntent,
        guard: AttemptGuard,
        accumulator: StreamAccumulator,
        problem: BaseException,
    ) -> None:
        if isinstance(problem, Failure):
            prepared.with_context(problem)
            if problem.kind == "invalid_api_key" and context.refused_key is None:
                context.refused_key = problem
                self._on_invalid_key(prepared.serving.model.provider)
        elif isinstance(problem, Exception):
            log.error("a row of a batch failed by a bug", exc_info=problem)
        charge = self._charge(prepared, row_intent, accumulator)
        money = settlement.broken(problem, accumulator, charge, in_flight=guard.in_flight)
        latency = guard.latency_ms(self._now_ms())
        guard.leave()
        if context.put_back and not isinstance(problem, Exception):
            await self._saved(
                lambda: self._store.write(
                    row_transactions.requeue, row, row_intent.entry, money, self._now_ms()
                )
            )
            return
        outcome = row_outcomes.broken(problem, accumulator, money, latency)
        await self._end(context, row, outcome, row_intent, money)

    async def _end(
        self,
        context: RunContext,
        row: PendingRow,
        outcome: RowOutcome,
        row_intent: RowIntent | None,
        money: Settlement | None,
    ) -> None:
        ended = await self._saved(
            lambda: self._store.write(
                row_transactions.end_row,
                context.job.id,
                row.id,
                outcome,
                entry_id=row_intent.entry.id if row_intent else None,
                settlement=money,
                reserve_usd=row.reserve_usd,
                now=self._now_ms(),
            )
        )
        failpoints.failpoint("row-stored")
        if money is not None and (money.cost_usd or Decimal(0)) > (row.reserve_usd or Decimal(0)):
            context.overran()
        if ended is not None:
            context.ended(*ended)

    async def _saved(self, write: Callable[[], Awaitable[T]]) -> T:
        return await retry_on_storage_error(write, self._sleep)

    async def _shielded(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                log.error("a row that was cut off could not be settled", exc_info=task.exception())
            raise

    def _charge(
        self, prepared: PreparedRequest, row_intent: RowIntent, accumulator: StreamAccumulator
    ) -> charging.Charge:
        day = utc_day(row_intent.entry.created_at)
        return charging.charge(
            self._catalogue, prepared.serving.model, accumulator.served_model, accumulator.usage, day
        )
