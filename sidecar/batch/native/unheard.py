"""Asks vendors to stop batches whose project was deleted, until they have heard it, over restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sidecar.batch.native import transactions
from sidecar.batch.native.loops import SubmissionLoops
from sidecar.batch.native.machine import LONGEST_DOUBT_MS
from sidecar.batch.native.pace import Pace
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.store import unheard_stops, vendor_batches
from sidecar.store.unheard_stops import UnheardStop

# How long a deletion waits until it is known whether a part that is being sent has arrived.
ARRIVAL_SECONDS = 120.0

log = logging.getLogger("sidecar.batch")


class UnheardStops:
    """One task, while there is something to be heard. `key` gives a provider's API key, or raises Failure."""

    def __init__(
        self,
        core: Core,
        key: Callable[[str], Awaitable[str]],
        pace: Pace,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = core.store
        self._providers = core.providers
        self._now_ms = core.now_ms
        self._key = key
        self._pace = pace
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    async def stop_project(self, project_id: str, loops: SubmissionLoops) -> None:
        """Ask vendors to stop what a project that is about to be deleted has there, until they have heard it.

        Its cost stays unknown. Nothing of it is sent any more. A creation that is under way is waited for: nobody
        could stop it later. Raise Failure("storage_error").
        """
        for job in await self._store.write(transactions.cancel_project, project_id, self._now_ms()):
            loops.of(job).reporter.changed(job)
        parts = await self._store.read(vendor_batches.open_of_project, project_id)
        # Nobody collects what is about to be written off.
        await loops.leave(parts, ARRIVAL_SECONDS)
        for part in await self._store.read(vendor_batches.open_of_project, project_id):
            if part.native_id is not None:
                await self.ask(part.provider, part.native_id)
            await self._store.write(transactions.write_off, part, self._now_ms())
        self.begin()

    async def ask(self, provider: str, native_id: str) -> None:
        """Write down that the vendor is to stop the batch, and ask it once. `begin` goes on where that was not heard.

        Raise Failure("storage_error").
        """
        now = self._now_ms()
        await self._store.write(unheard_stops.add, provider, native_id, now)
        await self._try(UnheardStop(provider, native_id, now))

    def begin(self) -> None:
        """Go on asking for what was not heard yet."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; the next start goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        looks = 0
        try:
            while waiting := await self._store.read(unheard_stops.waiting):
                await self._sleep(self._pace.later_ms(looks) / 1000)
                looks += 1
                for stop in waiting:
                    await self._try(stop)
        except Failure as failure:
            log.warning("stops that were not heard wait for the next start: %s", failure.message)

    async def _try(self, stop: UnheardStop) -> None:
        try:
            heard = await self._heard(stop)
        except Failure as failure:
            # A vendor may not find at once what it has created; after so long it has ended whatever it was.
            heard = self._now_ms() - stop.asked_at >= LONGEST_DOUBT_MS
            log.info("%s has not heard that it is to stop a batch: %s", stop.provider, failure.message)
        if heard:
            await self._store.write(unheard_stops.remove, stop.provider, stop.native_id)

    async def _heard(self, stop: UnheardStop) -> bool:
        adapter, key = self._providers.batch(stop.provider), await self._key(stop.provider)
        try:
            await adapter.cancel(key, stop.native_id)
        except Failure:
            # One that has ended cannot be stopped.
            return (await adapter.check(key, stop.native_id)).ended
        return True
