"""The simulated vendors: a request in, an answer in the vendor's own wire format out. No framework, no socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson

from sidecar import clock
from sidecar.providers.base import Usage
from sidecar.simulator.batch_service import BatchService, RunsBatches
from sidecar.simulator.billing import BilledCall, BillLook, OrganizationBill
from sidecar.simulator.bodies import read_json
from sidecar.simulator.directives import Directives
from sidecar.simulator.exchange import (
    Completion,
    ConnectionCut,
    ParsedRequest,
    Refusal,
    Refused,
    SimRequest,
    SimResponse,
)
from sidecar.simulator.generator import Generator, ordered
from sidecar.simulator.ledger import Entry, Ledger
from sidecar.simulator.models import Models
from sidecar.simulator.registry import all_vendors
from sidecar.simulator.vendor import Bills, CountsAnswers, CountsTokens, SimulatedVendor, Surface

DEFAULT_PACE_MS = 12
LEDGER_PATH = "/__simulator/ledger"


class Simulator:
    """Deterministic but for the time. `pace_ms` is between two pieces of text; a directive can change it."""

    def __init__(
        self,
        *,
        pace_ms: float = DEFAULT_PACE_MS,
        now_ms: clock.Now = clock.now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        vendors: Iterable[SimulatedVendor] | None = None,
        most_ledger_entries: int | None = None,
        bill: OrganizationBill | None = None,
    ) -> None:
        self._pace_ms = pace_ms
        self._now_ms = now_ms
        self._sleep = sleep
        self._models = Models()
        self._generator = Generator(now_ms)
        self._serial = 0
        # The longest prefix first: the one that is empty fits every path.
        self._vendors = sorted(
            all_vendors() if vendors is None else vendors, key=lambda vendor: -len(vendor.prefix)
        )
        self.bill = OrganizationBill() if bill is None else bill
        self.ledger = Ledger(self._charge, most_ledger_entries)
        self._batch_routes = {
            vendor.provider: vendor.batch_routes(
                BatchService(vendor, self._models, self._generator, self.ledger, now_ms)
            )
            for vendor in self._vendors
            if isinstance(vendor, RunsBatches)
        }

    async def handle(self, request: SimRequest) -> SimResponse:
        """The response, its body still to be made. Raises ConnectionCut where that was ordered at once."""
        if request.path == LEDGER_PATH:
            return _plain(200, {}, orjson.dumps(self.ledger.wire()))
        self._serial += 1
        serial = f"sim{self._serial:06d}"
        for vendor in self._vendors:
            if request.path.startswith(f"{vendor.prefix}/"):
                path = request.path.removeprefix(vendor.prefix)
                try:
                    return self._serve(vendor, path, request, serial)
                except Refused as refused:
                    headers, body = vendor.refuse(refused.refusal)
                    return _plain(
                        refused.refusal.status, {**vendor.headers(f"req_{serial}"), **headers}, body
                    )
        return _plain(404, {}, b'{"error": {"message": "The simulator serves no vendor at this path."}}')

    def _serve(self, vendor: SimulatedVendor, path: str, request: SimRequest, serial: str) -> SimResponse:
        vendor.check_key(request.headers)
        headers = vendor.headers(f"req_{serial}")
        routes = self._batch_routes.get(vendor.provider)
        reply = routes.answer(path, request, serial) if routes is not None else None
        if reply is not None:
            return _plain(200, {**headers, "content-type": reply.content_type, **reply.headers}, reply.body)
        if request.method == "GET":
            bill = (
                vendor.bill(BillLook(path, request, self.billed(), self.bill, self._now_ms()))
                if isinstance(vendor, Bills)
                else None
            )
            if bill is not None:
                return _plain(200, headers, bill)
            listed = vendor.models(path, self._models.ids(vendor.provider, self._today()))
            if listed is not None:
                return _plain(200, headers, listed)
        elif isinstance(vendor, CountsTokens):
            counted = vendor.count_tokens(path, request.body)
            if counted is not None:
                return _plain(200, headers, counted)
        surface = vendor.surface(path)
        if surface is None or request.method != "POST":
            raise Refused(Refusal(404, f"Invalid URL ({request.method} {path})"))
        body = read_json(request.body, Refusal(400, "We could not parse the JSON body of your request."))
        if not isinstance(body, dict):
            raise Refused(Refusal(400, "The body of your request must be a JSON object."))
        parsed = surface.read_request(body)
        model = self._models.find(vendor.provider, parsed.model, self._today())
        entry = self.ledger.begin(
            serial=serial,
            at_ms=self._now_ms(),
            provider=vendor.provider,
            endpoint=path,
            model=model.id if model else parsed.model,
            prompt=parsed.prompt,
            stream=parsed.stream,
        )
        try:
            vendor.check(surface, body, parsed, model)
            orders = self._generator.orders(parsed)
        except Refused as refused:
            self.ledger.refuse(entry, refused.refusal.status)
            raise
        assert model is not None, "a vendor refuses a model that it does not have"
        completion = self._generator.complete(parsed, model, orders, serial)
        if isinstance(vendor, CountsAnswers):
            completion = vendor.counted(parsed, completion)
        if orders.cut == 0:
            self.ledger.stop(entry, completion, "cut")
            raise ConnectionCut
        kind = "text/event-stream; charset=utf-8" if parsed.stream else "application/json"
        run = self._stream if parsed.stream else self._document
        return SimResponse(
            200,
            {**headers, "content-type": kind},
            run(surface, parsed, completion, orders, entry),
            on_close=lambda: self.ledger.stop(entry, completion, "cancelled"),
        )

    async def _stream(
        self,
        surface: Surface,
        parsed: ParsedRequest,
        completion: Completion,
        orders: Directives,
        entry: Entry,
    ) -> AsyncGenerator[bytes, None]:
        count = 0
        *frames, last = surface.frames(parsed, completion)
        await self._pause(orders.slow_first_ms)
        for number, frame in enumerate(frames):
            if frame.text:
                if orders.cut == count:
                    self.ledger.stop(entry, completion, "cut")
                    raise ConnectionCut
                if orders.error_after == count:
                    self.ledger.fail(entry)
                    yield surface.error_frame(ordered(500, None), number)
                    return
                if orders.malformed and count == 1:
                    self.ledger.fail(entry)
                    yield surface.broken_frame(completion)
                    return
                await self._pause(self._pace(orders))
                entry.sent.append(frame.text)
                count += 1
            yield frame.data
        # Settled before the last byte leaves: whoever has the answer finds it in the ledger.
        self.ledger.finish(entry, completion)
        yield last.data

    async def _document(
        self,
        surface: Surface,
        parsed: ParsedRequest,
        completion: Completion,
        orders: Directives,
        entry: Entry,
    ) -> AsyncGenerator[bytes, None]:
        await self._pause(orders.slow_first_ms)
        for frame in surface.frames(parsed, completion):
            if frame.text:
                await self._pause(self._pace(orders))
                entry.sent.append(frame.text)
        body = surface.whole(parsed, completion)
        if orders.error_after is not None:
            self.ledger.fail(entry)
            raise ConnectionCut
        if orders.cut is not None or orders.malformed:
            self.ledger.stop(entry, completion, "cut")
            yield body[: len(body) // 2]
            if orders.malformed:
                return
            raise ConnectionCut
        self.ledger.finish(entry, completion)
        yield body

    async def _pause(self, milliseconds: float) -> None:
        await self._sleep(milliseconds / 1000)

    def _pace(self, orders: Directives) -> float:
        return self._pace_ms if orders.pace_ms is None else orders.pace_ms

    def billed(self) -> list[BilledCall]:
        """Return every request that was charged so far, and every row of a batch."""
        alone = [
            self._models.billed(each.provider, each.model, each.usage, each.at_ms, id_=each.id)
            for each in self.ledger.entries
            if each.usage is not None and each.charged_usd
        ]
        rows = [
            self._models.billed(batch.provider, row.model, row.usage, batch.created_at, batch=True)
            for batch in self.ledger.batches
            for row in batch.rows
            if row.usage is not None and row.charged_usd
        ]
        return [*alone, *rows]

    def _charge(self, provider: str, model: str, usage: Usage) -> Decimal | None:
        return self._models.charge(provider, model, usage, self._today())

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC).date()


def _plain(status: int, headers: dict[str, str], body: bytes) -> SimResponse:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    return SimResponse(status, {"content-type": "application/json", **headers}, chunks())
