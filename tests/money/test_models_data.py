"""What must hold of every row of data/models.json, whoever edits it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sidecar import resources
from sidecar.money.catalogue import Catalogue
from sidecar.money.charge import charge, price_record
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.money.pricing import Cost, cost
from sidecar.providers.base import Usage

CATALOGUE = Catalogue.load()
DAY = date(2026, 11, 23)
RAW: dict[str, Any] = json.loads(resources.read_bytes("data/models.json"))
MODELS = pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.full_id)

CONTRACT_NAMES = (
    "gemini/models/gemini-2.5-pro-thinking",
    "gemini/models/gemini-2.5-flash-preview",
    "anthropic/claude-4-sonnet",
    "anthropic/claude-4-opus",
    "anthropic/claude-sonnet-4",
    "anthropic/claude-3-7-sonnet-20250219",
    "anthropic/claude-3-5-haiku-20241022",
    "grok/grok-3",
    "grok/grok-3-mini",
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "openai/gpt-4.1",
    "openai/o3",
    "openai/o3-mini",
    "openai/o3-2025-04-16",
)


def rate_sets(price: PriceEntry) -> list[dict[str, Decimal]]:
    sets = [price.per_million, price.batch_per_million]
    for tier in price.tiers:
        sets += [tier.per_million, tier.batch_per_million]
    return [dict(rates) for rates in sets if rates is not None]


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_name_that_front_ends_in_the_field_send_is_a_row_under_exactly_that_id(name: str) -> None:
    provider, model_id = name.split("/", 1)
    rows = [row for row in CATALOGUE.rows(DAY) if (row["provider"], row["id"]) == (provider, model_id)]
    assert len(rows) == 1
    assert rows[0]["pricing"]["prompt"] > 0
    assert CATALOGUE.resolve(name) == CATALOGUE.resolve(model_id)


def test_all_models_of_the_four_vendors_are_there_once() -> None:
    assert Counter(model.provider for model in CATALOGUE.models) == {
        "openai": 40,
        "anthropic": 21,
        "gemini": 17,
        "grok": 14,
    }
    names = [row["id"] for row in CATALOGUE.rows(DAY)]
    assert [name for name, times in Counter(names).items() if times > 1] == []


@MODELS
def test_every_price_is_above_zero_and_names_its_source_and_day(model: ModelEntry) -> None:
    assert model.prices
    for price in model.prices:
        assert all(rate > 0 for rates in rate_sets(price) for rate in rates.values())
        # Searches that cost nothing are worth a word: a price that was forgotten would look like that.
        assert price.web_search_per_1k is None or price.web_search_per_1k > 0 or "Searches" in price.notes
        assert price.source
        assert price.checked_on <= date.fromisoformat(RAW["checkedOn"])


@MODELS
def test_dated_prices_stand_in_order_and_each_has_its_own_day(model: ModelEntry) -> None:
    days = [price.starts_on for price in model.prices]
    assert days == sorted(set(days))


@MODELS
def test_a_batch_price_exists_exactly_for_models_that_take_batches(model: ModelEntry) -> None:
    price = CATALOGUE.price_entry(model, DAY)
    assert price is not None
    assert (price.batch_per_million is not None) == ("batch" in model.features)
    for tier in price.tiers:
        assert (tier.batch_per_million is not None) == (price.batch_per_million is not None)


@MODELS
def test_batch_rates_are_lower_and_tier_rates_higher(model: ModelEntry) -> None:
    for price in model.prices:
        for key, rate in (price.batch_per_million or {}).items():
            assert rate < price.per_million[key]
        for tier in price.tiers:
            assert tier.per_million.keys() == price.per_million.keys()
            assert all(rate > price.per_million[key] for key, rate in tier.per_million.items())


@MODELS
def test_a_cached_read_is_cheaper_than_input_and_a_write_dearer(model: ModelEntry) -> None:
    for price in model.prices:
        for rates in rate_sets(price):
            assert rates.get("cacheRead", Decimal(0)) < rates["prompt"]
            if "cacheWrite1h" in rates:
                assert rates["prompt"] < rates["cacheWrite5m"] < rates["cacheWrite1h"]


@MODELS
def test_whoever_ends_has_a_successor_that_is_in_service(model: ModelEntry) -> None:
    if model.ends_on is None and model.status != "retired":
        return
    successor = CATALOGUE.names.replacement(model)
    assert successor is not None
    assert successor.status != "retired"
    assert not successor.ended(DAY)
    assert CATALOGUE.price_entry(successor, DAY) is not None


@MODELS
def test_a_retired_model_has_the_day_on_which_it_ended(model: ModelEntry) -> None:
    assert (model.status != "retired") or (model.retired_on is not None and model.retired_on <= DAY)


@MODELS
def test_a_redirect_of_the_vendor_is_the_successor(model: ModelEntry) -> None:
    assert model.served_by in (None, model.successor)


@MODELS
def test_every_model_is_described(model: ModelEntry) -> None:
    assert model.description.endswith(".")
    assert f"{model.context_size:,} tokens" in model.description
    assert model.max_output_tokens is None or model.max_output_tokens <= model.context_size


@MODELS
def test_ids_that_the_vendor_takes_are_aliases(model: ModelEntry) -> None:
    assert set(model.extra.get("vendorIds", ())) == {
        alias.id for alias in model.aliases if alias.vendor_knows
    }


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("o3", date(2025, 6, 10)),
        ("gpt-5.6-terra", date(2026, 7, 30)),
        ("gpt-5.6-luna", date(2026, 7, 30)),
        ("gpt-5.6-sol", date(2026, 8, 21)),
        ("grok-4.20", date(2026, 4, 30)),
        ("grok-4.20-non-reasoning", date(2026, 4, 30)),
        ("grok-4.20-multi-agent", date(2026, 4, 30)),
        ("gemini-4-argon", date(2026, 12, 1)),
        ("gemini-3.8-flash", date(2027, 1, 1)),
        ("gemini-3.7-flash", date(2027, 1, 1)),
        ("gemini-3.6-flash", date(2027, 1, 1)),
        ("grok-4-0709", date(2026, 5, 15)),
        ("grok-4-fast-reasoning", date(2026, 5, 15)),
        ("grok-4-1-fast-reasoning", date(2026, 5, 15)),
        ("grok-3-mini", date(2026, 5, 15)),
        ("grok-code-fast-1", date(2026, 5, 15)),
    ],
)
def test_a_price_change_begins_on_its_day(name: str, day: date) -> None:
    model = CATALOGUE.resolve(name).model
    before, after = (CATALOGUE.price_entry(model, on) for on in (day - timedelta(days=1), day))
    assert before is not None
    assert after is not None
    assert before.per_million != after.per_million
    assert after.starts_on == day


def test_a_name_whose_model_the_sources_dispute_is_billed_as_whoever_answers() -> None:
    asked = CATALOGUE.resolve("grok-build-latest")
    assert asked.alias is not None
    assert "The sources disagree" in asked.alias.note
    assert CATALOGUE.served("grok-build-latest", DAY).vendor_id == "grok-build-latest"
    usage = Usage(prompt_total=1_000, in_uncached=1_000, out_visible=1_000)
    bills = {
        said: charge(CATALOGUE, asked.model, said, usage, DAY).usd
        for said in ("grok-build-latest", "grok-4.5", "grok-build-0.1", None)
    }
    assert bills["grok-build-0.1"] == Decimal("0.003")
    assert bills["grok-build-latest"] == bills["grok-4.5"] == bills[None] == Decimal("0.008")


@pytest.mark.parametrize("name", ["gpt-4o-search-preview", "gpt-4o-mini-search-preview-2025-03-11"])
def test_what_a_gateway_still_answers_with_an_older_search_model_has_no_known_cost(name: str) -> None:
    asked = CATALOGUE.resolve(name).model
    usage = Usage(prompt_total=10, in_uncached=10, out_visible=20)
    assert (
        charge(CATALOGUE, asked, name, usage, DAY).unpriced
        == "it searches by itself and does not say how often"
    )
    told = charge(CATALOGUE, asked, name, replace(usage, searches=1), DAY).usd
    assert told is not None
    assert told > Decimal("0.025")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("claude-opus-4-6", date(2026, 3, 13)),
        ("claude-sonnet-4-6", date(2026, 3, 13)),
        ("claude-sonnet-4-5", date(2026, 4, 30)),
    ],
)
def test_a_long_prompt_was_dearer_until_the_surcharge_was_given_up(name: str, end: date) -> None:
    model = CATALOGUE.resolve(name).model
    long = Usage(prompt_total=300_000, in_uncached=300_000, out_visible=1_000)
    before, after = (cost(long, CATALOGUE.price_entry(model, day)) for day in (end - timedelta(days=1), end))
    assert isinstance(before, Cost)
    assert isinstance(after, Cost)
    assert [part.rate_per_million_usd for part in before.parts] == [
        rate * part.rate_per_million_usd
        for part, rate in zip(after.parts, (Decimal(2), Decimal("1.5")), strict=True)
        if part.rate_per_million_usd is not None
    ]


@pytest.mark.parametrize(
    "name", ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview", "gemini-3.1-pro-preview"]
)
def test_flex_halves_all_but_what_these_read_from_a_cache(name: str) -> None:
    price = CATALOGUE.price_entry(CATALOGUE.resolve(name).model, DAY)
    assert price is not None
    usage = Usage(
        prompt_total=2_000, in_uncached=1_000, cache_read=1_000, out_visible=1_000, service_tier="flex"
    )
    bill = cost(usage, price)
    assert isinstance(bill, Cost)
    rates = {part.unit: part.rate_per_million_usd for part in bill.parts}
    assert rates["in_uncached"] == price.per_million["prompt"] / 2
    assert rates["out_visible"] == price.per_million["completion"] / 2
    assert rates["cache_read"] == price.per_million["cacheRead"]


@pytest.mark.parametrize("name", ["gemini-2.5-pro", "gemini-3.1-pro-preview"])
def test_flex_halves_no_cached_input_of_a_long_prompt_either(name: str) -> None:
    price = CATALOGUE.price_entry(CATALOGUE.resolve(name).model, DAY)
    assert price is not None
    [above] = price.tiers
    usage = Usage(
        prompt_total=300_000, in_uncached=100_000, cache_read=200_000, out_visible=1_000, service_tier="flex"
    )
    bill = cost(usage, price)
    assert isinstance(bill, Cost)
    rates = {part.unit: part.rate_per_million_usd for part in bill.parts}
    assert rates == {
        "in_uncached": above.per_million["prompt"] / 2,
        "out_visible": above.per_million["completion"] / 2,
        "cache_read": above.per_million["cacheRead"],
    }
    # The ledger keeps the price by which it was charged.
    [kept] = price_record(price)["tiers"]
    assert kept["servicePerMillion"]["flex"]["cacheRead"] == str(above.per_million["cacheRead"])


def test_numbers_are_read_without_passing_through_a_float() -> None:
    price = CATALOGUE.price_entry(CATALOGUE.resolve("gpt-6-luna").model, DAY)
    assert price is not None
    assert str(price.per_million["prompt"]) == "0.1"
    assert str((price.batch_per_million or {})["cacheWrite5m"]) == "0.0625"
