"""What Anthropic counted in some minutes: where that was one call, it is the call. Needs an admin key."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.costs import COSTS, NOT_FOR_THIS_KEY, cents_of
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.anthropic.usage import message_usage
from sidecar.providers.base import Usage
from sidecar.providers.bills import MINUTE_MS, MinuteUsage, is_named, whole_minutes
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, as_text
from sidecar.providers.kernel.pages import listed, named_by_page


async def counted_in_minutes(
    http: HttpClient, root: str, name: str, key: str, model: str, first_ms: int, end_ms: int
) -> MinuteUsage | None:
    """Return what the model's requests used from the minute of `first_ms` to that of `end_ms`.

    Where the key may read it, that is what they were charged, with the counts of one that was alone; else their tokens,
    with no charge and no number of requests. None where there were none, or where it is not sure what belongs to them.
    Raises Failure.
    """
    first, end = whole_minutes(first_ms, end_ms)
    try:
        return await _charged(VendorClient(http, COSTS, name), root, key, model, first, end)
    except Failure as failure:
        if failure.status not in NOT_FOR_THIS_KEY:
            raise
        return await _used(VendorClient(http, ANTHROPIC, name), root, key, model, first, end)


async def _charged(
    api: VendorClient, root: str, key: str, model: str, first: int, end: int
) -> MinuteUsage | None:
    url = (
        f"{root}/v1/organizations/analytics/cost?starting_at={_text(first)}&ending_at={_text(end)}"
        "&time_bucket_width=1m&group_by[]=model&group_by[]=service_tier&limit=1000"
    )
    requests, cents, batch = 0, Decimal(0), False
    async with aclosing(listed(api, url, "page", key, "costs", named_by_page)) as pages:
        async for rows in pages:
            for row in rows:
                group = as_mapping(row.get("group"))
                told, amount = as_text(group.get("model")), cents_of(row)
                if not told and amount != 0:
                    # Of what is charged without a model, such as searches, nobody knows whether this call had it.
                    return None
                if not is_named(told, model):
                    continue
                if amount is None:
                    raise api.failure("Anthropic did not say what was charged. Try again.")
                requests += as_count(as_mapping(row.get("cost")).get("requests"))
                cents += amount
                batch = batch or as_text(group.get("service_tier")).lower() == "batch"
    if not requests:
        return None
    counted = await _counted(api, root, key, model, first, end) if requests == 1 else Usage()
    return MinuteUsage(requests, replace(counted, charged_usd=cents / 100), batch)


async def _counted(api: VendorClient, root: str, key: str, model: str, first: int, end: int) -> Usage:
    """What the one call used, by the report beside that of charges; nothing where that does not tell it."""
    url = (
        f"{root}/v1/organizations/analytics/usage?starting_at={_text(first)}&ending_at={_text(end)}"
        "&time_bucket_width=1m&group_by[]=model&group_by[]=service_tier&limit=1000"
    )
    found: list[Mapping[str, Any]] = []
    try:
        async with aclosing(listed(api, url, "page", key, "usage", named_by_page)) as pages:
            async for rows in pages:
                named = (
                    row for row in rows if is_named(as_text(as_mapping(row.get("group")).get("model")), model)
                )
                found += [as_mapping(row.get("usage")) for row in named]
    except Failure as failure:
        if failure.status not in NOT_FOR_THIS_KEY:
            raise
    counted = [usage for usage in found if as_count(usage.get("requests"))]
    if len(counted) != 1:
        return Usage()
    usage = message_usage(_as_message(counted[0]))
    return Usage() if usage.doubt else usage


async def _used(
    api: VendorClient, root: str, key: str, model: str, first: int, end: int
) -> MinuteUsage | None:
    """What was used by the report of before the analytics: tokens, of which nobody says of how many calls they are."""
    url = (
        f"{root}/v1/organizations/usage_report/messages?starting_at={_text(first)}&ending_at={_text(end)}"
        f"&bucket_width=1m&limit={(end - first) // MINUTE_MS}"
        "&group_by[]=model&group_by[]=service_tier&group_by[]=inference_geo"
    )
    found: list[Mapping[str, Any]] = []
    async with aclosing(listed(api, url, "page", key, "usage", named_by_page)) as pages:
        async for buckets in pages:
            for result in (as_mapping(each) for bucket in buckets for each in as_list(bucket.get("results"))):
                told = as_text(result.get("model"))
                if not told:
                    # It may be of this model as well.
                    return None
                if is_named(told, model):
                    found.append(result)
    if len(found) != 1:
        return MinuteUsage(len(found), Usage()) if found else None
    [one] = found
    batch = as_text(one.get("service_tier")).lower() == "batch"
    return MinuteUsage(None, message_usage(_as_message(one)), batch)


def _as_message(report: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a report in the words of a message's usage."""
    return {
        "input_tokens" if name == "uncached_input_tokens" else name: count for name, count in report.items()
    }


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
