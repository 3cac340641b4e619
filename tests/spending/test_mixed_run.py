"""After some hundred calls of every kind: our account, the vendors' own, and what is stored of each call, agree."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.money.vendor_days import day_of
from sidecar.store import ledger_lists
from sidecar.store.records import LedgerEntry
from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import ADMIN, DAY_MS, KILLED_ROWS, MODELS, NOON_MS, Outside, gone_on, run

VENDORS = tuple(dict.fromkeys(model.partition("/")[0] for model in MODELS))
RANGE = {"from": "2026-11-29", "to": "2026-12-03"}
RATE_OF = {
    "in_uncached": "prompt",
    "cache_read": "cacheRead",
    "cache_write_short": "cacheWrite5m",
    "cache_write_long": "cacheWrite1h",
    "out_visible": "completion",
    "out_reasoning": "completion",
}


async def test_a_mixed_run_agrees_with_the_vendors_and_with_what_is_stored_of_it(tmp_path: Path) -> None:
    outside, folder = await run(tmp_path)
    async with inside(folder, world=outside.world, batch_poll_ms=0, more_keys=ADMIN) as here:
        await gone_on(here)
        states = Counter[str]()
        killed: list[LedgerEntry] = []
        for vendor in VENDORS:
            entries = await entries_of(here, vendor)
            assert {entry.state for entry in entries} >= {"settled", "failed", "unknown"}
            states.update(entry.state for entry in entries)
            killed += [each for each in entries if each.kind == "batch" and each.error_kind == "interrupted"]
            least = sum((known(each, each.at_least_usd) for each in entries), Decimal(0))
            most = sum((known(each, each.at_most_usd) for each in entries), Decimal(0))
            theirs = charged(outside, vendor)
            assert least <= theirs <= most, vendor
            for entry in entries:
                recompute(entry)
            await reconciled(here, outside, vendor)
        assert len(killed) == len(MODELS) * len(KILLED_ROWS)
        # What the vendor had counted when the process died is the least of it, and every row was asked again.
        assert {each.provider for each in killed if each.at_least_usd} >= {"anthropic"}
        await ended_well(here)
        await days_add_up(here)
    assert sum(states.values()) >= 200
    assert "intent" not in states


async def ended_well(here: Inside) -> None:
    """No batch is left under way, and none that was killed has lost a row."""
    [project] = [each for each in (await here.call("project:list"))["result"] if each["name"] == "Killed"]
    jobs = (await here.call("batch:list", {"projectId": project["id"]}))["result"]
    assert len(jobs) == 1 + len(VENDORS)
    assert {job["status"] for job in jobs} == {"completed"}
    for job in jobs:
        assert job["completedRows"] + job["failedRows"] == job["totalRows"]
        assert bool(job.get("uncertainCalls")) == (job["mode"] == "local")


async def days_add_up(here: Inside) -> None:
    """The days, the months and the models come to the same, with the same number of calls in no sum."""
    stats = (await here.call("activity:stats", {"days": 31}))["result"]
    for sums in (stats["byDay"], stats["byModel"]):
        assert sum(each.get("cost", 0) for each in sums) == pytest.approx(stats["totalCost"])
        assert sum(each.get("uncertainCalls", 0) for each in sums) == stats["uncertainCalls"]
    december = [each for each in stats["byDay"] if each["day"].startswith("2026-12")]
    assert sum(each["cost"] for each in december) == pytest.approx(stats["monthCost"])
    assert (
        sum(each.get("uncertainCalls", 0) for each in december) == stats["monthUncertain"]["uncertainCalls"]
    )
    assert 0 < stats["monthCost"] < stats["totalCost"]


async def entries_of(here: Inside, vendor: str) -> list[LedgerEntry]:
    page = await here.services.store.read(ledger_lists.of_provider, vendor, 0, 2**60, 0, 10_000)
    return [entry for _, entry in page]


def known(entry: LedgerEntry, bound: Decimal | None) -> Decimal:
    if entry.state == "failed":
        return Decimal(0)
    usd = entry.cost_usd if entry.cost_usd is not None else bound
    assert usd is not None, entry
    return usd


def charged(outside: Outside, vendor: str) -> Decimal:
    """What the vendor's own ledger says it charged."""
    book = outside.world.simulator.ledger
    alone = (entry.charged_usd or Decimal(0) for entry in book.entries if entry.provider == vendor)
    batched = (batch.charged_usd for batch in book.batches if batch.provider == vendor)
    return sum((*alone, *batched), Decimal(0))


def recompute(entry: LedgerEntry) -> None:
    """Hold the cost of a row, or the least of it, against nothing but what the row has."""
    if entry.parts is None:
        assert entry.cost_usd in (None, 0)
        return
    total = Decimal(0)
    for part in entry.parts:
        usd, rate = Decimal(part["usd"]), part.get("ratePerMillionUSD")
        if rate is not None:
            assert usd == Decimal(rate) * part["quantity"] / 1_000_000
            assert Decimal(rate) == rate_of(entry, part["unit"])
        total += usd
    assert total == (entry.at_least_usd if entry.cost_usd is None else entry.cost_usd)
    # Of an answer whose usage cannot be right, the parts are what it is at least.
    # Of one whose process was killed, they alone were kept.
    kept = entry.state == "unknown" and entry.error_kind != "interrupted"
    if not entry.charged and (entry.cost_usd is not None or kept):
        counted = {part["unit"]: part["quantity"] for part in entry.parts if part["unit"] in RATE_OF}
        assert all(getattr(entry, unit) == quantity for unit, quantity in counted.items()), entry


def rate_of(entry: LedgerEntry, unit: str) -> Decimal:
    """What a million of that unit costs by the price that the row keeps."""
    price: Mapping[str, Any] = entry.price or {}
    if unit == "searches":
        return Decimal(price["webSearchPer1k"]) * 1_000
    rates = price["batchPerMillion"] if entry.batch_rate else price["perMillion"]
    name = RATE_OF.get(unit, "prompt")
    rate = Decimal(rates.get(name) or price["perMillion"].get(name) or rates["prompt"])
    tiers = price.get("serviceTiers", {})
    if not entry.batch_rate:
        rate *= Decimal(tiers.get(entry.service_tier or "", "1"))
    for word in entry.surcharges or ():
        rate *= Decimal(tiers.get(word, "1"))
    return rate


async def reconciled(here: Inside, outside: Outside, vendor: str) -> None:
    """Lay our account beside the bill: every difference lies within what is uncertain here."""
    params: dict[str, Any] = {"provider": vendor, **RANGE}
    if f"{vendor}-admin" not in ADMIN:
        params["text"] = console_csv(outside, vendor)
    answer = await here.call("cost:reconcile", params)
    assert "result" in answer, answer
    result = answer["result"]
    assert len(result["days"]) >= 2
    for day in result["days"]:
        least, most = -1e-9, day.get("uncertainAtMostUSD", 0) + 1e-9
        assert least <= day["differenceUSD"] <= most, day
        assert ("explanation" in day) == bool(day["uncertain"]), day


def console_csv(outside: Outside, vendor: str) -> str:
    """The vendor's figures as its console gives them."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(("usage_start_time", "model", "cost", "currency"))
    for call in outside.world.simulator.billed():
        if call.provider == vendor:
            moment = datetime.fromtimestamp(call.at_ms / 1000, UTC).isoformat()
            for usd in call.units.values():
                table.writerow((moment, call.model, format(usd, "f"), "USD"))
    return file.getvalue()


def test_the_run_lies_in_two_months_of_every_vendor() -> None:
    for pacific in (False, True):
        days = [day_of(NOON_MS, pacific=pacific), day_of(NOON_MS + DAY_MS, pacific=pacific)]
        assert [day.month for day in days] == [11, 12]
