"""An organisation's figures as the simulated Anthropic serves them: late, in pages, in cents, to two kinds of keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.simulator.billing import OrganizationBill
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest
from tests.helpers.simulated import NOW_MS, read, simulator

VERSION = {"anthropic-version": "2023-06-01"}
ASKING = {**VERSION, "x-api-key": "sk-ant-simulated"}
OLDER = {**VERSION, "x-api-key": "sk-ant-admin01-older"}
NEWER = {**VERSION, "x-api-key": "sk-ant-admin01", "anthropic-beta": "analytics-usage-cost-2026-08-24"}
MODEL = "claude-haiku-5-5"
DAYS = {"starting_at": "2026-11-20T00:00:00Z", "ending_at": "2026-11-24T00:00:00Z"}


async def asked(delay_ms: int = 0) -> Simulator:
    sim = simulator(bill=OrganizationBill(delay_ms=delay_ms))
    body = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Why?"}]}
    for _ in range(2):
        sent = SimRequest("POST", "/anthropic/v1/messages", ASKING, json.dumps(body).encode())
        await read(await sim.handle(sent))
    return sim


async def got(sim: Simulator, path: str, headers: dict[str, str], **query: str) -> tuple[int, Any]:
    request = SimRequest("GET", f"/anthropic/v1/organizations/{path}", headers, b"", {**DAYS, **query})
    answer = await sim.handle(request)
    return answer.status, json.loads(await read(answer))


async def all_rows(sim: Simulator, path: str, headers: dict[str, str], **query: str) -> tuple[list[Any], int]:
    """The rows of all pages, and how many pages these were."""
    found, pages, page = list[Any](), 0, dict[str, str]()
    while True:
        status, told = await got(sim, path, headers, **query, **page)
        assert status == 200, told
        found, pages = found + told["data"], pages + 1
        if not told["has_more"]:
            return found, pages
        page = {"page": told["next_page"]}


async def test_tokens_are_reported_by_bucket_in_pages_and_nobody_says_of_how_many_calls() -> None:
    sim = await asked()
    buckets, pages = await all_rows(sim, "usage_report/messages", OLDER, bucket_width="1d", limit="3")
    assert (len(buckets), pages) == (4, 2)
    [result] = [each for bucket in buckets for each in bucket["results"]]
    usages = [entry.usage for entry in sim.ledger.entries if entry.usage]
    assert result["uncached_input_tokens"] == sum(each.in_uncached for each in usages) > 0
    assert result["output_tokens"] == sum(each.out_total for each in usages) > 0
    assert (result["model"], result["service_tier"], "requests" in result) == (MODEL, "standard", False)
    assert buckets[3]["results"] == [result]


async def test_the_analytics_count_calls_too_by_the_minute() -> None:
    sim = await asked()
    for entry in sim.ledger.entries:
        entry.at_ms = NOW_MS - 30_000
    minutes = {"starting_at": "2026-11-22T23:58:00Z", "ending_at": "2026-11-23T00:01:00Z"}
    [row], _ = await all_rows(sim, "analytics/usage", NEWER, time_bucket_width="1m", **minutes)
    assert (row["starting_at"], row["usage"]["requests"]) == ("2026-11-22T23:59:00Z", 2)


async def test_the_older_costs_are_cents_as_text() -> None:
    sim = await asked()
    days, pages = await all_rows(sim, "cost_report", OLDER)
    assert (len(days), pages) == (4, 2)
    told = [each for day in days for each in day["results"]]
    assert all(isinstance(each["amount"], str) for each in told)
    charged = sum(entry.charged_usd or 0 for entry in sim.ledger.entries)
    assert sum(float(each["amount"]) for each in told) == pytest.approx(float(charged) * 100)


async def test_what_is_young_is_not_in_yet_and_each_key_reads_its_own() -> None:
    sim = await asked(delay_ms=60_000)
    buckets, _ = await all_rows(sim, "usage_report/messages", OLDER, bucket_width="1d")
    assert not any(bucket["results"] for bucket in buckets)
    for path, headers, status in [
        ("analytics/usage", OLDER, 403),
        ("analytics/cost", OLDER, 403),
        ("usage_report/messages", ASKING, 401),
        ("analytics/usage", {**OLDER, "x-api-key": "sk-ant-admin01"}, 400),
    ]:
        assert (await got(sim, path, headers))[0] == status, path
