"""Print what genai-prices knows of every model as JSON: it is Python, not data, so it runs where it is installed.

A rate is under its own name; `name@line` is the rate above a line of tokens, `plan:name` that of a plan. `days` are
the rates of each day on which a price begins, and of the day before it, in the past and in the time to come.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo

PLANS: dict[str, dict[str, str]] = {
    "batch": {"processing": "batch"},
    **{tier: {"service_tier": tier} for tier in ("flex", "priority", "fast")},
}


def named(prices: Any, only: Collection[str] | None = None, prefix: str = "") -> dict[str, str]:
    """Return the rates of a price by name, `only` those where it says which."""
    found: dict[str, str] = {}
    for name, price in vars(prices).items():
        if price is None or (only is not None and name not in only):
            continue
        found[prefix + name] = str(getattr(price, "base", price))
        for tier in getattr(price, "tiers", ()):
            found[f"{prefix}{name}@{tier.start}"] = str(tier.price)
    return found


def rates(model: ModelInfo, now: datetime) -> dict[str, str]:
    """Return every rate of that time. A plan has those alone that are told of it: the others fall back."""
    found = named(model.get_prices(now, None))
    for plan, context in PLANS.items():
        told = [each.prices for each in model.price_variants or () if dict(each.when) == context]
        own = {name for prices in told for name, price in vars(prices).items() if price is not None}
        found |= named(model.get_prices(now, context), own, f"{plan}:")
    return found


def days(model: ModelInfo) -> list[date]:
    """Return the days on which a price begins, each with the day before it."""
    entries = model.prices if isinstance(model.prices, list) else []
    starts = {getattr(each.constraint, "start_date", None) for each in entries} - {None}
    return sorted({day for start in starts if start for day in (start - timedelta(days=1), start)})


def main() -> None:
    """Print the models of every provider."""
    found = [
        {
            "provider": provider.id,
            "id": model.id,
            "context": model.context_window,
            "rates": rates(model, datetime.now(UTC)),
            "days": {
                day.isoformat(): named(model.get_prices(datetime.combine(day, time(12), UTC), None))
                for day in days(model)
            },
        }
        for provider in providers
        for model in provider.models
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
