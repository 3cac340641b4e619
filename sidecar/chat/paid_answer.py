"""An answer that is paid for, while it arrives: its events, and what the ledger is told of it, whatever ends it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from decimal import Decimal

from sidecar.chat.piece_keeper import BegunKeeper, LeastKeeper
from sidecar.chat.prepare import PreparedRequest
from sidecar.chat.reservation import further_at_most
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.core import Core
from sidecar.errors import Failure, StoppedRequest
from sidecar.money.charge import Charge, charge
from sidecar.money.model import PriceEntry, utc_day
from sidecar.providers.base import Begun, Event, FurtherRequest, PreparedCall, RequestPacer, Usage
from sidecar.spending import intent, settlement
from sidecar.spending.budget import this_month
from sidecar.spending.free_searches import Allowance
from sidecar.spending.settlement import SoFar
from sidecar.store.records import LedgerEntry, Settlement


class PaidAnswer:
    """The answer to a prepared request whose intent is `entry`; `arrived` is what there is of it."""

    def __init__(self, core: Core, prepared: PreparedRequest, entry: LedgerEntry) -> None:
        self.arrived = StreamAccumulator()
        self._core = core
        self._prepared = prepared
        self.entry = entry
        self._allowance: Allowance | None = None
        self._plan = prepared.plan
        # What it is asked with: of two keys, the second.
        self.key = prepared.key
        # The most that it may cost, which is held back of the month's budget; None where no price bounds it.
        self.held_usd = entry.estimate_usd

    @property
    def entry_id(self) -> str:
        """The id of its row in the ledger."""
        return self.entry.id

    async def read(
        self, plan: PreparedCall, pacer: RequestPacer, report: Callable[[Event], None] | None = None
    ) -> None:
        """Ask, and read to the end. Raise what the provider raises; `arrived` has what came before."""
        core, prepared, self._plan = self._core, self._prepared, plan
        if prepared.request.web_search_max_uses is not None:
            self._allowance = await core.free_searches.of(self._price(), self.entry.created_at)
        # From the first event on: a request that is cut can be found at the vendor by it.
        begun = BegunKeeper(
            lambda event: intent.keep_begun(core.store, self.entry.id, event, self._told_least)
        )
        # The pieces of a conversation are kept with what they come to.
        alone = self.entry.conversation_id is None
        keeper = LeastKeeper(core.store, self.entry.id, self.least) if alone else None
        try:
            async with aclosing(self._events(plan, pacer)) as events:
                async for event in events:
                    self.arrived.take(event)
                    if isinstance(event, Begun):
                        begun.came(event)
                    elif keeper is not None:
                        keeper.came()
                    if report is not None:
                        report(event)
            begun.whole()
        finally:
            told = self.arrived.usage or Usage(service_tier=self.arrived.service_tier)
            core.dear_tiers.take(prepared.serving.model.provider, told, self._price())
            if keeper is not None:
                await keeper.stop()
            await begun.stop()

    async def _events(self, plan: PreparedCall, pacer: RequestPacer) -> AsyncGenerator[Event, None]:
        """Yield what comes. Where a refused key has been replaced meanwhile, the new one is tried."""
        provider, begun = self._prepared.provider, False
        try:
            async with aclosing(provider.stream(plan, self.key, pacer)) as events:
                async for event in events:
                    begun = True
                    yield event
            return
        except Failure as refused:
            if begun or refused.kind != "invalid_api_key":
                raise
            pacer.back_off(0, refused.kind)
            newer = await self._core.keys.instead_of(self._prepared.serving.model.provider, self.key)
            if newer is None:
                raise
        self.key = newer
        with suppress(Failure):
            mark = await self._core.key_marks.of(newer)
            await self._core.store.write(intent.keep_key, self.entry.id, mark)
        async with aclosing(provider.stream(plan, newer, pacer)) as events:
            async for event in events:
                yield event

    async def hold_back(self, further: FurtherRequest) -> None:
        """Hold back what a request may cost that nobody counted on, with what came before it. It leaves only then.

        Raises Failure("budget_exceeded"), and what was held back stays so.
        """
        more = further_at_most(self._prepared, self._plan, further, self._price())
        if more is None or self.held_usd is None:
            return
        wanted = more + self._came_to(further)
        if wanted <= self.held_usd:
            return
        core = self._core
        budget = await this_month(core.settings, core.now_ms())
        # A cancellation meanwhile must not leave more held back than is known here.
        self.held_usd, before = wanted, self.held_usd
        try:
            await core.store.write(intent.raise_to, self.entry.id, wanted, budget, further.why)
        except Failure:
            self.held_usd = before
            raise

    def _came_to(self, further: FurtherRequest) -> Decimal:
        """What the requests before came to; all that was held back for them where nobody can tell."""
        if further.why == "unlimited":
            # Refused, and so not run.
            return Decimal(0)
        told = self.charge(self.arrived.usage).usd if further.told else None
        return (self.held_usd or Decimal(0)) if told is None else told

    def _price(self) -> PriceEntry | None:
        model = self._prepared.serving.model
        return self._core.catalogue.price_entry(model, utc_day(self.entry.created_at))

    def charge(self, usage: Usage | None, *, least: bool = False) -> Charge:
        """Return what a usage comes to by the price of the model and the day that were asked.

        The `least` of an answer that did not end is by the cheapest service tier, where none was told.
        """
        day = utc_day(self.entry.created_at)
        if usage is not None and self._allowance is not None:
            usage = replace(usage, free_searches=self._allowance.take(self.entry.id, usage.searches))
        return charge(
            self._core.catalogue,
            self._prepared.serving.model,
            self.arrived.served_model,
            usage,
            day,
            least=least,
        )

    def least(self) -> SoFar | None:
        """Return what the answer has cost at least by now; None without a price, and where nothing has come."""
        used = settlement.least_of(self.arrived)
        if used is None:
            return None
        charged = self.charge(used, least=True)
        return None if charged.usd is None else SoFar(charged.usd, settlement.evidence(charged, used))

    def _told_least(self) -> SoFar | None:
        """As `least`, None where the vendor has counted nothing: what its first words come to is kept with the next."""
        return None if self.arrived.usage is None else self.least()

    def at_most_usd(self) -> Decimal | None:
        """Return what the answer may have cost at most by now; None where no price bounds it."""
        return self.held_usd if self.charge(None).bounded else None

    def whole(self) -> Settlement:
        """Return the settlement of an answer that came to its end."""
        return settlement.whole(self.arrived, self.charge)

    def broken(self, problem: BaseException, *, in_flight: bool = True) -> Settlement:
        """Return the settlement of an answer that did not. `in_flight`: one was awaited."""
        return settlement.broken(problem, self.arrived, self.charge, in_flight=in_flight)

    def stopped(self, money: Settlement | None = None) -> StoppedRequest:
        """Return the cancellation of whoever waits for it, which tells what it cost, or between what that lies.

        `money` is its settlement where it had come to its end by then.
        """
        told = StoppedRequest()
        settlement.tell_cost(told, money or self.broken(told), self.held_usd, self.entry.id)
        return told

    def name(self, failure: Failure, *, known: bool = False) -> None:
        """Let a failure name the model as the person does, and tell of a refused key that was not `known` to be."""
        self._prepared.with_context(failure)
        if failure.kind == "invalid_api_key" and not known:
            self._core.tell_of_key(self._prepared.serving.model.provider, failure)
