"""The lists of others in one form (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

GENAI_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "gemini", "x-ai": "grok"}
LITELLM_PROVIDERS = {
    "openai": ("openai", ""),
    "anthropic": ("anthropic", ""),
    "gemini": ("gemini", "gemini/"),
    "xai": ("grok", "xai/"),
}
GENAI_RATES = {
    "prompt": "input_mtok",
    "completion": "output_mtok",
    "cacheRead": "cache_read_mtok",
    "cacheWrite5m": "cache_write_mtok",
}
LITELLM_RATES = {
    "prompt": "input_cost_per_token",
    "completion": "output_cost_per_token",
    "cacheRead": "cache_read_input_token_cost",
    "cacheWrite5m": "cache_creation_input_token_cost",
    "batch prompt": "input_cost_per_token_batches",
    "batch completion": "output_cost_per_token_batches",
}
_CHATS = ("chat", "responses")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A model in somebody's list. Rates are dollars per million tokens; what a list does not say is absent."""

    model: str
    rates: Mapping[str, Decimal]
    context: int | None = None
    ends_on: str | None = None
    successor: str | None = None


def from_genai_prices(rows: Iterable[Mapping[str, Any]]) -> list[Listed]:
    """Return the models of our vendors in what `__main__.DUMP` prints."""
    return [
        Listed(
            f"{GENAI_PROVIDERS[row['provider']]}/{row['id']}",
            {ours: Decimal(row["rates"][name]) for ours, name in GENAI_RATES.items() if name in row["rates"]},
            row["context"],
        )
        for row in rows
        if row["provider"] in GENAI_PROVIDERS
    ]


def from_litellm(prices: Mapping[str, Mapping[str, Any]]) -> list[Listed]:
    """Return the chat models of our vendors in litellm's list of prices."""
    found = []
    for name, row in prices.items():
        provider, prefix = LITELLM_PROVIDERS.get(str(row.get("litellm_provider")), ("", ""))
        if not provider or row.get("mode") not in _CHATS or not name.startswith(prefix) or ":" in name:
            continue
        rates = {
            ours: Decimal(repr(row[theirs])) * _MILLION
            for ours, theirs in LITELLM_RATES.items()
            if isinstance(row.get(theirs), (int, float))
        }
        successor = str(row.get("successor_model") or "").removeprefix(prefix) or None
        # Their window is that of the prompt alone for some of OpenAI's, so only what cannot be is worth a line.
        found.append(
            Listed(f"{provider}/{name[len(prefix) :]}", rates, None, row.get("deprecation_date"), successor)
        )
    return found
