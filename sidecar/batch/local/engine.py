"""Runs local batches in the background: starts, cancels, resumes after a crash, and stops in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from sidecar.batch import jobs as moves
from sidecar.batch import row_transactions
from sidecar.batch.canary import canary_of
from sidecar.batch.job_turns import KeyedLock, Resumption, unless_cancelled
from sidecar.batch.local.row_runner import RowRunner
from sidecar.batch.local.run import JobRun
from sidecar.batch.progress import Progress
from sidecar.batch.safeguard_transactions import NOTHING_WANTED, SafeguardWanted
from sidecar.batch.validation import refuse_missing_keys
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.providers.kernel.limits import Hold
from sidecar.spending.budget import this_month
from sidecar.store import job_deaths, jobs
from sidecar.store.job_records import Job, JobRow, LimitName, RowStatus

log = logging.getLogger("sidecar.batch")


class Engine:
    """The local jobs that run. `notify` gets their progress; `notify_row` each row that has ended, of jobs that were
    started with `notify_rows`.

    `hand_over` is told of a job whose canary ran here, and whose other rows are the vendor's from now on.
    """

    def __init__(
        self,
        *,
        core: Core,
        runner: RowRunner,
        notify: Callable[[Progress], None],
        notify_row: Callable[[str, JobRow], None],
        hand_over: Callable[[str], None] = lambda job_id: None,
    ) -> None:
        self._core = core
        self._store = core.store
        self.runner = runner
        self._providers = core.providers
        self._keys = core.keys
        self._settings = core.settings
        self._now_ms = core.now_ms
        self._catalogue_whole = core.catalogue_whole
        self._notify = notify
        self._notify_row = notify_row
        self._hand_over = hand_over
        self._runs: dict[str, tuple[JobRun, asyncio.Task[None]]] = {}
        self._starting: set[str] = set()
        self._keyed_lock = KeyedLock()
        self._stopping = False
        self._stopped_at = 0.0
        self.resumption = Resumption(core.store, self._recover)

    async def start(
        self,
        job_id: str,
        *,
        retry_failed: bool = False,
        concurrency: int | None = None,
        notify_rows: bool = False,
        canary: int = 0,
        limits: Mapping[LimitName, float] | None = None,
    ) -> Job:
        """The job, running from now on. So many rows as a `canary` run first; `limits` are where it pauses by itself.

        Raises Failure: "not_found", "conflict", "missing_api_key", "budget_exceeded".
        """
        await self.resumption.ready()
        async with self._keyed_lock.of(job_id):
            if self._stopping:
                raise Failure("shutting_down", "A-B/AI is closing. Start it again and repeat what you did.")
            if job_id in self._runs:
                raise moves.already_running()
            self._starting.add(job_id)
            try:
                job, statuses = await self._refuse_unready(job_id, retry_failed)
                first = await canary_of(self._core, job, canary, ("pending", *statuses)) if canary else ()
                now = self._now_ms()
                beginning = self._store.write(
                    row_transactions.start,
                    job_id,
                    retry_failed=retry_failed,
                    now=now,
                    concurrency=concurrency,
                    notify_rows=notify_rows,
                    budget=await this_month(self._settings, now),
                    wanted=SafeguardWanted(first, limits) if first or limits is not None else NOTHING_WANTED,
                )
                job = await unless_cancelled(
                    beginning, lambda: self._store.write(row_transactions.cancel, job_id, self._now_ms())
                )
                self._run(job)
            finally:
                self._starting.discard(job_id)
        return job

    async def cancel(self, job_id: str) -> Job:
        """Stops sending at once and cuts off what is in flight; gives the job once all of it is settled.

        Raises Failure: "not_found", "conflict".
        """
        await self.resumption.ready()
        async with self._keyed_lock.of(job_id):
            running = self._runs.get(job_id)
            job = await self._store.write(row_transactions.cancel, job_id, self._now_ms())
        if running is None:
            return job
        await self._cut_off(running)
        return await self._store.read(jobs.get, job_id) or job

    async def cancel_project(self, project_id: str) -> None:
        """Stops the jobs of a project that is about to be deleted."""
        await self.resumption.ready()
        for job_id, (run, _) in list(self._runs.items()):
            if run.job.project_id == project_id:
                try:
                    await self.cancel(job_id)
                except Failure as failure:
                    if failure.kind not in ("conflict", "not_found"):
                        raise

    def is_running(self, job_id: str) -> bool:
        return job_id in self._runs or job_id in self._starting

    def holds(self) -> dict[str, Hold]:
        """The providers whose limits keep the next row waiting, and between which times."""
        return self.runner.limiters.holds()

    async def finished(self, job_id: str) -> None:
        """Waits until the job runs no more, whatever ended it."""
        await self.resumption.over()
        running = self._runs.get(job_id)
        if running is not None:
            await asyncio.wait({running[1]})

    def stop_taking(self) -> None:
        """The process is about to end: rows in flight may end, nothing begins."""
        if not self._stopping:
            self._stopped_at = asyncio.get_running_loop().time()
        self._stopping = True
        for run, _ in self._runs.values():
            run.stop_taking()

    async def close(self, grace_seconds: float) -> None:
        """Waits for rows in flight, so long since `stop_taking`, then cuts them off.

        They and their jobs go on at the next start. To be called before the store closes.
        """
        self.stop_taking()
        await self.resumption.end()
        tasks = {task for _, task in self._runs.values()}
        if tasks:
            passed = asyncio.get_running_loop().time() - self._stopped_at
            await asyncio.wait(tasks, timeout=max(0.0, grace_seconds - passed))
        for run, _ in list(self._runs.values()):
            run.interrupt(put_back=True)
        if tasks:
            await asyncio.wait(tasks)
            with suppress(Failure):
                await self._store.write(job_deaths.leave_off_all, "local")

    async def _recover(self) -> tuple[str, ...]:
        await self._catalogue_whole()
        left = await self._store.read(jobs.going_on, "local")
        if left:
            with suppress(Failure):  # a disk that takes no mark is told by the rows
                await self._store.write(job_deaths.begin, [job.id for job in left])
        for job in left:
            if not self._stopping and not self.is_running(job.id):
                self._run(job)
        return tuple(job.id for job in left)

    async def _refuse_unready(self, job_id: str, retry_failed: bool) -> tuple[Job, tuple[RowStatus, ...]]:
        """Give the job and which of its ended rows are sent again."""
        job = await self._store.read(jobs.get, job_id)
        if job is None:
            raise moves.unknown_job()
        await self._catalogue_whole()
        statuses = moves.rows_to_reopen(job, retry_failed=retry_failed)
        needed = await self._store.read(row_transactions.reopenable, job_id, statuses)
        await refuse_missing_keys(set(needed), self._providers, self._keys)
        return job, statuses

    def _run(self, job: Job) -> None:
        run = JobRun(
            job,
            store=self._store,
            runner=self.runner,
            settings=self._settings,
            notify=self._notify,
            notify_row=self._notify_row,
            now_ms=self._now_ms,
        )
        task = asyncio.create_task(run.run())
        self._runs[job.id] = (run, task)
        task.add_done_callback(lambda _: self._ended(run))

    def _ended(self, run: JobRun) -> None:
        self._runs.pop(run.job.id, None)
        # When the process is about to end, the next start finds a job at a vendor that has yet to send its rows.
        if run.handed_over and not self._stopping:
            self._hand_over(run.job.id)

    async def _cut_off(self, running: tuple[JobRun, asyncio.Task[None]]) -> None:
        run, task = running
        run.interrupt(put_back=False)
        await asyncio.wait({task})
