"""Anthropic's `/v1/organizations/analytics/cost`: amounts in cents, as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import orjson

from sidecar.simulator.billing import OrganizationBill, page_of
from sidecar.simulator.exchange import Refusal, Refused, SimRequest
from sidecar.simulator.ledger import Entry

PATH = "/v1/organizations/analytics/cost"
MOST_DAYS = 31


def answer(
    path: str, request: SimRequest, entries: Sequence[Entry], rules: OrganizationBill, now_ms: int
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
    days, following = page_of(
        rules.days(entries, "anthropic", first, end, now_ms), request.query.get("page", "")
    )
    data = [
        {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
            "group": {"model": model, "token_type": None, "cost_type": "tokens"},
            "cost": {
                "amount": format(usd * 100, "f"),
                "list_amount": format(usd * 100, "f"),
                "currency": "USD",
            },
        }
        for day, models in days
        for model, usd in models.items()
    ]
    return orjson.dumps({"data": data, "has_more": following is not None, "next_page": following})
