"""The rows of a job that wait for one provider, in order."""

from __future__ import annotations

import asyncio
from collections import deque

from sidecar.batch.local.caution import Caution
from sidecar.store import pending_rows
from sidecar.store.job_records import PendingRow
from sidecar.store.store import Store

PAGE_ROWS = 100


class ProviderQueue:
    """A provider's rows in order, read a page at a time; with caution the first `wary_rows` are read one by one."""

    def __init__(
        self,
        store: Store,
        job_id: str,
        provider: str,
        caution: Caution,
        *,
        wary_rows: int,
        canary: bool = False,
    ) -> None:
        self._store = store
        self._canary = canary
        self._job_id = job_id
        self._provider = provider
        self._caution = caution
        self._wary_rows = caution.rows(wary_rows)
        self._page: deque[PendingRow] = deque()
        self._after = -1
        self._reading = asyncio.Lock()

    async def next(self) -> PendingRow | None:
        """The next row, None when there is no more."""
        async with self._reading:
            if not self._page:
                page = await (self._read_warily() if self._wary_rows > 0 else self._read(PAGE_ROWS))
                self._page.extend(page)
                if page:
                    self._after = page[-1].row_index
            return self._page.popleft() if self._page else None

    async def _read_warily(self) -> list[PendingRow]:
        self._wary_rows -= 1
        row_id = await self._store.read(
            pending_rows.next_id, self._job_id, self._provider, self._after, canary=self._canary
        )
        if row_id is None:
            return []
        self._caution.expect(row_id)
        # A row can be too large to be read at all.
        async with self._caution.of(row_id):
            return await self._read(1)

    async def _read(self, limit: int) -> list[PendingRow]:
        return await self._store.read(
            pending_rows.next_pending,
            self._job_id,
            self._provider,
            self._after,
            limit,
            canary=self._canary,
        )
