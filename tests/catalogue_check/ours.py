"""What a price of ours charges, by the names under which the lists of others are read (pure).

`prompt`, `batch prompt`, `flex prompt above 272000`, `searches`, `host=regional`. Lines are in whole thousands: that of
a vendor whose higher rates begin at the line itself stands one token lower here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sidecar.money.model import PriceEntry, Rates

PLANS = ("flex", "priority", "fast", "ultrafast")
SURCHARGES = ("host=regional", "inference_geo=us", "speed=fast")
_CACHED = ("cacheRead", "cacheWrite5m", "cacheWrite1h")
_THOUSAND = 1000


def rate_name(rate: str, plan: str = "", line: int | None = None) -> str:
    """Return the name of a rate of a plan, `batch` or a service tier, above a line of tokens."""
    above = "" if line is None else f" above {-(-line // _THOUSAND) * _THOUSAND}"
    return f"{plan} {rate}".strip() + above


def charged(price: PriceEntry | None) -> dict[str, Decimal]:
    """Return every rate of a price by its name, as a call is charged: a cached token falls back as it does there."""
    if price is None:
        return {}
    found = {rate_name(rate): usd for rate, usd in price.per_million.items()}
    found |= _batch("batch", None, price.per_million, price.batch_per_million)
    for tier in price.tiers:
        line = tier.above_tokens
        found |= {rate_name(rate, "", line): usd for rate, usd in tier.per_million.items()}
        found |= _batch("batch", line, tier.per_million, tier.batch_per_million)
    for plan in PLANS:
        found |= _service(price, plan)
    for word in SURCHARGES:
        if word in price.service_tiers:
            found[word] = price.service_tiers[word]
    if price.web_search_per_1k is not None:
        found["searches"] = price.web_search_per_1k
    if price.free_searches is not None:
        found[f"free searches a {price.free_searches.per}"] = Decimal(price.free_searches.count)
    return found


def _batch(plan: str, line: int | None, standard: Rates, batch: Rates | None) -> Mapping[str, Decimal]:
    if batch is None:
        return {}
    kept = {rate: usd for rate, usd in standard.items() if rate in _CACHED}
    return {rate_name(rate, plan, line): usd for rate, usd in {**kept, **batch}.items()}


def _service(price: PriceEntry, plan: str) -> Mapping[str, Decimal]:
    """The rates of a service tier: its own, or so many times the standard ones."""
    times = price.service_tiers.get(plan)
    own = price.service_per_million.get(plan)
    found: dict[str, Decimal] = {}
    if own is not None:
        found |= {rate_name(rate, plan): usd for rate, usd in own.items()}
    elif times is not None:
        found |= {rate_name(rate, plan): usd * times for rate, usd in price.per_million.items()}
    if times is None:
        return found
    for tier in price.tiers:
        above = {
            rate_name(rate, plan, tier.above_tokens): usd * times for rate, usd in tier.per_million.items()
        }
        found |= above
    return found
