"""One part, from its sending to its end: a task that takes its steps, and waits between them by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from sidecar.batch.native.chunk_planner import Chunk
from sidecar.batch.native.pace import DISK_WAIT_MS, LONGEST_WAIT_MS
from sidecar.batch.native.part_steps import PartSteps
from sidecar.batch.native.worker_tools import Tools
from sidecar.batch.progress import ProgressReporter
from sidecar.errors import Failure
from sidecar.store import vendor_batches
from sidecar.store.job_records import VendorBatch

log = logging.getLogger("sidecar.batch")

Step = Callable[[], Awaitable[int | None]]
"""Gives the milliseconds until the next step, None after the last one."""


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
        # What kept the last step from being written down.
        self.unsaved: Failure | None = None
        self._tools = tools
        self._news = news
        self._wake = asyncio.Event()
        self._resting = asyncio.Event()
        self._known = asyncio.Event()
        self._steps = PartSteps(part_id, tools, reporter, self._known.is_set)
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
        self._task = asyncio.create_task(self._run(0, partial(self._steps.attempt, part, chunk)))

    @property
    def ended(self) -> bool:
        """Whether nothing is done about the part any more."""
        return self._task is None or self._task.done()

    def wake(self) -> None:
        """Take the next step at once."""
        self._wake.set()

    def call_back(self) -> None:
        """Nobody wants the part any more: send nothing more of it, and take the next step at once."""
        self._steps.call_back()
        self.wake()

    def try_for_room(self) -> None:
        """Take the next step at once where the part waits until its vendor has room: another part has ended."""
        if self._steps.waits_for_room:
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
                asked, self._next_step = self._next_step, asyncio.get_running_loop().create_future()
                try:
                    wait_ms = await self._step(self._steps.poll_once)
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
            self.unsaved = None
            if not self._known.is_set() and await self._is_known():
                self._known.set()
        except Failure as failure:  # the store's: a vendor's is a part of the step
            log.warning("a batch waits until it can be saved: %s", failure.message)
            self.unsaved = failure
            self._known.set()
            wait_ms = DISK_WAIT_MS
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
        loop_time = asyncio.get_running_loop().time
        began = loop_time()
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
            slept = sleeping.done() and not sleeping.cancelled()
            self._steps.waited(wait_ms if slept else min(wait_ms, int((loop_time() - began) * 1000)))
        finally:
            for task in (sleeping, woken):
                task.cancel()
            await asyncio.gather(sleeping, woken, return_exceptions=True)
        self._wake.clear()
