"""Anthropic's `/v1/organizations/analytics/cost`: amounts in cents, as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import orjson

from sidecar.simulator.billing import MINUTE_MS, BilledCall, OrganizationBill, page_of
from sidecar.simulator.bodies import utc_text
from sidecar.simulator.exchange import Refusal, Refused, SimRequest

PATH = "/v1/organizations/analytics/cost"
MOST_DAYS = 31
TYPES = {
    "in_uncached": "uncached_input_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write_short": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_long": "cache_creation.ephemeral_1h_input_tokens",
    "out_visible": "output_tokens",
    "out_reasoning": "output_tokens",
}


def answer(
    path: str, request: SimRequest, calls: Sequence[BilledCall], rules: OrganizationBill, now_ms: int
) -> bytes | None:
    """Return the page that is asked for; None for another path. Raise Refused as the vendor does."""
    if path != PATH:
        return None
    if "admin" not in request.headers.get("x-api-key", ""):
        raise Refused(Refusal(401, "invalid x-api-key"))
    if "analytics-usage-cost" not in request.headers.get("anthropic-beta", ""):
        raise Refused(Refusal(400, "anthropic-beta: header is required for this endpoint"))
    try:
        first, end = (date.fromisoformat(request.query[name][:10]) for name in ("starting_at", "ending_at"))
    except (KeyError, ValueError):
        raise Refused(Refusal(400, "starting_at: Field required")) from None
    if (end - first).days > MOST_DAYS:
        raise Refused(Refusal(400, f"ending_at: the range must be at most {MOST_DAYS} days"))
    if request.query.get("time_bucket_width") == "1m":
        return _minutes(request, calls, rules, now_ms)
    days, following = page_of(
        rules.days(calls, "anthropic", first, end, now_ms), request.query.get("page", "")
    )
    data = [
        {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
            "group": {"model": model, "token_type": TYPES.get(unit), "cost_type": _cost_type(unit)},
            "cost": {
                "amount": format(usd * 100, "f"),
                "list_amount": format(usd * 100, "f"),
                "currency": "USD",
            },
        }
        for day, models in days
        for model, units in models.items()
        for unit, usd in units.items()
    ]
    return orjson.dumps({"data": data, "has_more": following is not None, "next_page": following})


def _minutes(request: SimRequest, calls: Sequence[BilledCall], rules: OrganizationBill, now_ms: int) -> bytes:
    """The charges of each minute by model and service tier, all of them on one page."""
    first, end = (
        int(datetime.fromisoformat(request.query[name]).timestamp()) * 1_000
        for name in ("starting_at", "ending_at")
    )
    found: dict[tuple[int, str, bool], list[BilledCall]] = {}
    for call in rules.calls(calls, "anthropic", first, end, now_ms):
        key = call.at_ms - call.at_ms % MINUTE_MS, call.model, call.batch
        found.setdefault(key, []).append(call)
    data = [
        {
            "starting_at": utc_text(minute),
            "group": {"model": model, "service_tier": "batch" if batch else "standard"},
            "cost": {
                "amount": format(sum(usd for each in same for usd in each.units.values()) * 100, "f"),
                "currency": "USD",
                "requests": len(same),
            },
        }
        for (minute, model, batch), same in sorted(found.items())
    ]
    return orjson.dumps({"data": data, "has_more": False, "next_page": None})


def _cost_type(unit: str) -> str:
    return "web_search" if unit == "searches" else "tokens"
