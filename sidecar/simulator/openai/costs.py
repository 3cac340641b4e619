"""OpenAI's `/v1/organization/costs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import orjson

from sidecar.simulator.billing import BilledCall, OrganizationBill, page_of
from sidecar.simulator.exchange import Refusal, Refused, SimRequest

PATH = "/v1/organization/costs"
WORDS = {
    "in_uncached": "input",
    "cache_read": "cached input",
    "cache_write_short": "cache write",
    "cache_write_long": "cache write",
    "out_visible": "output",
    "out_reasoning": "output",
    "searches": "web search",
    "search_block": "input",
}


def answer(
    path: str, request: SimRequest, calls: Sequence[BilledCall], rules: OrganizationBill, now_ms: int
) -> bytes | None:
    """Return the page that is asked for; None for another path. Raise Refused for a key that is no admin's."""
    if path != PATH:
        return None
    if "admin" not in request.headers.get("authorization", ""):
        raise Refused(Refusal(403, "You have insufficient permissions for this operation.", code="scope"))
    if not request.query.get("start_time", "").isdigit():
        raise Refused(Refusal(400, "Missing required parameter: 'start_time'.", param="start_time"))
    first = _day(request.query["start_time"])
    end = (
        _day(request.query["end_time"])
        if request.query.get("end_time", "").isdigit()
        else _day(str(now_ms // 1000))
    )
    days, following = page_of(rules.days(calls, "openai", first, end, now_ms), request.query.get("page", ""))
    data = [
        {
            "object": "bucket",
            "start_time": _seconds(day),
            "end_time": _seconds(day + timedelta(days=1)),
            "results": [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": float(usd), "currency": "usd"},
                    "line_item": f"{model}, {WORDS.get(unit, unit)}",
                    "project_id": None,
                }
                for (model, _), units in models.items()
                for unit, usd in units.items()
            ],
        }
        for day, models in days
    ]
    return orjson.dumps(
        {"object": "page", "data": data, "has_more": following is not None, "next_page": following}
    )


def _day(seconds: str) -> date:
    return datetime.fromtimestamp(int(seconds), UTC).date()


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
