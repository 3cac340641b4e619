"""Rows on their way to a vendor: planned, packed into parts, written down, handed over once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.native import chunks, intents, reasons, transactions
from sidecar.batch.native.chunks import ChunkSize, SpooledLines
from sidecar.batch.native.departure import Departure
from sidecar.batch.native.intents import Member, SentBy
from sidecar.batch.native.transactions import Settled
from sidecar.batch.row import Row, request_fingerprint
from sidecar.batch.row_transactions import retry_on_storage_error
from sidecar.chat.most_today import MostToday
from sidecar.chat.prepare import PreparedRequest, RequestPreparer
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.give_way import give_way
from sidecar.key_text import key_mark
from sidecar.money.charge import price_record
from sidecar.money.model import utc_day
from sidecar.providers.batches import BatchPart, LookupResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.spending import intent
from sidecar.spending.budget import this_month
from sidecar.spending.settlement import refused
from sidecar.store import pending_rows, vendor_batches
from sidecar.store.job_records import PendingRow, VendorBatch

PAGE_ROWS = 200
OTHER_KEY = "It was sent with another API key, and with the present one it cannot be seen: put that key back."


@dataclass(slots=True)
class Chunk:
    """The lines of a part and what is to be written down of each. `model` is the vendor's id of it."""

    part_id: str
    tag: str
    model: str = ""
    size: ChunkSize = field(default_factory=ChunkSize)
    lines: SpooledLines = field(default_factory=SpooledLines)
    members: list[Member] = field(default_factory=list)
    custom_ids: list[str] = field(default_factory=list)


class ChunkUploader:
    """Makes parts and hands them over. Everything it is made of is handed in."""

    def __init__(self, core: Core, preparer: RequestPreparer) -> None:
        self._store = core.store
        self._providers = core.providers
        self._keys = core.keys
        self._key_marks = core.key_marks
        self._preparer = preparer
        self._catalogue = core.catalogue
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._settings = core.settings
        self._most_today = MostToday(batch=True)

    async def pending_chunks(self, job_id: str, provider: str) -> AsyncGenerator[Chunk, None]:
        """The job's pending rows in parts as large as the vendor takes. Rows that cannot be sent end here."""
        limits = self._providers.batch(provider).limits
        filling: dict[str, Chunk] = {}
        after = -1
        try:
            while page := await self._store.read(
                pending_rows.next_pending, job_id, provider, after, PAGE_ROWS
            ):
                after = page[-1].row_index
                for row in page:
                    question = await self._prepared(job_id, row)
                    if question is None:
                        continue
                    model = question.serving.vendor_id
                    name = model if limits.one_model else ""
                    chunk = filling.get(name)
                    if chunk is None:
                        chunk = filling[name] = self._empty()
                    try:
                        line = self._line(provider, chunk, row, question)
                        if chunks.fits_nowhere(len(line), limits):
                            raise _too_long(provider)
                    except Failure as failure:
                        await self._end_unsent(job_id, row, failure)
                        continue
                    if not chunks.fits(chunk.size, model, len(line), limits):
                        yield chunk
                        chunk = filling[name] = self._empty()
                        line = self._line(provider, chunk, row, question)
                    await self._add(provider, chunk, row, question, line)
                await give_way()
            for chunk in filling.values():
                if chunk.members:
                    yield chunk
        finally:
            for chunk in filling.values():
                chunk.lines.close()

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

    async def chunk_of(self, part: VendorBatch) -> Chunk:
        """The part's rows that have not ended, planned again from what is stored.

        Raises Failure("budget_exceeded") where their price has risen since, and what they may cost is not left.
        """
        chunk = Chunk(part.id, part.tag, part.model or "")
        try:
            most_usd = await self._plan_again(part, chunk)
            budget = await this_month(self._settings, self._now_ms())
            await self._store.write(intent.raise_chunk, most_usd, budget)
        except BaseException:
            chunk.lines.close()
            raise
        return chunk

    async def _plan_again(self, part: VendorBatch, chunk: Chunk) -> dict[str, Decimal]:
        """Fill the chunk. Return what each row may cost by today's price, by the id of its entry in the ledger."""
        adapter, day = self._providers.batch(part.provider), utc_day(self._now_ms())
        most_usd: dict[str, Decimal] = {}
        after = ""
        while page := await self._store.read(vendor_batches.unfinished, part.id, after, PAGE_ROWS):
            after = page[-1].custom_id
            questions: list[tuple[str, str]] = []
            for each in page:
                try:
                    question = await self._preparer.prepare(Row(each.row.request).chat_input(each.row.prompt))
                    line = adapter.line(each.custom_id, question.plan)
                except Failure as failure:
                    await self._settle_unsent(part, each.row.id, each.custom_id, failure)
                    continue
                chunk.model = question.serving.vendor_id
                chunk.lines.append(line)
                chunk.custom_ids.append(each.custom_id)
                questions.append((request_fingerprint(part.provider, question.request), each.row.id))
                price = self._catalogue.price_entry(question.serving.model, day)
                most = await self._most_today.of(question, price, each.row.reserve_usd)
                if most is not None:
                    most_usd[intents.entry_id(part.id, each.custom_id)] = most
            # The settings may have changed since the part was written down.
            await self._store.write(vendor_batches.rename_questions, questions)
        return most_usd

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

    def _empty(self) -> Chunk:
        part_id = self._new_id()
        return Chunk(part_id, chunks.tag(part_id))

    def _line(self, provider: str, chunk: Chunk, row: PendingRow, question: PreparedRequest) -> bytes:
        adapter = self._providers.batch(provider)
        return adapter.line(chunks.custom_id(chunk.tag, row.row_index), question.plan)

    async def _add(
        self, provider: str, chunk: Chunk, row: PendingRow, question: PreparedRequest, line: bytes
    ) -> None:
        model = question.serving.model
        price = self._catalogue.price_entry(model, utc_day(self._now_ms()))
        most = await self._most_today.of(question, price, row.reserve_usd)
        custom_id = chunks.custom_id(chunk.tag, row.row_index)
        chunk.model = question.serving.vendor_id
        chunk.size = chunk.size.plus(chunk.model, len(line))
        chunk.lines.append(line)
        chunk.custom_ids.append(custom_id)
        chunk.members.append(
            Member(
                row.id,
                custom_id,
                request_fingerprint(provider, question.request),
                question.serving.asked_id,
                row.reserve_usd,
                most,
                price_record(price) if price else None,
            )
        )

    async def _prepared(self, job_id: str, row: PendingRow) -> PreparedRequest | None:
        failpoints.failpoint("part-planning", row.prompt)
        try:
            return await self._preparer.prepare(Row(row.request).chat_input(row.prompt))
        except Failure as failure:
            await self._end_unsent(job_id, row, failure)
            return None

    async def _end_unsent(self, job_id: str, row: PendingRow, failure: Failure) -> None:
        await self._store.write(
            row_transactions.end_row,
            job_id,
            row.id,
            row_outcomes.unsent(failure),
            entry_id=None,
            settlement=None,
            reserve_usd=row.reserve_usd,
            now=self._now_ms(),
        )

    async def _settle_unsent(self, part: VendorBatch, row_id: str, custom_id: str, failure: Failure) -> None:
        settled = Settled(row_id, custom_id, row_outcomes.unsent(failure), refused(failure.kind))
        await self._store.write(transactions.settle, part, [settled], self._now_ms())


def _too_long(provider: str) -> Failure:
    return Failure(
        "invalid_params",
        f"This row is longer than a batch of {provider} takes. Shorten it, or run the batch locally.",
        provider=provider,
    )
