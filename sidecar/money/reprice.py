"""What the recorded calls would have cost at another model's prices."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sidecar.money import pricing
from sidecar.money.catalogue import Catalogue
from sidecar.money.model import ModelEntry, PriceEntry, utc_day
from sidecar.money.spent_by_model import model_name
from sidecar.providers.base import Usage
from sidecar.store import recorded_calls
from sidecar.store.recorded_calls import CallUsage, RecordedCall
from sidecar.store.store import Store

# Other readers of the database, and the loop, get their turn between two pages.
PAGE = 500
_FIRST_MS, _END_MS = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class ModelReprice:
    """`calls` that `model` answered, what they cost and what they would have cost."""

    model: str
    actual_usd: Decimal
    repriced_usd: Decimal
    calls: int


@dataclass(frozen=True, slots=True)
class Reprice:
    """The sums of `by_model`, dearest first. `unpriced` calls lack a cost or the other price: they are in no sum."""

    actual_usd: Decimal
    repriced_usd: Decimal
    calls: int
    unpriced: int
    by_model: tuple[ModelReprice, ...]


@dataclass(slots=True)
class _Sums:
    actual_pico: int = 0
    repriced_pico: int = 0
    calls: int = 0


class Tally:
    """Adds up calls at the prices of one model, each call by those of its own day (UTC)."""

    def __init__(self, catalogue: Catalogue, model_id: str) -> None:
        """Raises Failure("not_found") for a model that the catalogue lacks."""
        self._catalogue = catalogue
        self._model_id = catalogue.resolve(model_id).full_id
        self._answering: dict[date, tuple[ModelEntry, PriceEntry | None]] = {}
        self._sums: dict[str, _Sums] = {}
        self._unpriced = 0

    def add(self, call: RecordedCall) -> None:
        name = model_name(self._catalogue, call.served_model, call.model)
        repriced = self._repriced(call, name)
        if call.cost_usd is None or repriced is None:
            self._unpriced += 1
            return
        sums = self._sums.setdefault(name, _Sums())
        sums.actual_pico += pricing.to_pico(call.cost_usd)
        sums.repriced_pico += pricing.to_pico(repriced)
        sums.calls += 1

    def result(self) -> Reprice:
        dearest = sorted(self._sums.items(), key=lambda each: (-each[1].actual_pico, each[0]))
        every = self._sums.values()
        return Reprice(
            actual_usd=pricing.from_pico(sum(each.actual_pico for each in every)),
            repriced_usd=pricing.from_pico(sum(each.repriced_pico for each in every)),
            calls=sum(each.calls for each in every),
            unpriced=self._unpriced,
            by_model=tuple(
                ModelReprice(
                    name,
                    pricing.from_pico(each.actual_pico),
                    pricing.from_pico(each.repriced_pico),
                    each.calls,
                )
                for name, each in dearest
            ),
        )

    def _repriced(self, call: RecordedCall, answered_by: str) -> Decimal | None:
        day = utc_day(call.created_at)
        if day not in self._answering:
            # A model that had ended by then would have been answered, and charged, by its successor.
            model = self._catalogue.served(self._model_id, day).model
            self._answering[day] = model, self._catalogue.price_entry(model, day)
        model, price = self._answering[day]
        if model.full_id == answered_by:
            # What it cost is what it costs there: the vendor may have named the charge, a price since been corrected.
            return call.cost_usd
        if call.usage is None:
            return None
        # What went by a vendor's batch would go by the other's too, where it has one for the model.
        batch = call.batch_rate and "batch" in model.features
        each = tuple(_usage(call, usage) for usage in call.requests)
        cost = pricing.cost(replace(_usage(call, call.usage), requests=each), price, batch=batch)
        return None if isinstance(cost, pricing.Unpriced) else cost.total_usd


async def reprice(
    store: Store,
    catalogue: Catalogue,
    model_id: str,
    *,
    project_id: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Reprice:
    """Reprices the calls begun at `since` or later and before `until` (ms). Raises Failure("not_found").

    Reads page by page and keeps sums alone: a ledger may be longer than the memory.
    """
    tally = Tally(catalogue, model_id)
    first = _FIRST_MS if since is None else _bounded(since)
    end = _END_MS if until is None else _bounded(until)

    def add_page(conn: sqlite3.Connection, after: tuple[int, int] | None) -> tuple[int, int] | None:
        calls = recorded_calls.calls_page(conn, first, end, project_id, after, PAGE)
        for call in calls:
            tally.add(call)
        return calls[-1].position if len(calls) == PAGE else None

    # Priced on the database's own thread: on the loop, every page would hold up the answers of others.
    last = await store.read(add_page, None)
    while last is not None:
        last = await store.read(add_page, last)
    return tally.result()


def _bounded(moment_ms: int) -> int:
    return max(_FIRST_MS, min(_END_MS, moment_ms))


def _usage(call: RecordedCall, usage: CallUsage) -> Usage:
    return Usage(
        in_uncached=usage.in_uncached,
        cache_read=usage.cache_read,
        cache_write_short=usage.cache_write_short,
        cache_write_long=usage.cache_write_long,
        out_visible=usage.out_visible,
        out_reasoning=usage.out_reasoning,
        searches=usage.searches,
        free_searches=usage.free_searches,
        prompt_total=usage.prompt_total,
        service_tier=call.service_tier,
        surcharges=call.surcharges,
    )
