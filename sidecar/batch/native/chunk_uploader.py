"""Chunks on their way to a vendor: written down, handed over once, and looked for where nobody knows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sidecar import failpoints
from sidecar.batch.native import intents, reasons, transactions
from sidecar.batch.native.chunk_planner import Chunk
from sidecar.batch.native.departure import Departure
from sidecar.batch.native.intents import SentBy
from sidecar.batch.row_transactions import retry_on_storage_error
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.key_text import key_mark
from sidecar.providers.batches import BatchPart, LookupResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.spending.budget import this_month
from sidecar.store import vendor_batches
from sidecar.store.job_records import VendorBatch

OTHER_KEY = "It was sent with another API key, and with the present one it cannot be seen: put that key back."


class ChunkUploader:
    """Hands chunks over as parts. Everything it is made of is handed in."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._providers = core.providers
        self._keys = core.keys
        self._key_marks = core.key_marks
        self._now_ms = core.now_ms
        self._settings = core.settings

    async def open(self, job_id: str, provider: str, chunk: Chunk) -> VendorBatch | None:
        """Commits the intent: the part, its rows and what each may cost. None when the job runs no more.

        Raises Failure("budget_exceeded") where their price has risen since, and what they may cost is not left.
        """
        part = VendorBatch(
            id=chunk.part_id,
            job_id=job_id,
            provider=provider,
            tag=chunk.tag,
            state="intent",
            rows=len(chunk.members),
            created_at=self._now_ms(),
            model=chunk.model,
            bytes=chunk.size.bytes,
        )
        failpoints.failpoint("before-part-intent")
        budget = await this_month(self._settings, part.created_at)
        opened = await self._store.write(intents.open_part, part, chunk.members, part.created_at, budget)
        failpoints.failpoint("after-part-intent")
        return part if opened else None

    async def deliver(self, part: VendorBatch, chunk: Chunk, departure: Departure) -> None:
        """Uploads and creates, with what is certain committed at each step.

        Raises OutcomeUnknown when the part may have been created, any other Failure when it certainly was not;
        of these Failure("cancelled") says that nobody wants it any more. `departure` may call it back.
        """
        adapter, key = self._providers.batch(part.provider), await self.key(part.provider)
        batch = BatchPart(
            part.tag, chunk.model, chunk.lines, chunk.custom_ids, part.created_at, part.input_file_id
        )
        file_id = await adapter.upload(key, batch)
        failpoints.failpoint("after-upload")
        departure.begin()
        mark, host = key_mark(key, part.id), self._providers.host(part.provider)
        sent_by = SentBy(host, mark, await self._key_marks.of(key))
        if not await self._store.write(intents.sending, part, file_id, sent_by, self._now_ms()):
            raise reasons.cancelled()
        failpoints.failpoint_soon("create-sent")
        try:
            state = await adapter.create(key, replace(batch, input_file_id=file_id, pacer=departure))
        except OutcomeUnknown:
            raise
        except asyncio.CancelledError:
            if departure.called_back:
                await self._store.write(vendor_batches.not_sent, part.id)
            raise
        except Failure:
            await self._store.write(vendor_batches.not_sent, part.id)
            raise
        failpoints.failpoint("after-create-answer")
        try:
            await retry_on_storage_error(
                lambda: self._store.write(transactions.observe, part.id, state, self._now_ms())
            )
        except Failure as failure:
            # It was created, and that could not be written down: it must be looked for, not sent again.
            raise OutcomeUnknown.instead_of(failure) from failure

    async def find(self, part: VendorBatch) -> LookupResult:
        """Looks for the part at its vendor. Raises Failure when the vendor cannot be asked.

        What another key does not see may be there all the same: such an absence is never certain.
        """
        adapter, key = self._providers.batch(part.provider), await self.key(part.provider)
        ids = await self._store.read(vendor_batches.travelling, part.id)
        others = await self._store.read(vendor_batches.native_ids_of_others, part)
        found = await adapter.find(
            key, BatchPart(part.tag, part.model or "", (), ids, part.created_at, part.input_file_id, others)
        )
        if found.state is None and part.key_mark not in (None, key_mark(key, part.id)):
            return LookupResult(None, False, OTHER_KEY)
        return found

    async def key(self, provider: str) -> str:
        """The key to call with. Raises Failure("missing_api_key")."""
        key = await self._keys.get(provider)
        if key is None and self._providers.needs_key(provider):
            raise Failure(
                "missing_api_key",
                f"Missing API key for provider: {provider}. Add it in the settings; the batch then goes on.",
                provider=provider,
            )
        return key or ""
