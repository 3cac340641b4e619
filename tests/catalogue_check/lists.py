"""The lists of others in one form (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tests.catalogue_check.ours import rate_name

GENAI_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "gemini", "x-ai": "grok"}
LITELLM_PROVIDERS = {
    "openai": ("openai", ""),
    "anthropic": ("anthropic", ""),
    "gemini": ("gemini", "gemini/"),
    "xai": ("grok", "xai/"),
}
GENAI_RATES = {
    "input_mtok": "prompt",
    "output_mtok": "completion",
    "cache_read_mtok": "cacheRead",
    "cache_write_mtok": "cacheWrite5m",
    "cache_write_1h_mtok": "cacheWrite1h",
}
_GENAI_SEARCHES = "web_searches_kcount"
LITELLM_RATES = {
    "input_cost_per_token": "prompt",
    "output_cost_per_token": "completion",
    "cache_read_input_token_cost": "cacheRead",
    "cache_creation_input_token_cost": "cacheWrite5m",
}
_LITELLM_NAME = re.compile(
    rf"({'|'.join(LITELLM_RATES)})(_above_1hr|_above_12hr)?(?:_above_(\d+)k_tokens)?"
    r"(?:_(batches|flex|priority|ultrafast))?"
)
_LITELLM_PLANS = {"": "", "batches": "batch"}
_LITELLM_SURCHARGES = {"us": "inference_geo=us", "fast": "speed=fast"}
_REGION = "regional_processing_uplift_multiplier_eu"
_CHATS = ("chat", "responses")
_MILLION, _THOUSAND = 1_000_000, 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """A model in somebody's list.

    Rates have the names of `ours.rate_name`, in dollars per million tokens (searches: a thousand); what a list does not
    say is absent. `days` are the rates of other days, of the standard plan alone.
    """

    model: str
    rates: Mapping[str, Decimal]
    context: int | None = None
    ends_on: str | None = None
    successor: str | None = None
    days: Mapping[date, Mapping[str, Decimal]] = field(default_factory=dict)


def from_genai_prices(rows: Iterable[Mapping[str, Any]]) -> list[Listed]:
    """Return the models of our vendors in what `dump.py` prints."""
    return [
        Listed(
            f"{GENAI_PROVIDERS[row['provider']]}/{row['id']}",
            _genai_rates(row["rates"]),
            row["context"],
            days={date.fromisoformat(day): _genai_rates(rates) for day, rates in row.get("days", {}).items()},
        )
        for row in rows
        if row["provider"] in GENAI_PROVIDERS
    ]


def _genai_rates(rates: Mapping[str, str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for full, price in rates.items():
        name, _, line = full.partition("@")
        plan, _, name = name.rpartition(":")
        if name == _GENAI_SEARCHES and not plan:
            found["searches"] = Decimal(price)
        elif name in GENAI_RATES:
            found[rate_name(GENAI_RATES[name], plan, int(line) if line else None)] = Decimal(price)
    return found


def from_litellm(prices: Mapping[str, Mapping[str, Any]]) -> list[Listed]:
    """Return the chat models of our vendors in litellm's list of prices."""
    found = []
    for name, row in prices.items():
        provider, prefix = LITELLM_PROVIDERS.get(str(row.get("litellm_provider")), ("", ""))
        if not provider or row.get("mode") not in _CHATS or not name.startswith(prefix) or ":" in name:
            continue
        successor = str(row.get("successor_model") or "").removeprefix(prefix) or None
        # Their window is that of the prompt alone for some of OpenAI's, so only what cannot be is worth a line.
        listed = f"{provider}/{name[len(prefix) :]}"
        found.append(Listed(listed, _litellm_rates(row), None, row.get("deprecation_date"), successor))
    return found


def _litellm_rates(row: Mapping[str, Any]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for full, price in row.items():
        parts = _LITELLM_NAME.fullmatch(full)
        if parts is None or not isinstance(price, (int, float)):
            continue
        name, long, line, plan = parts.groups(default="")
        rate = "cacheWrite1h" if long else LITELLM_RATES[name]
        place = rate_name(rate, _LITELLM_PLANS.get(plan, plan), int(line) * _THOUSAND if line else None)
        found[place] = Decimal(repr(price)) * _MILLION
    for search in (row.get("search_context_cost_per_query") or {}).values():
        # Where they tell the price by how much is read, the dearest is what may be charged.
        found["searches"] = max(found.get("searches", Decimal(0)), Decimal(repr(search)) * _THOUSAND)
    if free := row.get("search_free_requests"):
        found[f"free searches a {free['period']}"] = Decimal(free["count"])
    for word, times in (row.get("provider_specific_entry") or {}).items():
        if word in _LITELLM_SURCHARGES:
            found[_LITELLM_SURCHARGES[word]] = Decimal(repr(times))
    if _REGION in row:
        found["host=regional"] = Decimal(repr(row[_REGION]))
    return found
