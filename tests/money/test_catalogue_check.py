"""What `make catalogue-check` says of lists in the form in which others keep them."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.catalogue_check.compare import CONTEXT, END, MISSING, PRICE, SUCCESSOR, by_kind, compare
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


def test_what_is_no_chat_model_of_our_vendors_is_passed_over() -> None:
    others = {
        "azure/gpt-7": {**LUNA, "litellm_provider": "azure"},
        "gpt-image-9": {**LUNA, "mode": "image_generation"},
        "gpt-audio-9": LUNA,
        "ft:gpt-7": LUNA,
    }
    assert kinds(others) == {}


def test_the_other_list_is_read_alike() -> None:
    rates = {"input_mtok": "0.1", "output_mtok": "0.6"}
    row = {"provider": "openai", "id": "gpt-6-luna", "context": 1_000_000, "rates": rates}
    found = by_kind(compare(catalogue(), from_genai_prices([row, {**row, "provider": "groq"}]), DAY))
    assert {kind: len(rows) for kind, rows in found.items()} == {PRICE: 1, CONTEXT: 1}
