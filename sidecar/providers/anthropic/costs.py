"""What Anthropic says an organisation spent, by its day (UTC), model and kind of token. Needs an admin key."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.bills import BilledLine, charged_amount
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.pages import listed, named_by_page

# The longest range of one request, and the beta that the path belongs to.
MOST_DAYS = 31
COSTS = replace(ANTHROPIC, headers={**ANTHROPIC.headers, "anthropic-beta": "analytics-usage-cost-2026-08-24"})
NOT_FOR_THIS_KEY = frozenset({400, 403, 404})
_CENT = Decimal("0.01")


async def organization_costs(
    http: HttpClient, root: str, name: str, key: str, first: date, last: date
) -> tuple[BilledLine, ...]:
    """Return the lines of all days from `first` to `last`. Raises Failure."""
    api, read, found = VendorClient(http, COSTS, name), _range, list[BilledLine]()
    while first <= last:
        end = min(last, first + timedelta(days=MOST_DAYS - 1))
        try:
            found += await read(api, root, key, first, end)
        except Failure as failure:
            if failure.status not in NOT_FOR_THIS_KEY or read is _older_range:
                raise
            # Its forerunner is still served, and takes keys that this one does not.
            api, read = VendorClient(http, ANTHROPIC, name), _older_range
            continue
        first = end + timedelta(days=1)
    return tuple(found)


async def _range(api: VendorClient, root: str, key: str, first: date, last: date) -> list[BilledLine]:
    query = (
        f"starting_at={first}T00:00:00Z&ending_at={last + timedelta(days=1)}T00:00:00Z&time_bucket_width=1d"
        "&group_by[]=model&group_by[]=token_type&group_by[]=cost_type&group_by[]=api_key_id"
        "&group_by[]=service_tier&limit=1000"
    )
    url = f"{root}/v1/organizations/analytics/cost?{query}"
    found: list[BilledLine] = []
    async with aclosing(listed(api, url, "page", key, "costs", named_by_page)) as pages:
        async for rows in pages:
            found += [_line(api, row) for row in rows]
    return found


async def _older_range(api: VendorClient, root: str, key: str, first: date, last: date) -> list[BilledLine]:
    query = (
        f"starting_at={first}T00:00:00Z&ending_at={last + timedelta(days=1)}T00:00:00Z&bucket_width=1d"
        f"&group_by[]=description&limit={MOST_DAYS}"
    )
    found: list[BilledLine] = []
    url = f"{root}/v1/organizations/cost_report?{query}"
    async with aclosing(listed(api, url, "page", key, "costs", named_by_page)) as pages:
        async for buckets in pages:
            for bucket in buckets:
                for result in map(as_mapping, as_list(bucket.get("results"))):
                    row = {"starting_at": bucket.get("starting_at"), "group": result, "cost": result}
                    found.append(_line(api, row))
    return found


def _line(api: VendorClient, row: Mapping[str, Any]) -> BilledLine:
    """A row, whose amount is in cents and written as text. Raises Failure for one of no day."""
    group, cents = as_mapping(row.get("group")), cents_of(row)
    try:
        day = date.fromisoformat(as_text(row.get("starting_at"))[:10])
    except ValueError as error:
        raise api.failure("Anthropic did not say of which day a figure is. Try again.") from error
    currency = as_text(as_mapping(row.get("cost")).get("currency")).upper()
    unit = as_text(group.get("token_type")) or as_text(group.get("cost_type"))
    model = as_text(group.get("model")) or as_text(group.get("description"))
    key, tier = as_text(group.get("api_key_id")), as_text(group.get("service_tier")).lower()
    if cents is None:
        foreign = currency not in ("", "USD")
        return BilledLine(
            day, model, unit, Decimal(0), foreign=currency if foreign else "", unread=not foreign
        )
    return BilledLine(day, model, unit, cents * _CENT, key, tier)


def cents_of(row: Mapping[str, Any]) -> Decimal | None:
    """Return what a row charges in cents, after discounts; None where it does not say so in dollars."""
    cost = as_mapping(row.get("cost"))
    return (
        charged_amount(cost.get("amount")) if as_text(cost.get("currency")).upper() in ("", "USD") else None
    )
