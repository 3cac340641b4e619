"""What Anthropic charged by time, in cents, as text: `analytics/cost`, and its forerunner `cost_report`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from sidecar.simulator.billing import MINUTE_MS, BilledCall, BillLook, Kind, Units, page_of
from sidecar.simulator.bodies import utc_text
from sidecar.simulator.exchange import Refusal, Refused

PATH = "/v1/organizations/analytics/cost"
OLDER = "/v1/organizations/cost_report"
MOST_DAYS = 31
TYPES = {
    "in_uncached": "uncached_input_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write_short": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_long": "cache_creation.ephemeral_1h_input_tokens",
    "out_visible": "output_tokens",
    "out_reasoning": "output_tokens",
}


def answer(look: BillLook) -> bytes | None:
    """Return the page that is asked for; None for another path. Raise Refused as the vendor does."""
    if look.path not in (PATH, OLDER):
        return None
    try:
        first, end = (
            date.fromisoformat(look.request.query[name][:10]) for name in ("starting_at", "ending_at")
        )
    except (KeyError, ValueError):
        raise Refused(Refusal(400, "starting_at: Field required")) from None
    if (end - first).days > MOST_DAYS:
        raise Refused(Refusal(400, f"ending_at: the range must be at most {MOST_DAYS} days"))
    if look.path == PATH and look.request.query.get("time_bucket_width") == "1m":
        return _minutes(look)
    days, following = page_of(look.days("anthropic", first, end), look.request.query.get("page", ""))
    data = [row for each in days for row in (_rows(*each) if look.path == PATH else [_bucket(*each)])]
    return orjson.dumps({"data": data, "has_more": following is not None, "next_page": following})


def _rows(day: date, kinds: Mapping[Kind, Units]) -> list[dict[str, Any]]:
    return [
        {**_span(day), "group": _group(kind, unit), "cost": {**_amount(usd), "list_amount": _cents(usd)}}
        for kind, units in kinds.items()
        for unit, usd in units.items()
    ]


def _bucket(day: date, kinds: Mapping[Kind, Units]) -> dict[str, Any]:
    """A day of the older report, which knows nothing of the priority tier."""
    results = [
        {
            **_group(kind, unit),
            **_amount(usd),
            "description": f"{kind[0]} Usage",
            "context_window": None,
            "inference_geo": "global",
            "workspace_id": None,
        }
        for kind, units in kinds.items()
        if kind[1] != "priority"
        for unit, usd in units.items()
    ]
    return {**_span(day), "results": results}


def _minutes(look: BillLook) -> bytes:
    """The charges of each minute by model and service tier, all of them on one page."""
    first, end = (
        int(datetime.fromisoformat(look.request.query[name]).timestamp()) * 1_000
        for name in ("starting_at", "ending_at")
    )
    found: dict[tuple[int, str, str], list[BilledCall]] = {}
    for call in look.calls("anthropic", first, end):
        key = call.at_ms - call.at_ms % MINUTE_MS, call.model, call.tier
        found.setdefault(key, []).append(call)
    data = [
        {
            "starting_at": utc_text(minute),
            "group": {"model": model, "service_tier": tier},
            "cost": {
                **_amount(sum((usd for each in same for usd in each.units.values()), Decimal(0))),
                "requests": len(same),
            },
        }
        for (minute, model, tier), same in sorted(found.items())
    ]
    return orjson.dumps({"data": data, "has_more": False, "next_page": None})


def _span(day: date) -> dict[str, str]:
    return {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{day + timedelta(days=1)}T00:00:00Z"}


def _group(kind: Kind, unit: str) -> dict[str, str | None]:
    model, tier = kind
    cost_type = "web_search" if unit == "searches" else "tokens"
    return {"model": model, "service_tier": tier, "token_type": TYPES.get(unit), "cost_type": cost_type}


def _amount(usd: Decimal) -> dict[str, str]:
    return {"amount": _cents(usd), "currency": "USD"}


def _cents(usd: Decimal) -> str:
    return format(usd * 100, "f")
