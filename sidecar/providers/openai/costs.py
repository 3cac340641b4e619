"""What OpenAI says an organisation spent, by its day (UTC) and line of the bill. Needs an admin key."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sidecar.providers.bills import BilledLine, charged_amount
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text, moment_ms
from sidecar.providers.kernel.pages import listed, named_by_page

MOST_DAYS = 180
# A day has a line for each model, unit and key.
MOST_LINES = 200_000


async def organization_costs(
    api: VendorClient, base_url: str, key: str, first: date, last: date
) -> tuple[BilledLine, ...]:
    """Return the lines of all days from `first` to `last`. Raises Failure."""
    query = (
        f"start_time={_seconds(first)}&end_time={_seconds(last + timedelta(days=1))}"
        f"&bucket_width=1d&group_by[]=line_item&group_by[]=api_key_id&limit={MOST_DAYS}"
    )
    url = f"{base_url}/organization/costs?{query}"
    found: list[BilledLine] = []
    async with aclosing(listed(api, url, "page", key, "costs", named_by_page)) as pages:
        async for buckets in pages:
            for bucket in buckets:
                begins = moment_ms(bucket.get("start_time") or bucket.get("start_time_iso"))
                if begins is None:
                    raise api.failure("OpenAI did not say of which day a figure is. Try again.")
                day = datetime.fromtimestamp(begins / 1_000, UTC).date()
                found += [_line(day, as_mapping(result)) for result in as_list(bucket.get("results"))]
            if len(found) > MOST_LINES:
                raise api.failure(
                    "OpenAI tells more figures of these days than can be read. Ask for fewer days."
                )
    return tuple(found)


def _line(day: date, result: Mapping[str, Any]) -> BilledLine:
    amount = as_mapping(result.get("amount"))
    usd, currency = charged_amount(amount.get("value")), as_text(amount.get("currency")).upper()
    model, _, unit = as_text(result.get("line_item")).partition(", ")
    if currency not in ("", "USD"):
        return BilledLine(day, model, unit, Decimal(0), foreign=currency)
    if usd is None:
        return BilledLine(day, model, unit, Decimal(0), unread=True)
    return BilledLine(day, model, unit, usd, as_text(result.get("api_key_id")))


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
