"""Rows of `models:get-all`: a model or one of its other names. Here, and only here, prices become floats."""

from __future__ import annotations

from datetime import date
from typing import Any

from sidecar.money.model import PriceEntry, Rates, Resolved, Status

# How old the check of a price may be before that is said.
FRESH_DAYS = 90
_BATCH_KEYS = {"prompt": "batchPrompt", "completion": "batchCompletion"}


def pricing(price: PriceEntry | None) -> dict[str, Any]:
    """The wire's `pricing` in dollars per million tokens; empty for a model without one, which is not 0."""
    if price is None:
        return {}
    found = _rates(price.per_million, price.batch_per_million)
    if price.tiers:
        found["tiers"] = [
            {"aboveTokens": tier.above_tokens, **_rates(tier.per_million, tier.batch_per_million)}
            for tier in price.tiers
        ]
    return found


def _rates(rates: Rates, batch: Rates | None) -> dict[str, Any]:
    found = {key: float(rate) for key, rate in rates.items()}
    # A person's own price may name one of them: what is not named is not known.
    return found | {wire: float(batch[key]) for key, wire in _BATCH_KEYS.items() if batch and key in batch}


def price_note(price: PriceEntry | None, day: date) -> str | None:
    """A sentence about a price that nobody has checked for long. A person's own is theirs to check."""
    if price is None or price.own or (day - price.checked_on).days <= FRESH_DAYS:
        return None
    return f"This price was last checked on {price.checked_on}, more than {FRESH_DAYS} days ago: it may have changed."


def row(
    resolved: Resolved, status: Status, wire_pricing: dict[str, Any], note: str | None = None
) -> dict[str, Any]:
    """One Model of the wire. Members that are not known are absent."""
    model = resolved.model
    ends_on = model.ends_on
    optional: dict[str, Any] = {
        "maxOutputTokens": model.max_output_tokens,
        "aliases": None if resolved.alias else [alias.id for alias in model.aliases] or None,
        "aliasOf": model.id if resolved.alias else None,
        "successor": model.successor or model.served_by,
        "retiresOn": ends_on.isoformat() if ends_on else None,
        "priceNote": note,
    }
    return {
        "id": resolved.id,
        "name": resolved.name,
        "provider": model.provider,
        "description": model.description,
        "contextSize": model.context_size,
        "pricing": wire_pricing,
        "features": list(model.features),
        "status": status,
        **{member: value for member, value in optional.items() if value is not None},
    }
