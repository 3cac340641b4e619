"""One row, from its question to its settlement: written down before it leaves, whatever ends it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.local.attempt_guard import AttemptGuard
from sidecar.batch.local.row_endings import RowEndings
from sidecar.batch.local.run_context import Fate, NobodyThere, RowSkipped, RunContext, Trial
from sidecar.batch.row import Row, request_fingerprint
from sidecar.chat.most_today import MostToday
from sidecar.chat.paid_answer import PaidAnswer
from sidecar.chat.prepare import PreparedRequest, RequestPreparer
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money.model import utc_day
from sidecar.money.tokens import estimate
from sidecar.providers.kernel.limits import KeyLimiters
from sidecar.spending import intent
from sidecar.spending.budget import this_month
from sidecar.store import job_rows
from sidecar.store.job_records import Job, PendingRow
from sidecar.store.records import LedgerEntry, Settlement

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")

# How long nothing leaves for a provider where nobody was there.
LOOK_AGAIN_MS = 5_000
# What cut an answer may last a moment: the first time so long, the second time twice as long, and so on.
PAUSE_SECONDS = 0.5


@dataclass(slots=True)
class _Asking:
    """A row that is asked once: as what, and the `answer` that is paid for. `written`: its intent is on the disk."""

    context: RunContext
    row: PendingRow
    trial: Trial
    prepared: PreparedRequest
    answer: PaidAnswer
    written: bool = False

    @property
    def entry(self) -> LedgerEntry:
        """Its row of the ledger, as it is written before the request leaves."""
        return self.answer.entry


class RowRunner:
    """Runs rows of any job, and leaves their ends to `endings`. Everything it is made of is handed in."""

    def __init__(
        self,
        *,
        core: Core,
        preparer: RequestPreparer,
        limiters: KeyLimiters,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._core = core
        self._store = core.store
        self._preparer = preparer
        self.endings = RowEndings(core, sleep)
        self.limiters = limiters
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._sleep = sleep
        self._most_today = MostToday()

    async def run(self, context: RunContext, row: PendingRow) -> None:
        """Runs a row to its end, which is stored whatever it is. An answer that broke off is asked for again.

        Raises RowSkipped, Failure("budget_exceeded") and Failure("storage_error") when the row did not begin and
        waits as before, a Failure that is `spent` when the vendor's credit is used up and it waits again, one that is
        `out_of_reach` when nobody has been there for long, and
        Failure("storage_error") too when its result could not be saved.
        """
        async with context.caution.whole(row.id):
            await self._to_its_end(context, row)

    async def _to_its_end(self, context: RunContext, row: PendingRow) -> None:
        trial = Trial(context.answers)
        while True:
            try:
                if not await self._ask_once(context, row, trial):
                    return
            except NobodyThere:
                trial.waits(context.answers)
                continue
            row = row.broken_off()
            await self._sleep(row.broken_answers * PAUSE_SECONDS)

    async def _ask_once(self, context: RunContext, row: PendingRow, trial: Trial) -> bool:
        """True where the answer broke off, and the row waits for its next attempt."""
        async with context.caution.of(row.id):
            try:
                failpoints.failpoint("row-preparing", row.prompt)
                prepared = await self._preparer.prepare(Row(row.request).chat_input(row.prompt))
                if (refused := context.refusal_of(prepared.key)) is not None:
                    raise Failure(refused.kind, refused.message)
            except Failure as failure:
                await self.endings.end(context, row, row_outcomes.unsent(failure))
                return False
            mark = await self._core.key_marks.of(prepared.key)
            entry = await self._entry(context.job, row, prepared, mark)
            asking = _Asking(context, row, trial, prepared, PaidAnswer(self._core, prepared, entry))
            guard = self._guard(asking)
        try:
            return await self._ask(asking, guard)
        finally:
            guard.end()

    async def _entry(
        self, job: Job, row: PendingRow, prepared: PreparedRequest, mark: str | None
    ) -> LedgerEntry:
        drafted = intent.entry(
            self._core.catalogue,
            prepared.serving,
            entry_id=self._new_id(),
            kind="batch",
            now=self._now_ms(),
            host=prepared.host,
            key_mark=mark,
        )
        price = self._core.catalogue.price_entry(prepared.serving.model, utc_day(drafted.created_at))
        most = await self._most_today.of(prepared, price, row.reserve_usd)
        return replace(drafted, project_id=job.project_id, job_id=job.id, row_id=row.id, estimate_usd=most)

    def _guard(self, asking: _Asking) -> AttemptGuard:
        context, prepared = asking.context, asking.prepared
        model, request = prepared.serving.model, prepared.request
        texts = (prepared.chat_input.content, request.system, request.developer)

        async def record() -> None:
            if asking.written:
                await self._store.write(job_rows.attempt_again, asking.row.id, self._now_ms())
            else:
                async with context.caution.of(asking.row.id):
                    await self._begin(asking)

        return AttemptGuard(
            self.limiters.of(model.provider, prepared.key, context.ceiling),
            context.places,
            model.id,
            sum(estimate(text) for text in texts if text),
            record,
            asking.answer.hold_back,
            self._now_ms,
        )

    async def _begin(self, asking: _Asking) -> None:
        context, row, prepared = asking.context, asking.row, asking.prepared
        # The job holds so much for it: nothing where an answer broke off, too little where its price rose since.
        dearer = (asking.entry.estimate_usd or 0) > (row.reserve_usd or 0)
        budget = await this_month(self._core.settings, self._now_ms()) if dearer else await context.budget()
        name = request_fingerprint(prepared.serving.model.provider, prepared.request)
        if context.stopping:
            raise RowSkipped
        failpoints.failpoint("before-row-intent")
        writing = asyncio.ensure_future(
            self._store.write(row_transactions.begin_row, row, name, asking.entry, budget, self._now_ms())
        )
        try:
            asking.written = await asyncio.shield(writing)
            failpoints.failpoint("after-row-intent")
        except asyncio.CancelledError:
            # The intent is on its way to the disk; left open, the row would seem to be under way.
            await asyncio.wait({writing})
            asking.written = writing.exception() is None and writing.result()
            raise
        if not asking.written:
            raise RowSkipped

    async def _ask(self, asking: _Asking, guard: AttemptGuard) -> bool:
        context, row, prepared, answer = asking.context, asking.row, asking.prepared, asking.answer
        try:
            await guard.enter()
            failpoints.failpoint_soon("row-sent")
            await answer.read(prepared.plan, guard)
        except BaseException as problem:
            if not asking.written:
                raise
            # Shielded: a second cancellation must not lose what was paid.
            again = await self.endings.shielded(self._settle_broken(asking, guard, problem))
            if not isinstance(problem, Exception):
                raise
            return again
        context.answered()
        failpoints.failpoint("after-row-answer")
        money = answer.whole()
        outcome = row_outcomes.answered(answer.arrived, money, guard.latency_ms(self._now_ms()) or 0)
        if not prepared.wants_json:
            await self.endings.shielded(self.endings.end(context, row, outcome, answer.entry_id, money))
            return False
        # On the disk before anything looks into it: what is paid for is not paid again, whatever that look does.
        await self.endings.shielded(self.endings.keep(context, row, outcome, answer.entry_id, money))
        guard.end()
        failpoints.failpoint("row-kept")
        await self.endings.judge(context, row.id, outcome, prepared.json_schema)
        return False

    async def _settle_broken(self, asking: _Asking, guard: AttemptGuard, problem: BaseException) -> bool:
        """Settle what was paid. True where the row is to be asked again; else it has ended, or waits."""
        context, row, answer = asking.context, asking.row, asking.answer
        if isinstance(problem, Failure):
            known = context.refusal_of(answer.key) is not None
            answer.name(problem, known=known)
            if problem.kind == "invalid_api_key" and not known:
                context.refuse(answer.key, problem)
        elif isinstance(problem, Exception):
            log.error("a row of a batch failed by a bug", exc_info=problem)
        money = answer.broken(problem, in_flight=guard.in_flight)
        latency = guard.latency_ms(self._now_ms())
        others: Fate = "fails"
        if isinstance(problem, Failure) and money.state == "failed":
            others = self._effect_on_job(asking, problem)
        if others != "fails" or (context.put_back and not isinstance(problem, Exception)):
            await self._write(row_transactions.requeue, asking, money)
            if others == "stops":
                # It would be the same with every row: the job stops, and this one waits with the others.
                raise problem
            if others == "waits":
                guard.put_off(LOOK_AGAIN_MS)
                raise NobodyThere
            return False
        may_ask = row.broken_answers < context.retries and row_outcomes.asks_again(problem, answer.arrived)
        if may_ask and await self._write(row_transactions.ask_again, asking, money):
            failpoints.failpoint("row-waits-again")
            return True
        outcome = row_outcomes.broken(problem, answer.arrived, money, latency)
        await self.endings.end(context, row, outcome, answer.entry_id, money)
        return False

    def _effect_on_job(self, asking: _Asking, refused: Failure) -> Fate:
        """What becomes of this row, and of all others where it does not fail alone."""
        if refused.out_of_reach:
            return asking.context.lost(asking.trial, self._now_ms())
        asking.context.lost_since = None
        return "stops" if _affects_every_row(refused) else "fails"

    async def _write(
        self,
        transaction: Callable[[sqlite3.Connection, PendingRow, LedgerEntry, Settlement, int], T],
        asking: _Asking,
        money: Settlement,
    ) -> T:
        return await self.endings.saved(
            lambda: self._store.write(transaction, asking.row, asking.entry, money, self._now_ms())
        )


def _affects_every_row(refused: Failure) -> bool:
    """Whether every other row would be refused as well: nothing is left, here or there, or nobody waits for it."""
    return (
        refused.kind == "budget_exceeded"
        or refused.spent
        or (refused.retry_after_ms or 0) > AttemptGuard.longest_hint_ms
    )
