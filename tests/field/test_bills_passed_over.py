"""What of a bill is in no sum is said: other money, other days, prices of a unit, calls that were not looked up yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, serving, whole
from tests.field.lab import own_models, sidecar, vendor_environment
from tests.helpers.process import RpcError

ADMIN = "sk-admin-9Qz7Lm2WpXr8TnB5"
DAYS = {"from": "2026-11-20", "to": "2026-11-22"}
NOON_MS = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
UNREAD = " of the vendor's bill. Look at the vendor's console."


def billed(vendor: str, *charges: tuple[str, str]) -> dict[str, Any]:
    """A page with these amounts and currencies, all of 20 November."""
    if vendor == "openai":
        results = [
            {"amount": {"value": amount, "currency": currency}, "line_item": "gpt-6-luna, input"}
            for amount, currency in charges
        ]
        return {"data": [{"start_time": 1795132800, "results": results}], "has_more": False}
    rows = [
        {
            "starting_at": "2026-11-20T00:00:00Z",
            "group": {"model": "claude-haiku-5-5"},
            "cost": {"amount": amount, "currency": currency},
        }
        for amount, currency in charges
    ]
    return {"data": rows, "has_more": False}


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_a_vendor_that_bills_in_euros_is_refused_and_single_lines_in_them_are_counted(
    vendor: str, tmp_path: Path
) -> None:
    euros, dollars = [("100", "eur"), ("7", "EUR")], [("300", "usd")]
    pages = [billed(vendor, *euros), billed(vendor, *euros, *dollars)]
    async with serving(lambda _: whole(pages[0])) as server:
        environment = vendor_environment(server.url, vendor) | {f"{vendor.upper()}_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            with pytest.raises(RpcError, match="bills this account in EUR, and ours are dollars"):
                await process.call("cost:reconcile", {"provider": vendor, **DAYS})
            pages.pop(0)
            result = await process.call("cost:reconcile", {"provider": vendor, **DAYS})
    assert result["theirsUSD"] == (300 if vendor == "openai" else 3)
    assert "In no sum, for ours are dollars: 2 lines in EUR of the vendor's bill." in result["notes"]


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_lines_of_a_vendor_s_bill_whose_amount_cannot_be_read_are_counted(
    vendor: str, tmp_path: Path
) -> None:
    strange = [("1,5", "usd"), ("NaN", "usd"), ("1e999", "usd"), ("", "usd")]
    page = billed(vendor, *strange, ("300", "usd"))
    async with serving(lambda _: whole(page)) as server:
        environment = vendor_environment(server.url, vendor) | {f"{vendor.upper()}_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            result = await process.call("cost:reconcile", {"provider": vendor, **DAYS})
    assert result["theirsUSD"] == (300 if vendor == "openai" else 3)
    assert f"In no sum, for no amount can be read of it: 4 lines{UNREAD}" in result["notes"]


async def test_lines_of_a_gateway_s_bill_whose_amount_cannot_be_read_are_counted(tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer:
        day = asked.target.rpartition("=")[2]
        if day != "2026-11-20":
            return whole({"data": []})
        told = ({"usage": "1,5"}, {"usage": 1e200}, {"usage": 2, "byok_usage_inference": "some"})
        return whole({"data": [{"date": day, "model": "m", **each} for each in (*told, {"usage": 3})]})

    async with (
        serving(script) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await process.call("settings:save", {"key": "apiKey", "provider": "lab-admin", "value": ADMIN})
        result = await process.call("cost:reconcile", {"provider": "lab", **DAYS})
    assert result["theirsUSD"] == 3
    assert f"In no sum, for no amount can be read of it: 3 lines{UNREAD}" in result["notes"]


async def test_lines_of_a_file_outside_the_days_that_were_asked_for_are_counted_and_said(
    tmp_path: Path,
) -> None:
    text = "date,model,cost\n2026-11-01,m,0.5\n2026-11-21,m,1\n2026-11-23,m,0.75\n2026-11-19,m,1\n"
    async with sidecar(tmp_path) as process:
        result = await process.call("cost:reconcile", {"provider": "grok", **DAYS, "text": text})
    assert result["theirsUSD"] == 1
    assert result["notes"][0] == (
        "In no sum, for it is outside of 2026-11-20 to 2026-11-22: 3 lines of the bill (2026-11-01 to 2026-11-23), "
        "$2.25 together. Ask for these days to see them."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "date,model,quantity,price\n2026-11-21,m,1000,0.002\n",
            "The column price may be the price of a unit",
        ),
        ("date,model,usage,unit price\n2026-11-21,m,1000,0.002\n", "The column unit price may be"),
        ("date,model,cost,billing currency\n2026-11-21,m,1,EUR\n", "Line 2 is in EUR"),
    ],
    ids=["price", "usage at a price", "billing currency"],
)
async def test_a_price_of_a_unit_or_another_currency_is_not_taken_for_what_was_charged(
    text: str, words: str, tmp_path: Path
) -> None:
    async with sidecar(tmp_path) as process:
        with pytest.raises(RpcError, match=words):
            await process.call("cost:reconcile", {"provider": "grok", **DAYS, "text": text})
        both = "date,model,price,cost\n2026-11-21,m,0.002,1.5\n"
        result = await process.call("cost:reconcile", {"provider": "grok", **DAYS, "text": both})
    assert result["theirsUSD"] == 1.5


def write_calls(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write down calls as an earlier run would have."""
    with closing(sqlite3.connect(folder / "abai.db")) as conn, conn:
        for row in rows:
            names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            conn.execute(f"INSERT INTO ledger ({names}) VALUES ({marks})", row)


def broken_off(number: int) -> dict[str, Any]:
    return {
        "id": f"call-{number:03}",
        "created_at": NOON_MS + number,
        "settled_at": NOON_MS + number,
        "kind": "chat",
        "state": "unknown",
        "provider": "lab",
        "model": "lab/m",
        "request_id": f"r{number}",
        "uncertain": 1,
        "at_least_pico": 0,
        "at_most_pico": 2 * 10**12,
    }


async def test_of_very_many_calls_that_cannot_be_settled_the_last_one_is_looked_at_too(
    tmp_path: Path,
) -> None:
    def script(asked: Asked) -> Answer:
        if asked.target.endswith("?id=r300"):
            return whole({"data": {"id": "r300", "total_cost": 1.5}})
        return whole({"error": {"message": "Not found", "code": 404}}, 404)

    async with serving(script) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            await process.call("activity:stats", {})
        write_calls(tmp_path, map(broken_off, range(301)))
        params = {"provider": "lab", **DAYS, "text": "date,model,cost\n2026-11-20,m,1\n"}
        async with sidecar(tmp_path) as process:
            first = await process.call("cost:reconcile", params)
            second = await process.call("cost:reconcile", params)
    [told] = [note for note in first["notes"] if "look again for the others" in note]
    assert told.startswith(
        "301 calls that broke off may be looked up at the vendor, 200 of which were this time"
    )
    assert second["notes"][0] == "Settled by the server's own record of the call: r300."
    assert (first["uncertain"], first["uncertainAtMostUSD"]) == (301, 602)
    assert (second["uncertain"], second["uncertainAtMostUSD"], second["oursUSD"]) == (300, 600, 1.5)


async def test_the_last_day_of_a_long_batch_alone_is_explained_by_the_rows_that_began_before_it(
    tmp_path: Path,
) -> None:
    row = {
        "kind": "batch",
        "state": "settled",
        "provider": "openai",
        "model": "openai/gpt-6-luna",
        "created_at": NOON_MS - 6 * DAY_MS,
        "settled_at": NOON_MS,
        "batch_rate": 1,
        "cost_pico": 10**12,
        "at_least_pico": 10**12,
        "at_most_pico": 10**12,
    }
    async with sidecar(tmp_path) as process:
        await process.call("activity:stats", {})
    write_calls(tmp_path, ({"id": f"row-{number}", **row} for number in range(3)))
    text = "date,model,cost\n2026-11-20,gpt-6-luna,3\n"
    async with sidecar(tmp_path) as process:
        asked = {"provider": "openai", "from": "2026-11-20", "to": "2026-11-20", "text": text}
        [day] = (await process.call("cost:reconcile", asked))["days"]
    assert (day["theirsUSD"], day["calls"]) == (3, 0)
    assert "3 calls of $3.00 ended on a later day than the question's" in day["explanation"]


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
async def test_a_bill_is_laid_beside_all_days_there_can_be(vendor: str, tmp_path: Path) -> None:
    ever = {"provider": vendor, "from": "0001-01-01", "to": "9999-12-31"}
    text = "date,model,cost\n2026-11-21,m,1\n"
    async with sidecar(tmp_path) as process:
        result = await process.call("cost:reconcile", {**ever, "text": text})
    assert result["theirsUSD"] == 1
