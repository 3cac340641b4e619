from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.money.catalogue import Catalogue
from sidecar.money.model import PriceEntry, Tier
from sidecar.money.pricing import LARGEST_USD, PICO, UNITS, Cost, Unpriced, cost, from_pico, to_pico
from sidecar.providers.base import Usage

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("usages.json").read_text("utf-8"))
CATALOGUE = Catalogue.load()
DAY = date(2026, 11, 23)


def price(rates: Mapping[str, str], **more: Any) -> PriceEntry:
    return PriceEntry(DAY, "a test", DAY, {key: Decimal(rate) for key, rate in rates.items()}, **more)


PLAIN = price({"prompt": "3", "completion": "15"})
FULL = price(
    {"prompt": "3", "completion": "15", "cacheRead": "0.3", "cacheWrite5m": "3.75", "cacheWrite1h": "6"},
    web_search_per_1k=Decimal(10),
    tiers=(
        Tier(200_000, {"prompt": Decimal(6), "completion": Decimal(22), "cacheRead": Decimal("0.6")}),
        Tier(400_000, {"prompt": Decimal(9), "completion": Decimal(30), "cacheRead": Decimal("0.9")}),
    ),
)


def usage_of(case: Mapping[str, Any]) -> Usage:
    fields = dict(case["usage"])
    if "charged_usd" in fields:
        fields["charged_usd"] = Decimal(fields["charged_usd"])
    return Usage(**fields)


def priced(usage: Usage, entry: PriceEntry | None, *, batch: bool = False) -> Cost:
    bill = cost(usage, entry, batch=batch)
    assert isinstance(bill, Cost), bill
    return bill


@pytest.mark.parametrize("case", CASES, ids=[f"{case['model']}: {case['note']}" for case in CASES])
def test_a_usage_costs_what_the_vendors_list_says_to_the_last_digit(case: Mapping[str, Any]) -> None:
    day = date.fromisoformat(case["day"])
    entry = CATALOGUE.price_entry(CATALOGUE.served(case["model"], day).model, day)
    bill = cost(usage_of(case), entry, batch=case["batch"])
    if case["cost"] is None:
        assert bill == Unpriced(case["unpriced"])
    else:
        assert isinstance(bill, Cost)
        assert bill.total_usd == Decimal(case["cost"])


def test_the_cases_cover_every_vendor_and_every_unit() -> None:
    assert {case["model"].split("/")[0] for case in CASES} == {"openai", "anthropic", "gemini", "grok"}
    counted = {field for case in CASES for field in case["usage"]}
    assert counted >= {unit.field for unit in UNITS} | {"searches", "charged_usd", "service_tier"}


COUNTS = st.integers(0, 10**9)


@given(
    st.builds(
        lambda parts, out, searches: Usage(
            in_uncached=parts[0],
            cache_read=parts[1],
            cache_write_short=parts[2],
            cache_write_long=parts[3],
            out_visible=out[0],
            out_reasoning=out[1],
            searches=searches,
            prompt_total=sum(parts),
        ),
        st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
        st.tuples(COUNTS, COUNTS),
        st.integers(0, 1000),
    ),
    st.sampled_from([entry for model in CATALOGUE.models for entry in model.prices]),
    st.booleans(),
)
def test_the_parts_add_up_to_the_total_and_nothing_is_negative(
    usage: Usage, entry: PriceEntry, batch: bool
) -> None:
    bill = cost(usage, entry, batch=batch)
    if isinstance(bill, Unpriced):
        # A price of the vendor's list is missing, and never because of the numbers.
        assert bill.reason.startswith("no ")
        return
    assert sum((part.usd for part in bill.parts), Decimal(0)) == bill.total_usd
    assert all(part.usd >= 0 and part.quantity > 0 for part in bill.parts)
    assert len({part.unit for part in bill.parts}) == len(bill.parts)


def test_each_part_says_how_many_of_what_at_which_rate() -> None:
    bill = priced(Usage(in_uncached=10, out_reasoning=2, searches=1, prompt_total=10), FULL)
    assert [(part.unit, part.quantity, part.rate_per_million_usd, part.usd) for part in bill.parts] == [
        ("in_uncached", 10, Decimal(3), Decimal("0.00003")),
        ("out_reasoning", 2, Decimal(15), Decimal("0.00003")),
        ("searches", 1, Decimal(10_000), Decimal("0.01")),
    ]


def test_cached_tokens_without_a_price_of_their_own_cost_what_input_does() -> None:
    usage = Usage(cache_read=10, cache_write_short=20, cache_write_long=30, prompt_total=60)
    assert {part.rate_per_million_usd for part in priced(usage, PLAIN).parts} == {Decimal(3)}


def test_a_long_write_without_a_price_is_unpriced_where_short_ones_have_one() -> None:
    entry = price({"prompt": "3", "completion": "15", "cacheWrite5m": "3.75"})
    assert cost(Usage(cache_write_long=1, prompt_total=1), entry) == Unpriced("no price for cache_write_long")
    assert priced(Usage(cache_write_short=1, prompt_total=1), entry).total_usd == Decimal("0.00000375")


def test_the_highest_tier_that_the_prompt_passes_reprices_the_whole_request() -> None:
    def rate(prompt_total: int) -> Decimal | None:
        usage = Usage(in_uncached=prompt_total, prompt_total=prompt_total)
        return priced(usage, FULL).parts[0].rate_per_million_usd

    totals = (200_000, 200_001, 400_000, 400_001)
    assert [rate(total) for total in totals] == [Decimal(3), Decimal(6), Decimal(6), Decimal(9)]


def test_a_batch_call_is_unpriced_where_there_is_no_batch_price() -> None:
    usage = Usage(in_uncached=1, prompt_total=1)
    assert cost(usage, PLAIN, batch=True) == Unpriced("no batch price")
    tiered = price(
        {"prompt": "3", "completion": "15"},
        batch_per_million={"prompt": Decimal("1.5"), "completion": Decimal("7.5")},
        tiers=(Tier(10, {"prompt": Decimal(6), "completion": Decimal(30)}),),
    )
    assert priced(usage, tiered, batch=True).total_usd == Decimal("0.0000015")
    assert cost(Usage(in_uncached=11, prompt_total=11), tiered, batch=True) == Unpriced("no batch price")


def test_a_batch_without_an_output_rate_is_unpriced_and_not_priced_as_a_single_call() -> None:
    entry = price({"prompt": "3", "completion": "15"}, batch_per_million={"prompt": Decimal(1)})
    assert cost(Usage(out_visible=1), entry, batch=True) == Unpriced("no price for out_visible")


def test_cached_tokens_of_a_model_without_cache_prices_take_the_batch_rate_of_input() -> None:
    halves = {"prompt": Decimal("1.5"), "completion": Decimal("7.5")}
    entry = price({"prompt": "3", "completion": "15"}, batch_per_million=halves)
    usage = Usage(cache_read=2, prompt_total=2)
    assert priced(usage, entry, batch=True).total_usd == Decimal("0.000003")


def test_a_service_tier_multiplies_token_rates_and_an_unknown_one_has_no_price() -> None:
    entry = price({"prompt": "3", "completion": "15"}, service_tiers={"flex": Decimal("0.5")})

    def total(tier: str | None, *, batch: bool = False) -> Decimal:
        return priced(Usage(in_uncached=2, prompt_total=2, service_tier=tier), entry, batch=batch).total_usd

    assert total("flex") == Decimal("0.000003")
    assert total("default") == total("standard") == total(None) == Decimal("0.000006")
    gold = Usage(in_uncached=2, prompt_total=2, service_tier="gold")
    assert cost(gold, entry) == Unpriced("no price for its service tier")


@pytest.mark.parametrize(("tier", "known"), [("on_demand", True), ("auto", True), ("gold", False)])
def test_a_server_of_one_s_own_has_its_price_for_its_plain_tier_alone(tier: str, known: bool) -> None:
    entry = price({"prompt": "3", "completion": "15"}, own=True)
    found = cost(Usage(in_uncached=2, prompt_total=2, service_tier=tier), entry)
    assert isinstance(found, Unpriced) is not known


def test_a_surcharge_is_known_by_its_word_where_the_vendor_charges_by_its_kind() -> None:
    entry = price({"prompt": "3", "completion": "15"}, service_tiers={"inference_geo=us": Decimal("1.1")})

    def found(*words: str) -> Cost | Unpriced:
        return cost(Usage(in_uncached=1, prompt_total=1, surcharges=words), entry)

    assert found("inference_geo=moon") == Unpriced("no price for its service tier")
    assert found("inference_geo=global", "speed=warp") == found()
    assert found("inference_geo=us") != found()


def test_each_request_of_one_answer_is_priced_for_itself_and_its_lines_add_up() -> None:
    entry = price(
        {"prompt": "1", "completion": "2"},
        tiers=(Tier(10, {"prompt": Decimal(10), "completion": Decimal(20)}),),
    )
    short = Usage(in_uncached=10, out_visible=1, prompt_total=10)
    long = Usage(in_uncached=11, out_visible=1, prompt_total=11)
    both = Usage(in_uncached=31, out_visible=3, prompt_total=11, requests=(short, long, short))
    found = priced(both, entry)
    assert found.total_usd == Decimal("0.000154")
    assert [(part.request, part.unit, part.quantity) for part in found.parts] == [
        (1, "in_uncached", 10),
        (1, "out_visible", 1),
        (2, "in_uncached", 11),
        (2, "out_visible", 1),
        (3, "in_uncached", 10),
        (3, "out_visible", 1),
    ]
    more = Usage(in_uncached=31, out_visible=5, prompt_total=11, requests=(short, long, short))
    assert priced(more, entry).total_usd == found.total_usd + Decimal("0.000004")


def test_a_model_s_own_rates_for_a_service_tier_are_not_multiplied_again() -> None:
    own = {"prompt": Decimal("4.25"), "completion": Decimal("17")}
    entry = price(
        {"prompt": "2.5", "completion": "10"},
        service_tiers={"priority": Decimal(2)},
        service_per_million={"priority": own},
    )
    usage = Usage(in_uncached=1_000_000, prompt_total=1_000_000, service_tier="priority")
    assert priced(usage, entry).total_usd == Decimal("4.25")


def test_a_batch_is_not_discounted_a_second_time_by_its_service_tier() -> None:
    halves = {"prompt": Decimal("1.5"), "completion": Decimal("7.5")}
    tiers = {"flex": Decimal("0.5")}
    entry = price({"prompt": "3", "completion": "15"}, batch_per_million=halves, service_tiers=tiers)
    usage = Usage(in_uncached=2, prompt_total=2, service_tier="flex")
    assert priced(usage, entry, batch=True).total_usd == Decimal("0.000003")


def test_what_the_vendor_charged_is_the_total_and_its_only_part() -> None:
    usage = Usage(in_uncached=5, prompt_total=5, charged_usd=Decimal("0.0123"))
    for entry in (FULL, None):
        bill = priced(usage, entry)
        assert bill.total_usd == Decimal("0.0123")
        assert [(part.unit, part.usd) for part in bill.parts] == [("charged by vendor", Decimal("0.0123"))]


@pytest.mark.parametrize("charged", ["-0.01", "NaN", "Infinity", "1e30"])
def test_an_impossible_charge_is_unpriced(charged: str) -> None:
    assert cost(Usage(charged_usd=Decimal(charged)), FULL) == Unpriced("impossible charge")


@pytest.mark.parametrize("field", [*(unit.field for unit in UNITS), "searches", "prompt_total"])
@pytest.mark.parametrize("count", [-1, 2**63, 10**400])
def test_a_count_below_zero_or_beyond_64_bits_is_impossible_usage(field: str, count: int) -> None:
    counts: dict[str, Any] = {"prompt_total": 2**62} | {field: count}
    assert cost(Usage(**counts), FULL) == Unpriced("impossible usage")


def test_more_cached_tokens_than_the_prompt_has_are_impossible_usage() -> None:
    usage = Usage(cache_read=4, cache_write_short=4, cache_write_long=3, prompt_total=10)
    assert cost(usage, FULL) == Unpriced("impossible usage")


def test_a_cost_that_no_ledger_row_could_hold_is_impossible_usage() -> None:
    assert cost(Usage(out_visible=2**63 - 1), FULL) == Unpriced("impossible usage")


def test_usage_without_a_price_is_unpriced_and_not_free() -> None:
    assert cost(Usage(), None) == Unpriced("no price")


@pytest.mark.parametrize(
    ("usd", "pico"),
    [("0", 0), ("1", 10**12), ("0.0000005", 500_000), ("2.5e-12", 2), ("3.5e-12", 4), ("2.51e-12", 3)],
)
def test_dollars_become_picodollars_half_to_even(usd: str, pico: int) -> None:
    assert to_pico(Decimal(usd)) == pico


@given(st.integers(0, 2**63 - 1))
def test_picodollars_come_back_as_they_went(pico: int) -> None:
    assert to_pico(from_pico(pico)) == pico
    assert from_pico(pico) == pico * PICO <= LARGEST_USD
