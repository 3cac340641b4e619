"""Who answered a call, and what it cost by that model's price of that day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from sidecar.money import pricing
from sidecar.money.catalogue import Catalogue
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.providers.base import Usage


@dataclass(frozen=True, slots=True)
class Charge:
    """`usd` is None when the cost is not known, and `unpriced` then says why; else it is the sum of `parts`.

    `tier` is the service tier that it is reckoned by. `bounded` is False where another model answered than was asked,
    whose price is not known, or is above that of the one asked, or where the vendor told a service tier or a place that
    is dearer than what was asked for, or that the price list does not know: what was held back is then no bound.
    `model` is the one that answered, None when the catalogue does not know it; `served_id` is `provider/id` of it.
    """

    served_id: str
    model: ModelEntry | None
    price: PriceEntry | None
    usd: Decimal | None
    unpriced: str | None = None
    parts: tuple[pricing.Part, ...] | None = None
    tier: str | None = None
    bounded: bool = True


def charge(
    catalogue: Catalogue,
    called: ModelEntry,
    reported: str | None,
    usage: Usage | None,
    day: date,
    *,
    batch: bool = False,
    least: bool = False,
) -> Charge:
    """The charge for one answer. `reported` is the model that the vendor says answered: that one is billed.

    `batch` prices it as a row of the vendor's own batch. The `least` of an answer that did not end is by the cheapest
    service tier, where none was told: a project may be set to any.
    """
    model = catalogue.reported(called.provider, reported) if reported else called
    if model is None and (called.base_url or called.provider in catalogue.providers):
        # A person's own server reports file names and the like; the price that they wrote down is for what they asked.
        model = called
    served_id = model.full_id if model else f"{called.provider}/{reported}"
    price = catalogue.price_entry(model, day) if model else None
    bounded = model is called or _no_dearer(price, catalogue.price_entry(called, day))
    if usage is not None and price is not None:
        bounded = bounded and pricing.no_dearer_than_listed(usage, price, batch=batch)
    unpriced = partial(Charge, served_id, model, price, None, bounded=bounded)
    if usage is None:
        return unpriced("the provider reported no usage")
    if model is not None and model.searches_by_itself and not usage.searches and usage.charged_usd is None:
        return unpriced("it searches by itself and does not say how often")
    if least and price is not None and price.web_search_per_1k is None and usage.searches:
        # What was searched has no price; the tokens have.
        each = tuple(replace(request, searches=0) for request in usage.requests)
        usage = replace(usage, searches=0, requests=each)
    if least and price is not None and not batch and usage.service_tier is None and not usage.prompt_total:
        # No usage has come: the vendor had no place yet to name the tier.
        usage = pricing.at_cheapest_tier(usage, price)
    cost = pricing.cost(usage, price, batch=batch)
    if isinstance(cost, pricing.Unpriced):
        return unpriced(cost.reason)
    return Charge(
        served_id, model, price, cost.total_usd, parts=cost.parts, tier=usage.service_tier, bounded=bounded
    )


def _no_dearer(price: PriceEntry | None, than: PriceEntry | None) -> bool:
    """Whether no token costs more by that price."""
    if price is None or than is None:
        return False
    return price == than or all(_dearest(price, name) <= _dearest(than, name) for name in pricing.RATES)


def _dearest(price: PriceEntry, name: str) -> Decimal:
    """The rate by that name where it is highest. A cached token without one costs what another one does."""
    rates = [price.per_million, *(tier.per_million for tier in price.tiers)]
    return max(each.get(name, each["prompt"]) for each in rates)


def price_record(price: PriceEntry) -> Mapping[str, Any]:
    """The price as it is kept beside what it charged, so that a later catalogue cannot rewrite the past."""
    known = _RECORDS.get(id(price))
    if known is None:
        if len(_RECORDS) >= _MOST_RECORDS:
            _RECORDS.clear()
        known = _RECORDS[id(price)] = price, _record(price)
    return known[1]


# Each call keeps one, and most calls are of few prices. By a price's identity, which lasts as long as it is kept here.
_RECORDS: dict[int, tuple[PriceEntry, Mapping[str, Any]]] = {}
_MOST_RECORDS = 256


def _record(price: PriceEntry) -> Mapping[str, Any]:
    tiers = [
        {"aboveTokens": tier.above_tokens, "perMillion": _text(tier.per_million)}
        | ({"batchPerMillion": _text(tier.batch_per_million)} if tier.batch_per_million else {})
        | ({"servicePerMillion": _by_service(tier.service_per_million)} if tier.service_per_million else {})
        for tier in price.tiers
    ]
    known = {
        "from": price.starts_on.isoformat(),
        "source": price.source,
        "perMillion": _text(price.per_million),
        "batchPerMillion": _text(price.batch_per_million) if price.batch_per_million else None,
        "tiers": tiers or None,
        "webSearchPer1k": str(price.web_search_per_1k) if price.web_search_per_1k is not None else None,
        "searchBlockTokens": price.search_block_tokens or None,
        "serviceTiers": _text(price.service_tiers) or None,
        "servicePerMillion": _by_service(price.service_per_million) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def part_record(part: pricing.Part) -> dict[str, Any]:
    """One line of the bill as it is kept: numbers that are dollars are text, so that no digit is lost."""
    rate = part.rate_per_million_usd
    return {
        "unit": part.unit,
        "quantity": part.quantity,
        "ratePerMillionUSD": None if rate is None else format(rate, "f"),
        "usd": format(part.usd, "f"),
    } | ({"request": part.request} if part.request > 1 else {})


def _text(rates: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: str(rate) for name, rate in rates.items()}


def _by_service(rates: Mapping[str, Mapping[str, Decimal]]) -> dict[str, dict[str, str]]:
    return {tier: _text(each) for tier, each in rates.items()}
