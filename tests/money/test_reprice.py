from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.money import pricing, reprice, spent_by_model
from sidecar.money.catalogue import Catalogue, Names
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.money.reprice import ModelReprice, Tally
from sidecar.providers.base import Usage
from sidecar.store.activity import Spending
from sidecar.store.database import Database
from sidecar.store.recorded_calls import CallUsage, RecordedCall
from sidecar.store.store import Store
from tests.helpers.spending import USAGE, spent

MIDNIGHT = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
SHIPPED = Catalogue.load()


def price(starts_on: date, prompt: int, completion: int) -> PriceEntry:
    rates = {"prompt": Decimal(prompt), "completion": Decimal(completion)}
    return PriceEntry(starts_on, "test", starts_on, rates)


def model(name: str, *prices: PriceEntry, **more: Any) -> ModelEntry:
    return ModelEntry(id=name, provider="lab", name=name, context_size=1_000, prices=prices, **more)


MODELS = (
    model("steady", price(date(2020, 1, 1), 1, 10)),
    model("risen", price(date(2020, 1, 1), 1, 10), price(date(2026, 11, 23), 2, 20)),
    model("new", price(date(2026, 11, 23), 3, 30)),
    model("old", price(date(2020, 1, 1), 4, 40), retires_on=date(2026, 11, 23), successor="steady"),
    model("free"),
)
LAB = Catalogue(MODELS, Names.of(MODELS))


def call(
    at: int = MIDNIGHT, cost: str | None = "1", usage: Usage | None = USAGE, name: str | None = "lab/asked"
) -> RecordedCall:
    recorded = None
    if usage is not None:
        recorded = CallUsage(**{field: getattr(usage, field) for field in CallUsage.__dataclass_fields__})
    return RecordedCall((at, 1), at, None, name, None if cost is None else Decimal(cost), recorded)


def repriced(catalogue: Catalogue, model_id: str, *calls: RecordedCall) -> reprice.Reprice:
    tally = Tally(catalogue, model_id)
    for each in calls:
        tally.add(each)
    return tally.result()


def test_a_call_costs_what_its_tokens_cost_at_the_other_model() -> None:
    found = repriced(LAB, "steady", call(cost="0.5"))
    # 1,000 tokens in at 1 a million, 200 out at 10.
    assert (found.actual_usd, found.repriced_usd) == (Decimal("0.5"), Decimal("0.003"))
    assert found.by_model == (ModelReprice("lab/asked", Decimal("0.5"), Decimal("0.003"), 1),)


def test_every_part_of_the_usage_is_priced_as_the_pricing_prices_it() -> None:
    usage = Usage(
        in_uncached=250_000,
        cache_read=40_000,
        cache_write_short=3_000,
        cache_write_long=700,
        out_visible=900,
        out_reasoning=80,
        searches=3,
        prompt_total=293_700,
    )
    entry = SHIPPED.price_entry(SHIPPED.resolve("gpt-6.1-terra").model, date(2026, 11, 23))
    expected = pricing.cost(usage, entry)
    assert isinstance(expected, pricing.Cost)
    found = repriced(SHIPPED, "gpt-6.1-terra", call(usage=usage))
    assert found.repriced_usd == expected.total_usd


def test_each_call_takes_the_price_of_its_own_day() -> None:
    assert repriced(LAB, "risen", call(MIDNIGHT - 1)).repriced_usd == Decimal("0.003")
    assert repriced(LAB, "risen", call(MIDNIGHT)).repriced_usd == Decimal("0.006")


def test_a_model_that_had_ended_by_then_is_priced_as_the_one_that_answers_for_it() -> None:
    assert repriced(LAB, "old", call(MIDNIGHT - 1)).repriced_usd == Decimal("0.012")
    assert repriced(LAB, "old", call(MIDNIGHT)).repriced_usd == Decimal("0.003")


@pytest.mark.parametrize(
    ("model_id", "without"),
    [
        ("steady", call(cost=None)),
        ("steady", call(usage=None)),
        ("steady", call(usage=Usage(in_uncached=1, searches=1, prompt_total=1))),
        ("new", call(MIDNIGHT - 1)),
        ("free", call()),
    ],
    ids=["no cost", "no usage", "no price for searches", "no price on that day", "no price at all"],
)
def test_what_has_no_price_on_either_side_is_counted_and_in_no_sum(
    model_id: str, without: RecordedCall
) -> None:
    found = repriced(LAB, model_id, without)
    assert (found.unpriced, found.calls) == (1, 0)
    assert (found.actual_usd, found.repriced_usd) == (Decimal(0), Decimal(0))
    assert found.by_model == ()


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(Failure) as caught:
        Tally(LAB, "nobody")
    assert caught.value.kind == "not_found"


COSTS = st.decimals(min_value=0, max_value=50, places=12)


@given(
    st.lists(st.tuples(COSTS, st.sampled_from(["steady", "lab/steady", "risen", "odd", None])), max_size=30)
)
def test_the_parts_add_up_to_the_totals_to_the_last_digit(calls: list[tuple[Decimal, str | None]]) -> None:
    found = repriced(LAB, "steady", *(call(cost=str(cost), name=name) for cost, name in calls))
    assert found.actual_usd == spent_by_model.add(*(each.actual_usd for each in found.by_model))
    assert found.actual_usd == spent_by_model.add(*(cost for cost, _ in calls))
    assert found.repriced_usd == spent_by_model.add(*(each.repriced_usd for each in found.by_model))
    assert found.calls == sum(each.calls for each in found.by_model) == len(calls)


def test_what_went_by_a_vendors_batch_is_repriced_at_the_other_vendors_batch_rates() -> None:
    natively = replace(call(), batch_rate=True)
    luna, fast = "openai/gpt-6-luna", "grok/grok-4.6"
    half = repriced(SHIPPED, luna, natively).repriced_usd
    assert half * 2 == repriced(SHIPPED, luna, call()).repriced_usd
    # A model that runs in no batch would have been asked like any other.
    assert repriced(SHIPPED, fast, natively).repriced_usd == repriced(SHIPPED, fast, call()).repriced_usd


def test_one_model_has_one_row_whatever_it_was_called() -> None:
    groups = [
        Spending("openai/gpt-4o", "openai/gpt-4o", Decimal("0.1"), 1, 10, 5),
        Spending(None, "gpt-4o-2024-11-20", Decimal("0.2"), 2, 20, 6),
        Spending("anthropic/claude-sonnet-5-5", "anthropic/claude-4-sonnet", Decimal("0.5"), 1, 1, 1),
        Spending(None, "house-model", Decimal(0), 1, 0, 0),
        Spending(None, None, Decimal("0.7"), 3, 0, 0),
    ]
    found = spent_by_model.by_model(SHIPPED, groups)
    assert [(each.model, each.cost_usd, each.calls, each.tokens_in, each.tokens_out) for each in found] == [
        ("unknown", Decimal("0.7"), 3, 0, 0),
        ("anthropic/claude-sonnet-5-5", Decimal("0.5"), 1, 1, 1),
        ("openai/gpt-4o", Decimal("0.3"), 3, 30, 11),
        ("house-model", Decimal(0), 1, 0, 0),
    ]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(lambda: Database.open(tmp_path / "abai.db", now_ms=lambda: MIDNIGHT))
    yield made
    async with asyncio.timeout(60):
        await made.close()


async def test_a_ledger_of_many_pages_is_added_up_once(store: Store) -> None:
    count = reprice.PAGE * 2 + 1

    def fill(conn: sqlite3.Connection) -> None:
        for number in range(count):
            spent(conn, str(number), "0.25", at=MIDNIGHT + number // 700, model="lab/asked")

    async with asyncio.timeout(60):
        await store.write(fill)
        found = await reprice.reprice(store, LAB, "steady")
    assert (found.calls, found.unpriced) == (count, 0)
    assert found.actual_usd == count * Decimal("0.25")
    assert found.repriced_usd == count * Decimal("0.003")


async def test_only_the_calls_of_the_project_and_the_time_are_repriced(store: Store) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        for number, project in enumerate("ppqqp"):
            spent(conn, str(number), str(10**number), at=MIDNIGHT + number, project=project)

    async with asyncio.timeout(60):
        await store.write(fill)
        actual = [
            (await reprice.reprice(store, LAB, "steady", **asked)).actual_usd
            for asked in (
                {},
                {"project_id": "p"},
                {"project_id": "p", "since": MIDNIGHT + 1, "until": MIDNIGHT + 4},
                {"since": MIDNIGHT + 1, "until": MIDNIGHT + 3},
                {"since": MIDNIGHT + 3, "until": MIDNIGHT + 1},
                {"since": -(10**30), "until": 10**30},
            )
        ]
    assert actual == [11111, 10011, 10, 110, 0, 11111]
