"""The rows of a job put together into chunks for a vendor's batches; those that cannot be sent end here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from decimal import Decimal

from sidecar import failpoints
from sidecar.batch import row_outcomes, row_transactions
from sidecar.batch.native import chunks, intents, transactions
from sidecar.batch.native.chunks import ChunkSize, SpooledLines
from sidecar.batch.native.intents import Member
from sidecar.batch.native.transactions import Settled
from sidecar.batch.row import Row, request_fingerprint
from sidecar.chat.most_today import MostToday
from sidecar.chat.prepare import PreparedRequest, RequestPreparer
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.give_way import give_way
from sidecar.money.charge import price_record
from sidecar.money.model import utc_day
from sidecar.spending import intent
from sidecar.spending.budget import this_month
from sidecar.spending.settlement import refused
from sidecar.store import pending_rows, vendor_batches
from sidecar.store.job_records import PendingRow, VendorBatch

PAGE_ROWS = 200


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


class ChunkPlanner:
    """Prepares rows and puts them into chunks. Everything it is made of is handed in."""

    def __init__(self, core: Core, preparer: RequestPreparer) -> None:
        self._store = core.store
        self._providers = core.providers
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
