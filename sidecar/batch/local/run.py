"""One running job: for each provider as many workers as keep its places filled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from sidecar import clock, failpoints
from sidecar.batch import row_transactions, safeguard_transactions
from sidecar.batch.local.caution import Caution
from sidecar.batch.local.provider_queue import ProviderQueue
from sidecar.batch.local.row_runner import RowRunner
from sidecar.batch.local.run_context import RowSkipped, RunContext
from sidecar.batch.progress import Progress, ProgressReporter
from sidecar.batch.watch import Watch
from sidecar.errors import Failure
from sidecar.settings import Settings
from sidecar.shortages import shortage
from sidecar.spending.budget import Budget, this_month
from sidecar.store import job_rows, jobs, pending_rows
from sidecar.store.job_records import Job, JobRow, Tripped
from sidecar.store.store import Store

log = logging.getLogger("sidecar.batch")

_FAULT = "The batch stopped by a fault of A-B/AI. Start it again."

CONCURRENCY = 8
# How long between two trials to store how a job ended.
AGAIN_SECONDS = 2.0
# After so many rows the month's spending is added up again, in case others have spent too.
ROWS_A_BUDGET_CHECK = 200


class JobRun:
    """Runs the rows that wait until none does, or until it is told to stop."""

    def __init__(
        self,
        job: Job,
        *,
        store: Store,
        runner: RowRunner,
        settings: Settings,
        notify: Callable[[Progress], None],
        notify_row: Callable[[str, JobRow], None],
        now_ms: clock.Now,
    ) -> None:
        self.job = job
        self._store = store
        self._runner = runner
        self._settings = settings
        self._now_ms = now_ms
        self._reporter = ProgressReporter(job, notify, notify_row, now_ms)
        self._caution = Caution(store, job)
        self._contexts: dict[str, RunContext] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._halted: Failure | None = None
        self._stopping = False
        # Set when it is told from outside to stop: then nothing is waited for any more.
        self._leaving = asyncio.Event()
        self._put_back = False
        self._must_check = True
        self._unchecked = 0
        self._limit: Decimal | None = None
        self._watch: Watch | None = None
        self._tripped: tuple[Tripped, ...] = ()
        self.handed_over = False

    async def run(self) -> None:
        """Raises nothing: what ends the job is stored and told. `handed_over`: its other rows are the vendor's."""
        try:
            failpoints.failpoint("job-run")
            self._watch = await Watch.of(self._store, self.job) if self.job.safeguard is not None else None
            try:
                if await self._passed_canary():
                    self._trip(self._watch.look(self.job) if self._watch else ())
                    await self._send_all()
            except Failure as failure:
                self._halt(failure)
            ended = None if self.handed_over else await self._concluded()
        except Failure as failure:
            # The job is as it was, and a start of the sidecar or of the job goes on with it.
            log.error("batch %s stopped: %s", self.job.id, failure.message)
            ended = None
        except Exception:
            log.exception("batch %s stopped by a bug", self.job.id)
            ended = None
        finally:
            self._reporter.close()
        if ended is not None:
            self._reporter.finished(ended)

    def stop_taking(self) -> None:
        """Rows that have begun may end; nothing else begins."""
        self._leaving.set()
        self._take_nothing()

    def _take_nothing(self) -> None:
        self._stopping = True
        for context in self._contexts.values():
            context.stopping = True

    def interrupt(self, *, put_back: bool) -> None:
        """Cuts off the rows in flight. With `put_back` they wait for the next start, else they are cancelled."""
        self._put_back = put_back
        self.stop_taking()
        for context in self._contexts.values():
            context.put_back = put_back
        for worker in self._workers:
            worker.cancel()

    async def _passed_canary(self) -> bool:
        """Run the canary if there is one. False where the other rows are not to be run, or not from here."""
        kept = self.job.safeguard
        if self._watch is None or kept is None or kept.phase != "canary":
            return True
        await self._send_all(canary=True)
        if self._stopping:
            return False
        job = await self._store.read(jobs.get, self.job.id) or self.job
        self._trip(self._watch.look(job, whole=True))
        if self._stopping:
            return False
        passed = await self._store.write(safeguard_transactions.pass_canary, self.job.id)
        if passed is None or passed.safeguard is None:
            return False
        self.handed_over = passed.mode != self.job.mode
        self.job = passed
        self._watch.passed(passed.safeguard)
        self._reporter.changed(passed)
        return not self.handed_over

    async def _send_all(self, *, canary: bool = False) -> None:
        chosen = await self._settings.effective()
        # Answers that were stored just before the process died need no place of a provider's.
        unread = self._contexts[""] = RunContext(
            self.job, self._caution, self._row_ended, self._budget, self._overran, 1
        )
        for row in await self._store.read(job_rows.kept, self.job.id):
            self._workers.add(asyncio.create_task(self._judge(unread, row)))
        for provider in await self._store.read(pending_rows.pending_providers, self.job.id):
            ceiling = self.job.concurrency or chosen["concurrency"].get(provider) or CONCURRENCY
            context = self._contexts[provider] = RunContext(
                self.job,
                self._caution,
                self._row_ended,
                self._budget,
                self._overran,
                ceiling,
                retries=chosen["retryBrokenAnswers"],
                stopping=self._stopping,
            )
            # Twice as many as there are places: who backs off has none, and somebody else uses it.
            workers = 2 * ceiling
            queue = ProviderQueue(
                self._store, self.job.id, provider, self._caution, wary_rows=workers, canary=canary
            )
            for _ in range(workers):
                self._workers.add(asyncio.create_task(self._work(queue, context)))
        if self._workers:
            await asyncio.wait(self._workers)
        self._workers.clear()

    async def _work(self, queue: ProviderQueue, context: RunContext) -> None:
        while not self._stopping:
            try:
                row = await queue.next()
                if row is None:
                    return
                await self._runner.run(context, row)
            except RowSkipped:
                continue
            except Failure as failure:
                self._halt(failure)
            except Exception as bug:
                self._halt(self._failed_by(bug))

    async def _judge(self, context: RunContext, row: JobRow) -> None:
        try:
            await self._runner.endings.judge_left_over(context, row)
        except Failure as failure:
            self._halt(failure)
        except Exception as bug:
            self._halt(self._failed_by(bug))

    def _failed_by(self, bug: Exception) -> Failure:
        log.error("batch %s failed by a bug", self.job.id, exc_info=bug)
        return shortage(bug) or Failure("internal_error", _FAULT)

    def _halt(self, failure: Failure) -> None:
        if self._halted is None:
            self._halted = failure
        self._take_nothing()

    async def _concluded(self) -> Job | None:
        """Conclude as soon as the disk takes it. Until then the job would seem to run, and nobody would run it."""
        while True:
            try:
                return await self._conclude()
            except Failure as failure:
                if failure.kind != "storage_error" or self._leaving.is_set():
                    raise
                log.error("batch %s cannot be ended yet: %s", self.job.id, failure.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._leaving.wait()

    async def _conclude(self) -> Job | None:
        now = self._now_ms()
        if self._tripped and self._watch is not None:
            write = self._store.write
            await write(safeguard_transactions.pause, self.job.id, self._tripped, self._watch.tally, now)
        elif self._halted is not None and self._halted.kind != "shutting_down":
            await self._store.write(row_transactions.stop, self.job.id, self._halted, now)
        elif not self._stopping:
            await self._store.write(row_transactions.complete, self.job.id, now)
        return await self._store.read(jobs.get, self.job.id)

    def _row_ended(self, job: Job, row: JobRow) -> None:
        self._reporter.rows_ended(job, (row,))
        if self._watch is not None:
            self._trip(self._watch.ended(job, row))

    def _trip(self, tripped: tuple[Tripped, ...]) -> None:
        """Let nothing more begin where a limit does not hold."""
        if tripped and not self._stopping:
            self._tripped = tripped
            self._take_nothing()

    def _overran(self) -> None:
        self._must_check = True

    async def _budget(self) -> Budget | None:
        """The budget when it must be looked at again, which means adding up the month; else None."""
        budget = await this_month(self._settings, self._now_ms())
        self._unchecked += 1
        changed, self._limit = budget.limit_usd != self._limit, budget.limit_usd
        due = self._must_check or self._unchecked >= ROWS_A_BUDGET_CHECK or changed
        if budget.limit_usd is None or not due:
            return None
        self._must_check, self._unchecked = False, 0
        return budget
