"""How rows begin after a death of the process in which their job was at work: one at a time, each written down before.

What takes the process while a row is read, prepared or reserved leaves no trace at the row. The next death then says
which one it was, and the start after it sets that row aside (`sidecar/spending/recovery.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.errors import Failure
from sidecar.store import job_deaths
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

    def rows(self, held: int) -> int:
        """Return how many of a provider's next rows begin with caution, where so many may have been held before."""
        return held if self._wary else 0

    def expect(self, row_id: str) -> None:
        """This row begins with caution."""
        self._rows.add(row_id)

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
