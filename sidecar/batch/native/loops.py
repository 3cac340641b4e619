"""The jobs about which something goes on, each with its loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from sidecar.batch.native import interruptions, transactions
from sidecar.batch.native.pace import FIRST_WAIT_MS
from sidecar.batch.native.submission_loop import SubmissionLoop
from sidecar.batch.native.worker_tools import Tools
from sidecar.batch.progress import Progress, ProgressReporter
from sidecar.store.job_records import Job, JobRow, VendorBatch

# How long the end of the process waits for a creation to be answered.
CLOSE_SECONDS = 2.0


class SubmissionLoops:
    """A loop for each job, made when it is asked for. `notify` and `notify_row` are told what happens to its job."""

    def __init__(
        self, tools: Tools, notify: Callable[[Progress], None], notify_row: Callable[[str, JobRow], None]
    ) -> None:
        self._tools = tools
        self._notify = notify
        self._notify_row = notify_row
        self._loops: dict[str, SubmissionLoop] = {}

    def of(self, job: Job) -> SubmissionLoop:
        """Return the job's loop."""
        self._loops = {id_: loop for id_, loop in self._loops.items() if not loop.ended}
        loop = self._loops.get(job.id)
        if loop is None:
            reporter = ProgressReporter(job, self._notify, self._notify_row, self._tools.core.now_ms)
            loop = self._loops[job.id] = SubmissionLoop(job.id, self._tools, reporter)
        return loop

    def is_sending(self, job_id: str) -> bool:
        """Whether rows of the job are being sent."""
        return job_id in self._loops and self._loops[job_id].sending

    async def go_on(self, job: Job, parts: Sequence[VendorBatch], *, waits: bool) -> None:
        """Look after the open parts that the last run left, those aside that were set aside, and send what `waits`."""
        loop = self.of(job)
        if any(map(interruptions.is_aside, parts)):
            core = self._tools.core
            await core.store.write(transactions.refresh_job, job.id, core.now_ms())
        for part in parts:
            if not interruptions.is_aside(part):
                known = part.state in ("submitted", "ended")
                loop.worker(part.id, FIRST_WAIT_MS if known else 0)
        if waits:
            loop.send()

    async def leave(self, parts: Sequence[VendorBatch], patience_seconds: float) -> None:
        """Stop looking after anything of these parts' jobs.

        What is not created yet is called back. A creation that is under way is waited for, so long at most: nobody
        could stop it later.
        """
        loops = {part.job_id: self._loops[part.job_id] for part in parts if part.job_id in self._loops}
        for part in parts:
            if part.job_id in loops:
                loops[part.job_id].call_back(part.id)
        creating = [
            loops[part.job_id].rested(part.id)
            for part in parts
            if part.native_id is None and part.submitted_at is not None and part.job_id in loops
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*creating), patience_seconds)
        await asyncio.gather(*(loop.leave_alone() for loop in loops.values()))

    async def close(self) -> None:
        """End every look and every sending; all of it goes on at the next start."""
        await asyncio.gather(*(loop.close(CLOSE_SECONDS) for loop in self._loops.values()))
