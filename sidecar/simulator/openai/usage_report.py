"""OpenAI's `/v1/organization/usage/completions`, by the minute, the hour or the day."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import orjson

from sidecar.simulator.billing import MINUTE_MS, BilledCall, BillLook
from sidecar.simulator.exchange import Refusal, Refused

COMPLETIONS = "/v1/organization/usage/completions"
SEARCHES = "/v1/organization/usage/web_search_calls"
Kind = tuple[str, bool, str]
# How long a bucket is, and how many of them are served at most.
WIDTHS = {"1m": (MINUTE_MS, 1_440), "1h": (60 * MINUTE_MS, 168), "1d": (1_440 * MINUTE_MS, 31)}


def answer(look: BillLook) -> bytes | None:
    """Return the buckets that are asked for; None for another path. Raise Refused for a key that is no admin's."""
    if look.path not in (COMPLETIONS, SEARCHES):
        return None
    if "admin" not in look.request.headers.get("authorization", ""):
        raise Refused(Refusal(403, "You have insufficient permissions for this operation.", code="scope"))
    first, end = (int(look.request.query[name]) * 1_000 for name in ("start_time", "end_time"))
    width = look.request.query.get("bucket_width", "")
    step, most = WIDTHS.get(width, (1, 0))
    if (end - first) // step > most:
        raise Refused(Refusal(400, "bucket_width: this range is not served.", param="bucket_width"))
    within = look.calls("openai", first, end)
    if look.path == SEARCHES:
        within = [call for call in within if call.usage.searches]
    data = [
        {
            "object": "bucket",
            "start_time": start // 1_000,
            "end_time": (start + step) // 1_000,
            "results": _results(look.path, [call for call in within if start <= call.at_ms < start + step]),
        }
        for start in range(first, end, step)
    ]
    return orjson.dumps({"object": "page", "data": data, "has_more": False, "next_page": None})


def _results(path: str, calls: Iterable[BilledCall]) -> list[dict[str, Any]]:
    ordered = sorted(calls, key=_kind)
    return [_result(path, kind, list(same)) for kind, same in groupby(ordered, key=_kind)]


def _kind(call: BilledCall) -> Kind:
    return call.model, call.batch, call.usage.service_tier or "default"


def _result(path: str, kind: Kind, calls: list[BilledCall]) -> dict[str, Any]:
    model, batch, tier = kind
    if path == SEARCHES:
        return {"model": model, "num_requests": sum(call.usage.searches for call in calls)}
    usages = [call.usage for call in calls]
    return {
        "object": "organization.usage.completions.result",
        "model": model,
        "batch": batch,
        "service_tier": tier,
        "input_tokens": sum(each.prompt_total for each in usages),
        "input_uncached_tokens": sum(each.in_uncached for each in usages),
        "input_cached_tokens": sum(each.cache_read for each in usages),
        "input_cache_write_tokens": sum(each.cache_write_short + each.cache_write_long for each in usages),
        "input_cache_write_12h_tokens": sum(each.cache_write_long for each in usages),
        "output_tokens": sum(each.out_total for each in usages),
        "num_model_requests": len(calls),
    }
