"""How a row ends, on the disk: its outcome, its cost, and, where JSON was asked for, what came of looking into it.

What was paid for is stored before anything looks into it, whoever cancels meanwhile, and again while the disk refuses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.local.run_context import RunContext
from sidecar.batch.row import Row
from sidecar.batch.row_transactions import write_when_possible
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.providers.base import FinishReason
from sidecar.store.job_records import JobRow, PendingRow, RowOutcome
from sidecar.store.records import Settlement

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")


class RowEndings:
    """Ends rows of any job. Each of its writes raises Failure("storage_error") once the disk has refused for long."""

    def __init__(self, core: Core, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._store = core.store
        self._checker = core.checker
        self._now_ms = core.now_ms
        self._sleep = sleep

    async def end(
        self,
        context: RunContext,
        row: PendingRow,
        outcome: RowOutcome,
        entry_id: str | None = None,
        money: Settlement | None = None,
    ) -> None:
        """End a row, with what the ledger's row `entry_id` is told where one was written for it."""
        ended = await self.saved(
            lambda: self._store.write(
                row_transactions.end_row,
                context.job.id,
                row.id,
                outcome,
                entry_id=entry_id,
                settlement=money,
                reserve_usd=row.reserve_usd,
                now=self._now_ms(),
            )
        )
        failpoints.failpoint("row-stored")
        if money is not None:
            _look_for_overrun(context, row, money)
        if ended is not None:
            context.ended(*ended)

    async def keep(
        self, context: RunContext, row: PendingRow, outcome: RowOutcome, entry_id: str, money: Settlement
    ) -> None:
        """The answer is stored and its cost counted; the row goes on as one that is under way."""
        await self.saved(
            lambda: self._store.write(
                row_transactions.keep_answer,
                context.job.id,
                row.id,
                outcome,
                entry_id=entry_id,
                settlement=money,
                now=self._now_ms(),
            )
        )
        _look_for_overrun(context, row, money)

    async def judge(
        self, context: RunContext, row_id: str, outcome: RowOutcome, schema: Mapping[str, Any] | None
    ) -> None:
        """Hold a kept answer against its schema, and end its row with what came of it."""
        finish = cast("FinishReason", outcome.finish_reason)
        try:
            problem = await self._checker.problem(outcome.response or "", schema, finish)
        except asyncio.CancelledError:
            # At the end of the process it stays as it is, and is judged at the next start.
            if not context.put_back:
                await self.shielded(self._end_kept(context, row_id, row_outcomes.unchecked(outcome)))
            raise
        await self.shielded(self._end_kept(context, row_id, row_outcomes.judged(outcome, problem)))

    async def judge_left_over(self, context: RunContext, row: JobRow) -> None:
        """Judge an answer that was kept before the process died."""
        outcome = RowOutcome(
            "success",
            response=row.response,
            tokens_in=row.tokens_in,
            tokens_out=row.tokens_out,
            latency_ms=row.latency_ms,
            finish_reason=row.finish_reason,
        )
        try:
            schema = Row(row.request or {}).options().json_schema
        except Failure as failure:
            await self._end_kept(context, row.id, row_outcomes.judged(outcome, failure))
            return
        await self.judge(context, row.id, outcome, schema)

    async def saved(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write, again and again while the disk refuses."""
        return await write_when_possible(write, self._sleep)

    async def shielded(self, work: Awaitable[T]) -> T:
        """Run `work` to its end even if the caller is cancelled, and raise the cancellation only then."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                log.error("a row that was cut off could not be settled", exc_info=task.exception())
            raise

    async def _end_kept(self, context: RunContext, row_id: str, outcome: RowOutcome) -> None:
        ended = await self.saved(
            lambda: self._store.write(
                row_transactions.end_kept, context.job.id, row_id, outcome, now=self._now_ms()
            )
        )
        failpoints.failpoint("row-stored")
        if ended is not None:
            context.ended(*ended)


def _look_for_overrun(context: RunContext, row: PendingRow, money: Settlement) -> None:
    if (money.cost_usd or Decimal(0)) > (row.reserve_usd or Decimal(0)):
        context.overran()
