"""The simulated vendors: a request in, an answer in the vendor's own wire format out. No framework, no socket."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson

from sidecar import clock
from sidecar.providers.base import Usage
from sidecar.simulator.answers import answer_text, reasoning_tokens, thinking_text
from sidecar.simulator.counting import count_prompt, count_tokens, first_tokens
from sidecar.simulator.directives import Directives, read_directives
from sidecar.simulator.exchange import (
    Ask,
    ConnectionCut,
    Finish,
    Made,
    Refusal,
    Refused,
    SimRequest,
    SimResponse,
)
from sidecar.simulator.ledger import Entry, Ledger
from sidecar.simulator.models import Models, SimModel
from sidecar.simulator.openai_wire import OpenAIVendor, Surface, Vendor
from sidecar.simulator.prompt_cache import PromptCache

DEFAULT_PACE_MS = 12
LEDGER_PATH = "/__simulator/ledger"
REFUSAL_TEXT = "I'm sorry, but I can't help with that. (A simulated refusal.)"
_QUOTA = Refusal(
    429,
    "You exceeded your current quota, please check your plan and billing details.",
    type="insufficient_quota",
    code="insufficient_quota",
)


class Simulator:
    """Deterministic but for the time. `pace_ms` is between two pieces of text; a directive can change it."""

    def __init__(
        self,
        *,
        pace_ms: float = DEFAULT_PACE_MS,
        now_ms: clock.Now = clock.now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        vendors: Iterable[Vendor] = (OpenAIVendor(),),
    ) -> None:
        self._pace_ms = pace_ms
        self._now_ms = now_ms
        self._sleep = sleep
        self._models = Models()
        self._cache = PromptCache()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._serial = 0
        # The longest prefix first: the one that is empty fits every path.
        self._vendors = sorted(vendors, key=lambda vendor: -len(vendor.prefix))
        self.ledger = Ledger(self._charge)

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

    def _serve(self, vendor: Vendor, path: str, request: SimRequest, serial: str) -> SimResponse:
        vendor.check_key(request.headers)
        headers = vendor.headers(f"req_{serial}")
        if request.method == "GET":
            listed = vendor.models(path, self._models.ids(vendor.provider, self._today()))
            if listed is not None:
                return _plain(200, headers, listed)
        surface = vendor.surface(path)
        if surface is None or request.method != "POST":
            raise Refused(Refusal(404, f"Invalid URL ({request.method} {path})"))
        try:
            body = orjson.loads(request.body)
        except ValueError:
            raise Refused(Refusal(400, "We could not parse the JSON body of your request.")) from None
        if not isinstance(body, dict):
            raise Refused(Refusal(400, "The body of your request must be a JSON object."))
        ask = surface.read_ask(body)
        model = self._models.find(vendor.provider, ask.model, self._today())
        entry = self.ledger.begin(
            serial=serial,
            at_ms=self._now_ms(),
            provider=vendor.provider,
            endpoint=path,
            model=model.id if model else ask.model,
            prompt=ask.prompt,
            stream=ask.stream,
        )
        try:
            vendor.check(surface, body, ask, model)
            orders = self._orders(ask)
        except Refused as refused:
            self.ledger.refuse(entry, refused.refusal.status)
            raise
        assert model is not None, "a vendor refuses a model that it does not have"
        made = self._make(ask, model, orders, serial)
        if orders.cut == 0:
            self.ledger.stop(entry, made, "cut")
            raise ConnectionCut
        kind = "text/event-stream; charset=utf-8" if ask.stream else "application/json"
        run = self._stream if ask.stream else self._document
        return SimResponse(
            200,
            {**headers, "content-type": kind},
            run(surface, ask, made, orders, entry),
            on_close=lambda: self.ledger.stop(entry, made, "cancelled"),
        )

    def _orders(self, ask: Ask) -> Directives:
        """What the prompt orders now. Raises Refused for the failures that come before any answer."""
        try:
            orders = read_directives(ask.prompt)
        except ValueError as problem:
            raise Refused(Refusal(400, str(problem), code="simulator_directive")) from None
        if orders.fails and orders.times is not None:
            failed = self._failures[ask.model, ask.prompt]
            if failed >= orders.times:
                return orders.without_failures()
            self._failures[ask.model, ask.prompt] += 1
        if orders.quota:
            raise Refused(_QUOTA)
        if orders.status is not None:
            raise Refused(_ordered(orders.status, orders.retry_after))
        return orders

    def _make(self, ask: Ask, model: SimModel, orders: Directives, serial: str) -> Made:
        refusal = REFUSAL_TEXT if orders.refusal else ""
        text = "" if refusal else answer_text(ask, model.title, orders.tokens)
        finish: Finish = "stop"
        if orders.finish == "length":
            text, finish = first_tokens(text, count_tokens(text) // 2), "length"
        reasoning = reasoning_tokens(ask) if model.reasons else 0
        if ask.max_output_tokens is not None:
            reasoning = min(reasoning, ask.max_output_tokens)
            short = first_tokens(text, ask.max_output_tokens - reasoning)
            if short != text:
                text, finish = short, "length"
        prompt = count_prompt(ask.messages)
        cached, written = self._cache.look_up(model.id, ask.messages)
        written = written if model.bills_cache_writes else 0
        usage = Usage(
            in_uncached=prompt - cached - written,
            cache_read=cached,
            cache_write_short=written,
            out_visible=count_tokens(refusal or text),
            out_reasoning=reasoning,
            searches=1 if ask.search else 0,
            prompt_total=prompt,
            service_tier="default",
        )
        return Made(
            id=serial,
            created_s=self._now_ms() // 1000,
            served_model=model.id,
            text=text,
            finish=finish,
            usage=usage,
            thinking=thinking_text(ask, model.title) if ask.summaries and reasoning else "",
            refusal=refusal,
        )

    async def _stream(
        self, surface: Surface, ask: Ask, made: Made, orders: Directives, entry: Entry
    ) -> AsyncGenerator[bytes, None]:
        count = 0
        *frames, last = surface.frames(ask, made)
        await self._pause(orders.slow_first_ms)
        for number, frame in enumerate(frames):
            if frame.text:
                if orders.cut == count:
                    self.ledger.stop(entry, made, "cut")
                    raise ConnectionCut
                if orders.error_after == count:
                    self.ledger.fail(entry)
                    yield surface.error_frame(_ordered(500, None), number)
                    return
                if orders.malformed and count == 1:
                    self.ledger.fail(entry)
                    yield surface.broken_frame(made)
                    return
                await self._pause(self._pace(orders))
                entry.sent.append(frame.text)
                count += 1
            yield frame.data
        # Settled before the last byte leaves: whoever has the answer finds it in the ledger.
        self.ledger.finish(entry, made)
        yield last.data

    async def _document(
        self, surface: Surface, ask: Ask, made: Made, orders: Directives, entry: Entry
    ) -> AsyncGenerator[bytes, None]:
        await self._pause(orders.slow_first_ms)
        for frame in surface.frames(ask, made):
            if frame.text:
                await self._pause(self._pace(orders))
                entry.sent.append(frame.text)
        body = surface.whole(ask, made)
        if orders.error_after is not None:
            self.ledger.fail(entry)
            raise ConnectionCut
        if orders.cut is not None or orders.malformed:
            self.ledger.stop(entry, made, "cut")
            yield body[: len(body) // 2]
            if orders.malformed:
                return
            raise ConnectionCut
        self.ledger.finish(entry, made)
        yield body

    async def _pause(self, milliseconds: float) -> None:
        await self._sleep(milliseconds / 1000)

    def _pace(self, orders: Directives) -> float:
        return self._pace_ms if orders.pace_ms is None else orders.pace_ms

    def _charge(self, provider: str, model: str, usage: Usage) -> Decimal | None:
        return self._models.charge(provider, model, usage, self._today())

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC).date()


def _ordered(status: int, retry_after_s: float | None) -> Refusal:
    """The vendor's usual words for a status that a directive orders."""
    kinds = {
        401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        403: ("permission_error", None, "You do not have access to this."),
        404: ("invalid_request_error", "model_not_found", "The model does not exist."),
        429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    }
    type_, code, message = kinds.get(
        status,
        ("server_error", "server_error", "The server had an error while processing your request.")
        if status >= 500
        else ("invalid_request_error", None, "The request was refused, as the simulator was told to."),
    )
    return Refusal(status, message, type=type_, code=code, retry_after_s=retry_after_s)


def _plain(status: int, headers: dict[str, str], body: bytes) -> SimResponse:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    return SimResponse(status, {"content-type": "application/json", **headers}, chunks())
