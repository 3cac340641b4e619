"""What a call costs: usage times a dated price (pure), decimal and exact.

    prompt ─┬─ in_uncached          completion ─┬─ out_visible        searches
            ├─ cache_read                       └─ out_reasoning
            ├─ cache_write_short
            └─ cache_write_long

Only the leaves are priced, so nothing counts twice. What cannot be priced is Unpriced with a reason, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact

from sidecar.money.model import PriceEntry, Rates
from sidecar.providers.base import PRICE_UNKNOWN, Usage

PICO = Decimal("1e-12")

# Wide enough for every product of a bounded count and a bounded price: a digit that would be lost raises.
_EXACT = Context(prec=80, traps=[Inexact])
_ROUNDED = Context(prec=80)
_LARGEST_COUNT = 2**63 - 1
_MILLION = Decimal(10**6)
_STANDARD = Decimal(1)
# What vendors, and servers of a person's own, call the tier that has the listed price.
_PLAIN_TIERS = frozenset({"", "default", "standard"})
_PLAIN_TIERS_OF_SERVERS = _PLAIN_TIERS | {"auto", "on_demand"}
# What is held back for a request has these in it.
_FORESEEN = ("inference_geo=", "host=")
_PLAIN_SURCHARGES = frozenset({"speed=standard", "inference_geo=global", "inference_geo=not_available"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A leaf: the Usage field that counts it, and the rate it takes.

    Without that rate a cached token costs what a plain prompt token does, unless `but_for` has a rate: then
    the vendor does price such tokens apart, and only this price is missing.
    """

    field: str
    rate: str
    cached: bool = False
    but_for: str | None = None


UNITS = (
    Unit("in_uncached", "prompt"),
    Unit("cache_read", "cacheRead", cached=True),
    Unit("cache_write_short", "cacheWrite5m", cached=True),
    Unit("cache_write_long", "cacheWrite1h", cached=True, but_for="cacheWrite5m"),
    Unit("out_visible", "completion"),
    Unit("out_reasoning", "completion"),
)


# The names of all rates.
RATES = tuple(dict.fromkeys(unit.rate for unit in UNITS))


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a bill: so many of a Usage field at a rate for a million, None when the vendor charged.

    `request` counts from 1: which of the answer's requests it belongs to.
    """

    unit: str
    quantity: int
    rate_per_million_usd: Decimal | None
    usd: Decimal
    request: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """The parts add up to the total to the last digit."""

    total_usd: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why a call has no cost: `no price`, why its usage is in doubt, or which price is missing."""

    reason: str


def cost(usage: Usage, entry: PriceEntry | None, *, batch: bool = False) -> Cost | Unpriced:
    """What the usage costs at that price; what the vendor itself says it charged comes first.

    A long-context tier reprices the whole request. A service tier multiplies token rates, but not those of a
    batch, which is a tier of its own; surcharges multiply both. Searches are neither discounted nor multiplied, but
    the prompt tokens that some of them bill are. An answer that took several requests costs what they cost together,
    each priced for itself.
    """
    if usage.charged_usd is not None:
        return _charged(usage.charged_usd)
    if usage.doubt or not _possible(usage):
        return Unpriced(usage.doubt or "impossible usage")
    if entry is None:
        return Unpriced("no price")
    parts: list[Part] = []
    for number, request in enumerate(_requests(usage), start=1):
        priced = _request_parts(request, entry, batch=batch)
        if isinstance(priced, Unpriced):
            return priced
        parts += priced if number == 1 else (replace(part, request=number) for part in priced)
    return _summed(parts)


def at_cheapest_tier(usage: Usage, entry: PriceEntry) -> Usage:
    """Return the usage, of which no tier was told, at the service tier at which it costs least."""
    # What multiplies the listed rates by one or more is no cheaper than those.
    cheaper = {name for name, times in entry.service_tiers.items() if "=" not in name and times < _STANDARD}
    tiers = cheaper | set(entry.service_per_million)
    found = usage, cost(usage, entry)
    for tier in sorted(tiers):
        each = tuple(replace(request, service_tier=tier) for request in usage.requests)
        at = replace(usage, service_tier=tier, requests=each)
        now = cost(at, entry)
        if isinstance(now, Cost) and isinstance(found[1], Cost) and now.total_usd < found[1].total_usd:
            found = at, now
    return found[0]


def no_dearer_than_listed(usage: Usage, entry: PriceEntry, *, batch: bool = False) -> bool:
    """Whether no token costs more than a request may be held back for: by a tier or a place that is dearer, one may.

    Nobody knows what those cost that the price does not list, nor what kinds of tokens and tools cost that it does not
    have. Of a dearer place of its own it is known before.
    """
    if usage.doubt.endswith(PRICE_UNKNOWN) or (usage.searches and entry.web_search_per_1k is None):
        return False
    for request in usage.requests or (usage,):
        multiplier: Decimal | None = _STANDARD
        if not batch:
            rates, plain = _rates(request, entry)[0], _rates(request, entry, by_tier=False)[0]
            multiplier = _multiplier(request, entry, rates)
            if rates is not plain and _any_dearer(rates, plain):
                return False
        for word in request.surcharges:
            factor = _surcharge(word, entry)
            foreseen = factor is not None and word.startswith(_FORESEEN)
            multiplier = multiplier if foreseen else _times(multiplier, factor)
        if multiplier is None or multiplier > _STANDARD:
            return False
    return True


def _any_dearer(rates: Rates, than: Rates) -> bool:
    return any(rates.get(name, rates["prompt"]) > than.get(name, than["prompt"]) for name in RATES)


def dear_words(usage: Usage, entry: PriceEntry) -> tuple[str, ...]:
    """Return the service tier and the speeds of a usage that are dearer than the listed price, and have one."""
    found = dict[str, None]()
    for request in usage.requests or (usage,):
        told = Usage(service_tier=request.service_tier)
        if (
            not no_dearer_than_listed(told, entry)
            and _multiplier(told, entry, _rates(told, entry)[0]) is not None
        ):
            found[request.service_tier or ""] = None
        dear = (
            word
            for word in request.surcharges
            if not word.startswith(_FORESEEN) and word in entry.service_tiers
        )
        found |= dict.fromkeys(word for word in dear if entry.service_tiers[word] > _STANDARD)
    return tuple(found)


def _requests(usage: Usage) -> tuple[Usage, ...]:
    """Each request. An output that was raised after the last report of it is that of the last one.

    Free searches are counted of the whole answer: they are those that were made first.
    """
    if not usage.requests:
        return (usage,)
    more, free = max(0, usage.out_total - sum(each.out_total for each in usage.requests)), usage.free_searches
    found = []
    for number, each in enumerate(usage.requests, start=1):
        taken = min(free, each.searches)
        free -= taken
        raised = each.out_visible + (more if number == len(usage.requests) else 0)
        found.append(replace(each, free_searches=taken, out_visible=raised))
    return tuple(found)


def _request_parts(usage: Usage, entry: PriceEntry, *, batch: bool) -> list[Part] | Unpriced:
    standard, batched = _rates(usage, entry)
    if batch and batched is None:
        return Unpriced("no batch price")
    multiplier = _STANDARD if batch else _multiplier(usage, entry, standard)
    for word in usage.surcharges:
        multiplier = _times(multiplier, _surcharge(word, entry))
    if multiplier is None:
        return Unpriced("no price for its service tier")
    parts: list[Part] = []
    for unit in UNITS:
        quantity: int = getattr(usage, unit.field)
        if not quantity:
            continue
        rate = _rate(unit, standard, batched if batch else None)
        if rate is None:
            return Unpriced(f"no price for {unit.field}")
        parts.append(_part(unit.field, quantity, _EXACT.multiply(rate, multiplier)))
    if usage.searches:
        if entry.web_search_per_1k is None:
            return Unpriced("no price for searches")
        free = min(usage.free_searches, usage.searches) if entry.free_searches is not None else 0
        if free:
            parts.append(_part("free_searches", free, Decimal(0)))
        if billed := usage.searches - free:
            parts.append(_part("searches", billed, _EXACT.multiply(entry.web_search_per_1k, Decimal(1000))))
        if entry.search_block_tokens:
            rate = (batched if batch and batched else standard)["prompt"]
            tokens = usage.searches * entry.search_block_tokens
            parts.append(_part("search_block", tokens, _EXACT.multiply(rate, multiplier)))
    return parts


def to_pico(usd: Decimal) -> int:
    """Dollars to whole picodollars, half to even."""
    return int(_ROUNDED.divide(usd, PICO).to_integral_value(ROUND_HALF_EVEN))


def from_pico(pico: int) -> Decimal:
    """Whole picodollars to dollars."""
    return _EXACT.multiply(Decimal(pico), PICO)


LARGEST_USD = from_pico(_LARGEST_COUNT)
"""The most that a 64-bit count of picodollars holds, some nine million dollars."""


def _possible(usage: Usage) -> bool:
    if not all(0 <= count <= _LARGEST_COUNT for count in usage.counts):
        return False
    # Only the cached parts must lie within the prompt: tokens of a vendor's own tools are billed beside it.
    return usage.cache_read + usage.cache_write_short + usage.cache_write_long <= usage.prompt_total


def _rates(usage: Usage, entry: PriceEntry, *, by_tier: bool = True) -> tuple[Rates, Rates | None]:
    """The rates and those of a batch, by the length of the prompt and, `by_tier`, the service tier's own."""
    word = (usage.service_tier or "") if by_tier else ""
    for tier in reversed(entry.tiers):
        if usage.prompt_total > tier.above_tokens:
            own = tier.service_per_million.get(word)
            return own or tier.per_million, tier.batch_per_million
    own = entry.service_per_million.get(word)
    return own or entry.per_million, entry.batch_per_million


def _multiplier(usage: Usage, entry: PriceEntry, rates: Rates) -> Decimal | None:
    """What the service tier multiplies the rates by, unless they are that tier's own; None for an unknown tier."""
    tier = usage.service_tier or ""
    owned = (entry.service_per_million, *(each.service_per_million for each in entry.tiers))
    if any(rates is each.get(tier) for each in owned):
        return _STANDARD
    plain = _PLAIN_TIERS_OF_SERVERS if entry.own else _PLAIN_TIERS
    return entry.service_tiers.get(tier, _STANDARD if tier in plain else None)


def _surcharge(word: str, entry: PriceEntry) -> Decimal | None:
    """What the word multiplies the rates by; None where the vendor charges by its kind and has no such word."""
    kind = f"{word.partition('=')[0]}="
    charges = any(name.startswith(kind) for name in entry.service_tiers)
    return entry.service_tiers.get(word, None if charges and word not in _PLAIN_SURCHARGES else _STANDARD)


def _times(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else _EXACT.multiply(one, other)


def _rate(unit: Unit, standard: Rates, batched: Rates | None) -> Decimal | None:
    first = standard if batched is None else batched
    rate = first.get(unit.rate)
    if rate is not None or not unit.cached:
        return rate
    # In a batch a cached token without a batch rate costs what it costs outside of one.
    rate = standard.get(unit.rate)
    if rate is None and unit.but_for not in standard:
        rate = first.get("prompt")
    return rate


def _part(unit: str, quantity: int, rate: Decimal) -> Part:
    return Part(unit, quantity, rate, _EXACT.divide(_EXACT.multiply(rate, Decimal(quantity)), _MILLION))


def _summed(parts: list[Part]) -> Cost | Unpriced:
    total = Decimal(0)
    for part in parts:
        total = _EXACT.add(total, part.usd)
    return Cost(total, tuple(parts)) if total <= LARGEST_USD else Unpriced("impossible usage")


def _charged(usd: Decimal) -> Cost | Unpriced:
    if not usd.is_finite() or not 0 <= usd <= LARGEST_USD:
        return Unpriced("impossible charge")
    return Cost(usd, (Part("charged by vendor", 1, None, usd),))
