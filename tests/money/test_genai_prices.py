"""The catalogue beside genai-prices, which is kept by others: they agree, or the difference is explained here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, StartDateConstraint, TieredPrices

from sidecar.money.catalogue import Catalogue
from sidecar.money.model import ModelEntry, PriceEntry

CATALOGUE = Catalogue.load()
CHECKED_ON = date(2026, 11, 23)
VENDORS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google", "grok": "x-ai"}
THEIR_NAMES = {
    "prompt": "input_mtok",
    "completion": "output_mtok",
    "cacheRead": "cache_read_mtok",
    "cacheWrite5m": "cache_write_mtok",
    "cacheWrite1h": "cache_write_1h_mtok",
}
CONTEXTS: dict[str, dict[str, str]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    **{tier: {"service_tier": tier} for tier in ("flex", "priority", "fast")},
}

# `provider/id plan field` -> why it differs. A field with a line is that of the tier above it.
KNOWN = {
    r"openai/gpt-(6|5\.6)\S* \w+ cacheWrite1h.*": "genai-prices has no field for OpenAI's 12-hour cache writes",
    r"openai/gpt-5\.[45] (priority|fast) \w+@272000": "priority is not offered above the line",
    r"openai/(gpt-5\.4|o4-mini) flex cacheRead": "the vendor rounds half of the rate to three digits",
    r"anthropic/claude-sonnet-4-5 \w+ \w+@200000": "the long window closed on 2026-04-30; longer prompts fail now",
    r"gemini/gemini-3\.[57]-flash batch \w+": "half price follows the rule of the family; litellm lists it",
    r"grok/grok-4\S+ standard webSearchPer1k": "genai-prices has no search prices for xAI; the vendor's page has",
    r"grok/grok-4\.20-multi-agent-0309 batch .*": "the vendor's batch API lists no such model: unconfirmed, left out",
    r"grok/(grok-3|grok-3-mini|grok-4-0709|grok-4-fast-reasoning|grok-4-1-fast-reasoning|grok-code-fast-1) .*": (
        "redirected on 2026-05-15: calls are answered by another model, at its price and with its window"
    ),
    r"openai/gpt-5\.[45]-pro (batch|flex) \w+@272000": "genai-prices has no batch rates above the line; litellm has",
    r"openai/(chat-latest|gpt-5\.3-codex|gpt-5-search-api|gpt-4o-search-preview|o3-pro) standard webSearchPer1k": (
        "genai-prices has no search price there; litellm has the vendor's usual one"
    ),
    r"openai/o3 standard cacheRead": "before its cut genai-prices has the rate after it; lists of that time have 2.5",
    r"grok/grok-4\.7 batch .*": "genai-prices has no batch price there; litellm has, from the vendor's own list",
    r"openai/gpt-4o-mini-search-preview .*": "genai-prices takes it for gpt-4o-mini; litellm has it apart",
    r"openai/gpt-(5\.5|5\.[45]-pro|4\.1|4\.1-mini|4\.1-nano) standard contextSize": "genai-prices rounds to a million",
    r"gemini/\S+ standard contextSize": "genai-prices rounds to a million",
}


def theirs(model: ModelEntry) -> ModelInfo | None:
    vendor = next(each for each in providers if each.id == VENDORS[model.provider])
    return vendor.find_model(model.id)


BOTH = [(model, other) for model in CATALOGUE.models if (other := theirs(model)) is not None]


def our_fields(entry: PriceEntry, plan: str) -> dict[str, Decimal]:
    """What a plan costs by `field`, and `field@line` for the tiers above a line."""
    if plan in entry.service_per_million:
        return dict(entry.service_per_million[plan])
    multiplier = Decimal(1) if plan in ("standard", "batch") else entry.service_tiers.get(plan)
    if multiplier is None:
        return {}
    batch = plan == "batch"
    found = dict((entry.batch_per_million if batch else entry.per_million) or {})
    for tier in entry.tiers:
        rates = (tier.batch_per_million if batch else tier.per_million) or {}
        found |= {f"{name}@{tier.above_tokens}": rate for name, rate in rates.items()}
    found = {name: rate * multiplier for name, rate in found.items()}
    if plan == "standard" and entry.web_search_per_1k:
        found["webSearchPer1k"] = entry.web_search_per_1k
    return found


def their_fields(model: ModelInfo, plan: str, day: date) -> dict[str, Decimal]:
    noon = datetime.combine(day, time(12), UTC)
    context = CONTEXTS[plan]
    priced: set[str] | None = None
    if context:
        variants = [each for each in model.price_variants or () if dict(each.when) == context]
        priced = {name for each in variants for name, price in vars(each.prices).items() if price is not None}
    prices = model.get_prices(noon, context or None)
    found: dict[str, Decimal] = {}
    for ours, name in (*THEIR_NAMES.items(), ("webSearchPer1k", "web_searches_kcount")):
        price: Any = getattr(prices, name, None)
        if price is None or (priced is not None and name not in priced):
            continue
        if isinstance(price, TieredPrices):
            found[ours] = price.base
            found |= {f"{ours}@{tier.start}": tier.price for tier in price.tiers}
        else:
            found[ours] = price
    return found


def days(model: ModelEntry, other: ModelInfo) -> list[date]:
    """The day of the last check, the first days of later prices, and the changes that they know of the past."""
    later = [price.starts_on for price in model.prices if price.starts_on > CHECKED_ON]
    return [*changes(other), CHECKED_ON, *later]


def changes(other: ModelInfo) -> list[date]:
    """Each day of the past on which they have another price than on the day before, and that day before."""
    entries = other.prices if isinstance(other.prices, list) else []
    starts = {
        each.constraint.start_date for each in entries if isinstance(each.constraint, StartDateConstraint)
    }
    return sorted(
        {day for start in starts if start < CHECKED_ON for day in (start - timedelta(days=1), start)}
    )


def differences(model: ModelEntry, other: ModelInfo) -> Iterator[str]:
    for day in days(model, other):
        entry = CATALOGUE.price_entry(model, day)
        assert entry is not None
        for plan, context in CONTEXTS.items():
            if context and day < CHECKED_ON:
                continue  # They say of batches and service tiers what holds since October 2026 alone.
            mine, other_ones = our_fields(entry, plan), their_fields(other, plan, day)
            if "service_tier" in context and not other_ones:
                continue
            yield from differing(f"{model.full_id} {plan}", mine, other_ones)
    if other.context_window not in (None, model.context_size):
        yield f"{model.full_id} standard contextSize"


def differing(label: str, mine: Mapping[str, Decimal], others: Mapping[str, Decimal]) -> Iterator[str]:
    for name in sorted(mine.keys() | others.keys()):
        if mine.get(name) != others.get(name):
            yield f"{label} {name}"


def reason(difference: str) -> str | None:
    return next((why for pattern, why in KNOWN.items() if re.fullmatch(pattern, difference)), None)


@pytest.mark.parametrize(("model", "other"), BOTH, ids=[model.full_id for model, _ in BOTH])
def test_every_field_agrees_or_the_difference_has_its_reason(model: ModelEntry, other: ModelInfo) -> None:
    assert [each for each in differences(model, other) if reason(each) is None] == []


def test_no_reason_outlives_its_difference() -> None:
    found = {each for model, other in BOTH for each in differences(model, other)}
    stale = [pattern for pattern in KNOWN if not any(re.fullmatch(pattern, each) for each in found)]
    assert stale == []


def test_only_the_newest_models_are_missing_there() -> None:
    known = {model.full_id for model, _ in BOTH}
    missing = {model.full_id for model in CATALOGUE.models} - known
    assert missing == {
        "openai/gpt-6.2-astra",
        "openai/gpt-6.2-sol",
        "gemini/gemini-4-carbon",
        "gemini/gemini-4-hydrogen",
        "gemini/gemini-4-neon",
    }
