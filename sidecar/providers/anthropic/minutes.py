"""What Anthropic charged for some minutes: where that was one call, it is the call. Needs an admin key."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal

from sidecar.providers.anthropic.costs import COSTS, cents_of
from sidecar.providers.base import Usage
from sidecar.providers.bills import MinuteUsage, is_named, whole_minutes
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_values import as_count, as_mapping, as_text
from sidecar.providers.kernel.pages import listed, named_by_page


async def charged_in_minutes(
    http: HttpClient, root: str, name: str, key: str, model: str, first_ms: int, end_ms: int
) -> MinuteUsage | None:
    """Return what the model's requests were charged from the minute of `first_ms` to that of `end_ms`.

    The usage holds what was charged and no counts. None where there were no requests, or where it is not sure what
    belongs to them. Raises Failure.
    """
    api = VendorClient(http, COSTS, name)
    first, end = whole_minutes(first_ms, end_ms)
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
    return MinuteUsage(requests, Usage(charged_usd=cents / 100), batch)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
