"""OpenAI's `/v1/organization/costs`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import orjson

from sidecar.simulator.billing import BillLook, page_of
from sidecar.simulator.exchange import Refusal, Refused

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


def answer(look: BillLook) -> bytes | None:
    """Return the page that is asked for; None for another path. Raise Refused for a key that is no admin's."""
    if look.path != PATH:
        return None
    if "admin" not in look.request.headers.get("authorization", ""):
        raise Refused(Refusal(403, "You have insufficient permissions for this operation.", code="scope"))
    if not look.request.query.get("start_time", "").isdigit():
        raise Refused(Refusal(400, "Missing required parameter: 'start_time'.", param="start_time"))
    first = _day(look.request.query["start_time"])
    end = (
        _day(look.request.query["end_time"])
        if look.request.query.get("end_time", "").isdigit()
        else _day(str(look.now_ms // 1000))
    )
    days, following = page_of(look.days("openai", first, end), look.request.query.get("page", ""))
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
