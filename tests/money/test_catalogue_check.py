"""What `make catalogue-check` says of lists in the form in which others keep them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.catalogue_check import dump
from tests.catalogue_check.compare import (
    BATCH,
    CONTEXT,
    END,
    LONG_WRITE,
    MISSING,
    OTHER_DAY,
    PRICE,
    SEARCHES,
    SERVICE,
    SUCCESSOR,
    SURCHARGE,
    TIER,
    by_kind,
    compare,
)
from tests.catalogue_check.lists import from_genai_prices, from_litellm
from tests.helpers.models import catalogue

DAY = date(2026, 11, 26)
LUNA: dict[str, Any] = {
    "litellm_provider": "openai",
    "mode": "chat",
    "input_cost_per_token": 1e-07,
    "output_cost_per_token": 5e-07,
    "cache_read_input_token_cost": 1e-08,
}


def kinds(prices: dict[str, Any]) -> dict[str, list[str]]:
    found = by_kind(compare(catalogue(), from_litellm(prices), DAY))
    return {kind: [f"{row.model}: {row.text}" for row in rows] for kind, rows in found.items()}


def test_a_list_that_says_the_same_gives_nothing() -> None:
    assert kinds({"gpt-6-luna": LUNA}) == {}


def test_each_difference_is_a_line_under_its_kind() -> None:
    changed = {
        **LUNA,
        "input_cost_per_token": 2e-07,
        "deprecation_date": "2027-01-01",
        "successor_model": "gpt-7",
    }
    assert kinds({"gpt-6-luna": changed, "gpt-7": {**LUNA, "mode": "responses"}}) == {
        PRICE: ["openai/gpt-6-luna: prompt 0.1 here, 0.2 there"],
        END: ["openai/gpt-6-luna: None here, 2027-01-01 there"],
        SUCCESSOR: ["openai/gpt-6-luna: None here, gpt-7 there"],
        MISSING: ["openai/gpt-7: prompt 0.1, completion 0.5, cacheRead 0.01"],
    }


@pytest.mark.parametrize(
    ("member", "value", "kind", "line"),
    [
        ("input_cost_per_token_batches", 9e-08, BATCH, "batch prompt 0.05 here, 0.09 there"),
        (
            "cache_creation_input_token_cost_above_12hr",
            9e-07,
            LONG_WRITE,
            "cacheWrite1h 0.25 here, 0.9 there",
        ),
        (
            "output_cost_per_token_above_272k_tokens",
            9e-07,
            TIER,
            "completion above 272000 0.75 here, 0.9 there",
        ),
        (
            "input_cost_per_token_above_272k_tokens_batches",
            9e-08,
            TIER,
            "batch prompt above 272000 0.1 here, 0.09 there",
        ),
        ("input_cost_per_token_flex", 9e-08, SERVICE, "flex prompt 0.05 here, 0.09 there"),
        ("output_cost_per_token_priority", 9e-07, SERVICE, "priority completion 1 here, 0.9 there"),
        (
            "search_context_cost_per_query",
            {"low": 0.01, "high": 0.05},
            SEARCHES,
            "searches 10 here, 50 there",
        ),
        (
            "search_free_requests",
            {"count": 9, "period": "day"},
            SEARCHES,
            "free searches a day nothing here, 9 there",
        ),
        ("regional_processing_uplift_multiplier_eu", 1.2, SURCHARGE, "host=regional 1.1 here, 1.2 there"),
    ],
)
def test_what_else_a_call_may_cost_is_compared_too(member: str, value: Any, kind: str, line: str) -> None:
    assert kinds({"gpt-6-luna": {**LUNA, member: value}}) == {kind: [f"openai/gpt-6-luna: {line}"]}


def test_a_line_that_the_vendor_counts_from_itself_is_no_other_line() -> None:
    long = {"input_cost_per_token_above_200k_tokens": 4e-06, "litellm_provider": "xai", "mode": "chat"}
    assert kinds({"xai/grok-4.7": long}) == {}
    assert list(kinds({"xai/grok-4.7": {**long, "input_cost_per_token_above_200k_tokens": 5e-06}})) == [TIER]


def test_the_prices_of_other_days_are_compared_as_the_other_list_has_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dump.main()
    theirs = from_genai_prices(json.loads(capsys.readouterr().out))
    luna = next(each for each in theirs if each.model == "openai/gpt-5.6-luna")
    before, after = sorted(luna.days)
    assert (before, after) == (date(2026, 7, 29), date(2026, 7, 30))
    assert luna.days[before]["completion above 272000"] == 9
    found = by_kind(compare(catalogue(), theirs, DAY))
    assert [row.text for row in found[OTHER_DAY]] == ["2025-06-09: cacheRead 2.5 here, 0.5 there"]
    assert {row.model for row in found[SERVICE]} == {"openai/gpt-5.4", "openai/o4-mini"}


def test_what_is_no_chat_model_of_our_vendors_is_passed_over() -> None:
    others = {
        "azure/gpt-7": {**LUNA, "litellm_provider": "azure"},
        "gpt-image-9": {**LUNA, "mode": "image_generation"},
        "gpt-audio-9": LUNA,
        "ft:gpt-7": LUNA,
    }
    assert kinds(others) == {}


def test_the_other_list_is_read_alike() -> None:
    rates = {"input_mtok": "0.1", "output_mtok": "0.6", "flex:input_mtok": "0.05", "input_mtok@272000": "0.2"}
    row = {"provider": "openai", "id": "gpt-6-luna", "context": 1_000_000, "rates": rates}
    found = by_kind(compare(catalogue(), from_genai_prices([row, {**row, "provider": "groq"}]), DAY))
    assert {kind: len(rows) for kind, rows in found.items()} == {PRICE: 1, CONTEXT: 1}
