"""Rows of `models:get-all`: a model or one of its other names. Here, and only here, prices become floats."""

from __future__ import annotations

from typing import Any

from sidecar.money.model import PriceEntry, Rates, Resolved, Status

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
    return found | {wire: float(batch[key]) for key, wire in _BATCH_KEYS.items()} if batch else found


def row(resolved: Resolved, status: Status, wire_pricing: dict[str, Any]) -> dict[str, Any]:
    """One Model of the wire. Members that are not known are absent."""
    model = resolved.model
    ends_on = model.ends_on
    optional: dict[str, Any] = {
        "maxOutputTokens": model.max_output_tokens,
        "aliases": None if resolved.alias else [alias.id for alias in model.aliases] or None,
        "aliasOf": model.id if resolved.alias else None,
        "successor": model.successor or model.served_by,
        "retiresOn": ends_on.isoformat() if ends_on else None,
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
