"""In which service tiers OpenAI counted an organisation's tokens, by its day (UTC). Needs an admin key."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, date, datetime, time, timedelta

from sidecar.providers.bills import TierTokens
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, as_text, moment_ms
from sidecar.providers.kernel.pages import listed, named_by_page

# The most buckets of a day that one request may ask for.
MOST_DAYS = 31


async def tokens_by_tier(
    api: VendorClient, base_url: str, key: str, first: date, last: date
) -> tuple[TierTokens, ...]:
    """Return what was counted on the days from `first` to `last`. Raises Failure."""
    found: list[TierTokens] = []
    while first <= last:
        end = min(last, first + timedelta(days=MOST_DAYS - 1))
        url = (
            f"{base_url}/organization/usage/completions?start_time={_seconds(first)}"
            f"&end_time={_seconds(end + timedelta(days=1))}&bucket_width=1d&limit={MOST_DAYS}"
            "&group_by[]=model&group_by[]=service_tier&group_by[]=batch"
        )
        async with aclosing(listed(api, url, "page", key, "usage", named_by_page)) as pages:
            async for buckets in pages:
                for bucket in buckets:
                    begins = moment_ms(bucket.get("start_time"))
                    if begins is None:
                        continue
                    day = datetime.fromtimestamp(begins / 1_000, UTC).date()
                    for result in map(as_mapping, as_list(bucket.get("results"))):
                        tier = "batch" if result.get("batch") is True else as_text(result.get("service_tier"))
                        tokens = as_count(result.get("input_tokens")) + as_count(result.get("output_tokens"))
                        found.append(TierTokens(day, as_text(result.get("model")), tier, tokens))
        first = end + timedelta(days=1)
    return tuple(found)


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
