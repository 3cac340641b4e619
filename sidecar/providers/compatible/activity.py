"""What a gateway says was spent with it on each of its days (UTC), as OpenRouter does to a management key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.bills import BilledLine, charged_amount
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text

# It keeps the last thirty days that are over; the one that is not over may be the last that is asked for.
MOST_DAYS = 31
_NO_SUCH_LIST = frozenset({404, 405, 501})


async def activity_costs(
    api: VendorClient, roots: Sequence[str], key: str, first: date, last: date
) -> tuple[BilledLine, ...]:
    """Return the lines of the last days from `first` to `last`. `roots` are where the server's paths may begin.

    Raises Failure, "unsupported" for a server without such a list.
    """
    days = [last - timedelta(days=back) for back in range(min(MOST_DAYS, (last - first).days + 1))]
    for root in roots:
        try:
            found = [line for day in days for line in await _day(api, root, key, day)]
        except Failure as failure:
            if failure.status in _NO_SUCH_LIST:
                continue
            raise
        return tuple(found)
    raise api.failure(
        f"{api.vendor.title} has no list of what was spent at its address. Export the bill from its console as a CSV "
        "file, and give the path of that.",
        "unsupported",
    )


async def _day(api: VendorClient, root: str, key: str, day: date) -> list[BilledLine]:
    try:
        answer = await api.json("GET", f"{root}/activity?date={day.isoformat()}", api.asked(key))
    except Failure as failure:
        # A day that is not over yet, or no longer kept.
        if failure.status == 400:
            return []
        raise
    rows = map(as_mapping, as_list(answer.get("data")))
    return [line for line in (_line(row, day) for row in rows) if line.day == day]


def _line(row: Mapping[str, Any], asked: date) -> BilledLine:
    """What one model cost at one of its vendors: the gateway's part, and what a key of the person's own paid there.

    A row that does not say its day is of the one that was asked for.
    """
    usd, upstream = charged_amount(row.get("usage")), charged_amount(row.get("byok_usage_inference") or 0)
    try:
        day = date.fromisoformat(as_text(row.get("date"))[:10])
    except ValueError:
        day = asked
    model = as_text(row.get("model")) or as_text(row.get("model_permaslug"))
    if usd is None or upstream is None:
        return BilledLine(day, model, "", Decimal(0), unread=True)
    return BilledLine(day, model, "", usd + upstream)
