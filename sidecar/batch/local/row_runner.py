"""One row, from its question to its settlement: written down before it leaves, whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar, cast

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.local.attempt_guard import AttemptGuard
from sidecar.batch.row import Row, request_fingerprint
from sidecar.batch.row_transactions import retry_on_storage_error
from sidecar.chat.prepare import PreparedRequest, RequestPreparer
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money import charge as charging
from sidecar.money.model import utc_day
from sidecar.money.tokens import estimate
from sidecar.providers.base import Begun, FinishReason, Usage
from sidecar.providers.kernel.limits import KeyLimiters
from sidecar.spending import intent, settlement
from sidecar.spending.budget import Budget
from sidecar.spending.settlement import Settlement
from sidecar.store import job_rows
from sidecar.store.job_records import Job, JobRow, PendingRow, RowOutcome
from sidecar.store.records import LedgerEntry

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")

# What cut an answer may last a moment: the first time so long, the second time twice as long, and so on.
PAUSE_SECONDS = 0.5


class RowSkipped(Exception):
    """The row must not begin: its job has stopped, or the row is no longer waiting."""


@dataclass(slots=True)
class RunContext:
    """What a job's rows at one provider run under; `ceiling` is the most of them at once.

    `retries` is how often a row is asked again whose answer broke off; `overran` has the budget asked before the next
    row. `stopping` lets nothing begin; `put_back` makes rows that are cut off wait again. `refused_key` is what the
    provider said of the key, and every further row hears it without asking.
    """

    job: Job
    ended: Callable[[Job, JobRow], None]
    budget: Callable[[], Awaitable[Budget | None]]
    overran: Callable[[], None]
    ceiling: int
    retries: int = 0
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
        self._checker = core.checker
        self.limiters = limiters
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._on_invalid_key = core.on_invalid_key
        self._sleep = sleep

    async def run(self, context: RunContext, row: PendingRow) -> None:
        """Runs a row to its end, which is stored whatever it is. An answer that broke off is asked for again.

        Raises RowSkipped, Failure("budget_exceeded") and Failure("storage_error") when the row did not begin and
        waits as before, a Failure that is `spent` when the vendor's credit is used up and it waits again, and
        Failure("storage_error") too when its result could not be saved.
        """
        while await self._broke_off(context, row):
            row = replace(row, broken_answers=row.broken_answers + 1)
            await self._sleep(row.broken_answers * PAUSE_SECONDS)

    async def _broke_off(self, context: RunContext, row: PendingRow) -> bool:
        """Ask once. True where the answer broke off, and the row waits for its next attempt."""
        try:
            prepared = await self._preparer.prepare(Row(row.request).chat_input(row.prompt))
            if context.refused_key is not None:
                raise Failure(context.refused_key.kind, context.refused_key.message)
        except Failure as failure:
            await self._end(context, row, row_outcomes.unsent(failure), None, None)
            return False
        row_intent = RowIntent(self._entry(context.job, row, prepared))
        guard = self._guard(context, row, prepared, row_intent)
        try:
            return await self._ask(context, row, prepared, row_intent, guard)
        finally:
            guard.leave()

    def _entry(self, job: Job, row: PendingRow, prepared: PreparedRequest) -> LedgerEntry:
        drafted = intent.entry(
            self._catalogue,
            prepared.serving,
            entry_id=self._new_id(),
            kind="batch",
            now=self._now_ms(),
            host=prepared.host,
            key=prepared.key,
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
    ) -> bool:
        accumulator = StreamAccumulator()
        try:
            await guard.enter()
            failpoints.failpoint_soon("row-sent")
            async with aclosing(prepared.provider.stream(prepared.plan, prepared.key, guard)) as events:
                async for event in events:
                    accumulator.take(event)
                    if isinstance(event, Begun):
                        await intent.keep_response_id(self._store, row_intent.entry.id, event)
        except BaseException as problem:
            if not row_intent.written:
                raise
            # Shielded: a second cancellation must not lose what was paid.
            again = await self._shielded(
                self._settle_broken(context, row, prepared, row_intent, guard, accumulator, problem)
            )
            if not isinstance(problem, Exception):
                raise
            return again
        failpoints.failpoint("after-row-answer")
        money = settlement.whole(accumulator, partial(self._charge, prepared, row_intent, accumulator))
        outcome = row_outcomes.answered(accumulator, money, guard.latency_ms(self._now_ms()) or 0)
        guard.leave()
        if not prepared.wants_json:
            await self._shielded(self._end(context, row, outcome, row_intent, money))
            return False
        # On the disk before anything looks into it: what is paid for is not paid again, whatever that look does.
        await self._shielded(self._keep(context, row, outcome, row_intent, money))
        failpoints.failpoint("row-kept")
        await self._judge(context, row.id, outcome, prepared.json_schema)
        return False

    async def judge(self, context: RunContext, row: JobRow) -> None:
        """Hold the answer of a row, which was stored before the process died, against its schema, and end the row."""
        outcome = RowOutcome(
            "success",
            row.response,
            row.tokens_in,
            row.tokens_out,
            None,
            row.latency_ms,
            None,
            None,
            row.finish_reason,
        )
        try:
            schema = Row(row.request or {}).options().json_schema
        except Failure as failure:
            await self._end_kept(context, row.id, row_outcomes.judged(outcome, failure))
            return
        await self._judge(context, row.id, outcome, schema)

    async def _judge(
        self, context: RunContext, row_id: str, outcome: RowOutcome, schema: Mapping[str, Any] | None
    ) -> None:
        finish = cast("FinishReason", outcome.finish_reason)
        try:
            problem = await self._checker.problem(outcome.response or "", schema, finish)
        except asyncio.CancelledError:
            # At the end of the process it stays as it is, and is judged at the next start.
            if not context.put_back:
                cut = row_outcomes.unchecked(outcome)
                await self._shielded(self._end_kept(context, row_id, cut))
            raise
        await self._shielded(self._end_kept(context, row_id, row_outcomes.judged(outcome, problem)))

    async def _settle_broken(
        self,
        context: RunContext,
        row: PendingRow,
        prepared: PreparedRequest,
        row_intent: RowIntent,
        guard: AttemptGuard,
        accumulator: StreamAccumulator,
        problem: BaseException,
    ) -> bool:
        """Settle what was paid. True where the row is to be asked again; else it has ended, or waits."""
        if isinstance(problem, Failure):
            prepared.with_context(problem)
            if problem.kind == "invalid_api_key" and context.refused_key is None:
                context.refused_key = problem
                self._on_invalid_key(prepared.serving.model.provider)
        elif isinstance(problem, Exception):
            log.error("a row of a batch failed by a bug", exc_info=problem)
        pricing = partial(self._charge, prepared, row_intent, accumulator)
        money = settlement.broken(problem, accumulator, pricing, in_flight=guard.in_flight)
        latency = guard.latency_ms(self._now_ms())
        guard.leave()
        spent = isinstance(problem, Failure) and problem.spent and money.state == "failed"
        if spent or (context.put_back and not isinstance(problem, Exception)):
            await self._saved(
                lambda: self._store.write(
                    row_transactions.requeue, row, row_intent.entry, money, self._now_ms()
                )
            )
            if spent:
                # It would be the same with every row: the job stops, and this one waits with the others.
                raise problem
            return False
        left = row.broken_answers < context.retries
        if left and row_outcomes.asks_again(problem, accumulator):
            waits = await self._saved(
                lambda: self._store.write(
                    row_transactions.ask_again, row, row_intent.entry, money, self._now_ms()
                )
            )
            if waits:
                failpoints.failpoint("row-waits-again")
                # What broke off may have cost its most, and nobody reckoned with a second time.
                context.overran()
                return True
        outcome = row_outcomes.broken(problem, accumulator, money, latency)
        await self._end(context, row, outcome, row_intent, money)
        return False

    async def _keep(
        self,
        context: RunContext,
        row: PendingRow,
        outcome: RowOutcome,
        row_intent: RowIntent,
        money: Settlement,
    ) -> None:
        """The answer is stored and its cost counted; the row goes on as one that is under way."""
        await self._saved(
            lambda: self._store.write(
                row_transactions.keep_answer,
                context.job.id,
                row.id,
                outcome,
                entry_id=row_intent.entry.id,
                settlement=money,
                now=self._now_ms(),
            )
        )
        self._look_for_overrun(context, row, money)

    async def _end_kept(self, context: RunContext, row_id: str, outcome: RowOutcome) -> None:
        ended = await self._saved(
            lambda: self._store.write(
                row_transactions.end_kept, context.job.id, row_id, outcome, now=self._now_ms()
            )
        )
        failpoints.failpoint("row-stored")
        if ended is not None:
            context.ended(*ended)

    def _look_for_overrun(self, context: RunContext, row: PendingRow, money: Settlement) -> None:
        if (money.cost_usd or Decimal(0)) > (row.reserve_usd or Decimal(0)):
            context.overran()

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
        if money is not None:
            self._look_for_overrun(context, row, money)
        if ended is not None:
            context.ended(*ended)

    async def _saved(self, write: Callable[[], Awaitable[T]]) -> T:
        return await retry_on_storage_error(write, self._sleep)

    async def _shielded(self, work: Awaitable[T]) -> T:
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                log.error("a row that was cut off could not be settled", exc_info=task.exception())
            raise

    def _charge(
        self,
        prepared: PreparedRequest,
        row_intent: RowIntent,
        accumulator: StreamAccumulator,
        usage: Usage | None,
    ) -> charging.Charge:
        day = utc_day(row_intent.entry.created_at)
        return charging.charge(self._catalogue, prepared.serving.model, accumulator.served_model, usage, day)
