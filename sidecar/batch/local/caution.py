"""How rows begin after a death of the process in which their job was at work: one at a time, each written down before.

What takes the process while a row is read, prepared or reserved leaves no trace at the row. The next death then says
which one it was, and the start after it sets that row aside (`sidecar/spending/recovery.py`).

A row that was at work in a death may be the reason too. No other row is prepared beside it, so that a second death with
both does not put the blame on one that only was about to begin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.errors import Failure
from sidecar.store import job_deaths, row_sweeps
from sidecar.store.job_records import Job
from sidecar.store.store import Store

log = logging.getLogger("sidecar.batch")


class Caution:
    """The rows of a job that begin with caution: none, where the job was not at work in the last death."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job_id = job.id
        self._wary = job.interruptions > 0
        self._rows: set[str] = set()
        self._turn = asyncio.Lock()
        self._suspects: frozenset[str] | None = None if self._wary else frozenset()
        self._under_way: set[str] = set()
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()

    def rows(self, held: int) -> int:
        """Return how many of a provider's next rows begin with caution, where so many may have been held before."""
        return held if self._wary else 0

    def expect(self, row_id: str) -> None:
        """This row begins with caution."""
        self._rows.add(row_id)

    @asynccontextmanager
    async def whole(self, row_id: str) -> AsyncIterator[None]:
        """A row from its preparation to its end. One that was at work in a death lets none be prepared beside it."""
        if self._suspects is None:
            self._suspects = frozenset(await self._store.read(row_sweeps.at_work_in_a_death, self._job_id))
        if row_id not in self._suspects:
            await self._none_under_way.wait()
            yield
            return
        self._under_way.add(row_id)
        self._none_under_way.clear()
        try:
            yield
        finally:
            self._under_way.discard(row_id)
            if not self._under_way:
                self._none_under_way.set()

    @asynccontextmanager
    async def of(self, row_id: str) -> AsyncIterator[None]:
        """A step of a row before it is under way: where it is taken with caution, nobody else takes one meanwhile."""
        if row_id not in self._rows:
            yield
            return
        async with self._turn:
            await self._mark(row_id)
            try:
                yield
            finally:
                await self._mark(None)

    async def _mark(self, row_id: str | None) -> None:
        try:
            await self._store.write(job_deaths.mark_row, self._job_id, row_id)
        except Failure as failure:
            # Where the disk refuses, nothing can be written down of the row either, and it does not leave.
            log.warning("a row begins without its mark: %s", failure.message)
