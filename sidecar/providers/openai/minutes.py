"""What OpenAI says was used in some minutes: where that was one call, it is the call. Needs an admin key."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from sidecar.providers.base import Usage
from sidecar.providers.bills import MINUTE_MS, MinuteUsage, is_named, whole_minutes
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, as_text
from sidecar.providers.kernel.pages import listed, named_by_page


async def usage_of_minutes(
    api: VendorClient, base_url: str, key: str, model: str, first_ms: int, end_ms: int
) -> MinuteUsage | None:
    """Return what the model's requests used from the minute of `first_ms` to that of `end_ms`.

    None where there were no requests, or where it is not sure what belongs to them. Raises Failure.
    """
    first, end = whole_minutes(first_ms, end_ms)
    query = (
        f"start_time={first // 1_000}&end_time={end // 1_000}&bucket_width=1m"
        f"&limit={(end - first) // MINUTE_MS}&group_by[]=model"
    )
    kinds = "&group_by[]=batch&group_by[]=service_tier"
    told = await _results(api, f"{base_url}/organization/usage/completions?{query}{kinds}", key)
    found = [each for each in told if is_named(as_text(each.get("model")), model)]
    requests = sum(as_count(each.get("num_model_requests")) for each in found)
    if requests != 1:
        return MinuteUsage(requests, Usage()) if requests else None
    searches = await _results(api, f"{base_url}/organization/usage/web_search_calls?{query}", key)
    if any(as_count(each.get("num_requests")) and not as_text(each.get("model")) for each in searches):
        # Of searches that are told without a model, nobody knows whether this call made them.
        return None
    one = next(each for each in found if as_count(each.get("num_model_requests")))
    searched = sum(
        as_count(each.get("num_requests")) for each in searches if is_named(as_text(each.get("model")), model)
    )
    return MinuteUsage(1, _usage(one, searched), one.get("batch") is True)


async def _results(api: VendorClient, url: str, key: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    async with aclosing(listed(api, url, "page", key, "usage", named_by_page)) as pages:
        async for buckets in pages:
            found += [as_mapping(each) for bucket in buckets for each in as_list(bucket.get("results"))]
    return found


def _usage(told: Mapping[str, Any], searches: int) -> Usage:
    whole, cached = as_count(told.get("input_tokens")), as_count(told.get("input_cached_tokens"))
    written = as_count(told.get("input_cache_write_tokens"))
    long = as_count(told.get("input_cache_write_12h_tokens"))
    return Usage(
        in_uncached=max(0, whole - cached - written),
        cache_read=cached,
        cache_write_short=max(0, written - long),
        cache_write_long=long,
        out_visible=as_count(told.get("output_tokens")),
        searches=searches,
        prompt_total=whole,
        service_tier=as_text(told.get("service_tier")).lower() or None,
        doubt="" if cached + written <= whole and long <= written else "the parts are more than the whole",
    )
