"""OpenRouter's `/activity`: what an account spent on each day that is over, for whoever has a management key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import orjson

from sidecar.simulator.billing import BilledCall, BillLook, ms_of
from sidecar.simulator.exchange import Refusal, Refused
from sidecar.simulator.models import ANY_MODEL
from sidecar.simulator.openai_family.errors import bearer_key

PATH = "/v1/activity"
KEPT_DAYS = 30
# What stands in a key that manages an account, and asks no model.
MANAGEMENT = ("management", "admin")


def answer(look: BillLook) -> bytes | None:
    """Return the rows of the day that is asked for, or of all that are kept; None for another path.

    Raise Refused for another key, and for a day that is not over or no longer kept.
    """
    if look.path != PATH:
        return None
    if not any(word in bearer_key(look.request.headers) for word in MANAGEMENT):
        raise Refused(Refusal(403, "Only management keys can fetch activity for an account", code="403"))
    today = datetime.fromtimestamp(look.now_ms / 1000, UTC).date()
    kept = [today - timedelta(days=back) for back in range(1, KEPT_DAYS + 1)]
    wanted = look.request.query.get("date")
    days = kept if wanted is None else [day for day in kept if day.isoformat() == wanted]
    if not days:
        raise Refused(Refusal(400, "Date must be within the last 30 (completed) UTC days", code="400"))
    return orjson.dumps({"data": [row for day in days for row in _rows(look, day)]})


def _rows(look: BillLook, day: date) -> list[dict[str, Any]]:
    calls = look.calls(ANY_MODEL, ms_of(day), ms_of(day + timedelta(days=1)))
    ordered = sorted(calls, key=lambda call: call.model)
    return [_row(day, model, list(same)) for model, same in groupby(ordered, key=lambda call: call.model)]


def _row(day: date, model: str, calls: Sequence[BilledCall]) -> dict[str, Any]:
    usages = [call.usage for call in calls]
    return {
        "date": day.isoformat(),
        "model": model,
        "model_permaslug": model,
        "endpoint_id": "sim-endpoint",
        "provider_name": "Simulated",
        "usage": float(sum(sum(call.units.values()) for call in calls)),
        "byok_usage_inference": 0,
        "requests": len(calls),
        "prompt_tokens": sum(usage.prompt_total for usage in usages),
        "completion_tokens": sum(usage.out_total for usage in usages),
        "reasoning_tokens": sum(usage.out_reasoning for usage in usages),
        "cached_tokens": sum(usage.cache_read for usage in usages),
    }
