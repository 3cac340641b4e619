from __future__ import annotations

import logging
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money import pricing
from sidecar.providers.anthropic.usage import (
    finish_reason,
    free_of_charge,
    merged_counts,
    message_usage,
)
from sidecar.providers.base import Usage
from sidecar.providers.kernel.token_counts import added
from tests.helpers.models import catalogue

DAY = date(2026, 11, 23)
SPLIT = {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 3_000}
FULL = {
    "input_tokens": 500,
    "cache_creation_input_tokens": 4_000,
    "cache_read_input_tokens": 20_000,
    "cache_creation": SPLIT,
    "output_tokens": 900,
    "output_tokens_details": {"thinking_tokens": 600},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    "service_tier": "standard",
    "inference_geo": "global",
}


def cost(model: str, usage: Usage, *, batch: bool = False) -> Decimal:
    entry = catalogue().reported("anthropic", model)
    assert entry is not None
    made = pricing.cost(usage, catalogue().price_entry(entry, DAY), batch=batch)
    assert isinstance(made, pricing.Cost), made
    return made.total_usd


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(in_uncached=10, out_visible=5, prompt_total=10)),
        (
            FULL,
            Usage(
                in_uncached=500,
                cache_read=20_000,
                cache_write_short=1_000,
                cache_write_long=3_000,
                out_visible=300,
                out_reasoning=600,
                searches=2,
                prompt_total=24_500,
                service_tier="standard",
                surcharges=("inference_geo=global",),
            ),
        ),
        (
            {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 40},
            Usage(in_uncached=1, cache_write_short=40, out_visible=1, prompt_total=41),
        ),
        (
            {"input_tokens": 1, "output_tokens": 1, "cache_creation": SPLIT},
            Usage(
                in_uncached=1,
                cache_write_short=1_000,
                cache_write_long=3_000,
                out_visible=1,
                prompt_total=4_001,
            ),
        ),
        (
            {"input_tokens": 1, "cache_creation_input_tokens": 5_000, "cache_creation": SPLIT},
            Usage(in_uncached=1, cache_write_short=2_000, cache_write_long=3_000, prompt_total=5_001),
        ),
        (
            {"input_tokens": 3.0, "output_tokens": None, "cache_creation": None},
            Usage(in_uncached=3, prompt_total=3),
        ),
        ({"input_tokens": "3", "output_tokens": True, "server_tool_use": None}, Usage()),
        ({"input_tokens": -3, "output_tokens": float("inf")}, Usage()),
        ({}, Usage()),
    ],
)
def test_a_message_is_counted_in_parts(reported: dict[str, Any], usage: Usage) -> None:
    assert message_usage(reported) == usage


def test_what_a_delta_tells_again_replaces_and_what_it_leaves_out_stays() -> None:
    delta = {
        "input_tokens": 700,
        "output_tokens": 950,
        "cache_read_input_tokens": None,
        "server_tool_use": None,
    }
    usage = message_usage(merged_counts(FULL, delta))
    assert usage == message_usage({**FULL, "input_tokens": 700, "output_tokens": 950})
    assert (usage.cache_write_short, usage.cache_write_long) == (1_000, 3_000)


@pytest.mark.parametrize(
    ("model", "reported", "batch", "usd"),
    [
        ("claude-sonnet-5-5", {"input_tokens": 1_000, "output_tokens": 500}, False, "0.007"),
        ("claude-opus-4-8", {"input_tokens": 1_000, "output_tokens": 500}, False, "0.0175"),
        # 500·2 + 20,000·0.1 + 1,000·2.5 + 3,000·4 + 900·10 by the million, and two searches.
        ("claude-sonnet-5-5", FULL, False, "0.0465"),
        ("claude-fable-5-2", FULL, False, "0.122"),
        # In a batch all but the searches is half.
        ("claude-sonnet-5-5", FULL, True, "0.03325"),
        # A missing split is billed as five minutes.
        ("claude-haiku-4-5", {"input_tokens": 0, "cache_creation_input_tokens": 1_000}, False, "0.00125"),
        ("claude-haiku-4-5", {"input_tokens": 0, "cache_creation": SPLIT}, False, "0.00725"),
        # On both sides of the line of a tier, which the whole prompt crosses.
        ("claude-haiku-5-5", {"input_tokens": 100_000, "output_tokens": 1_000}, False, "0.0105"),
        ("claude-haiku-5-5", {"input_tokens": 100_001, "output_tokens": 1_000}, False, "0.0525005"),
        (
            "claude-haiku-5-5",
            {"input_tokens": 1, "cache_read_input_tokens": 100_000, "output_tokens": 1_000},
            False,
            "0.0075005",
        ),
        # A name with its date is the same model.
        ("claude-sonnet-4-5-20250929", {"input_tokens": 1_000, "output_tokens": 500}, False, "0.0105"),
    ],
)
def test_every_reply_costs_what_the_vendor_bills(
    model: str, reported: dict[str, Any], batch: bool, usd: str
) -> None:
    assert cost(model, message_usage(reported), batch=batch) == Decimal(usd)


@pytest.mark.parametrize(
    ("reported", "times"),
    [
        ({"inference_geo": "us"}, "1.1"),
        ({"inference_geo": "global", "speed": "standard"}, "1"),
        ({"inference_geo": "not_available"}, "1"),
        ({"inference_geo": "us", "speed": "fast"}, "2.2"),
        ({"inference_geo": None, "speed": None}, "1"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_where_and_how_fast_it_ran_raises_the_token_rates_but_not_the_searches(
    reported: dict[str, Any], times: str, batch: bool
) -> None:
    tokens = {**FULL, "server_tool_use": None}
    plain = cost("claude-sonnet-5-5", message_usage({**tokens, "inference_geo": "global"}), batch=batch)
    searches = Decimal("0.02")
    both = message_usage({**FULL, "inference_geo": "global", **reported})
    assert cost("claude-sonnet-5-5", both, batch=batch) == plain * Decimal(times) + searches
    # A turn that was paused is one bill, of several requests that ran in the same place.
    assert added(both, message_usage({**tokens, **reported})).surcharges == both.surcharges


def test_a_refusal_before_any_output_keeps_its_counts_and_costs_nothing() -> None:
    usage = free_of_charge(message_usage(FULL))
    assert usage.prompt_total == 24_500
    assert cost("claude-sonnet-5-5", usage) == 0


def test_requests_of_one_turn_add_up_and_each_keeps_its_own_tier() -> None:
    one = message_usage({"input_tokens": 60_000, "output_tokens": 100, "service_tier": "standard"})
    two = message_usage(
        {"input_tokens": 70_000, "output_tokens": 200, "server_tool_use": {"web_search_requests": 1}}
    )
    both = added(added(None, one), two)
    assert (both.in_uncached, both.out_total, both.searches) == (130_000, 300, 1)
    assert (both.prompt_total, both.service_tier) == (130_000, "standard")
    single = cost("claude-haiku-5-5", one) + cost("claude-haiku-5-5", two)
    assert cost("claude-haiku-5-5", both) == single == Decimal("0.02315")


def test_a_turn_that_reads_its_cache_again_and_again_can_still_be_priced() -> None:
    step = message_usage({"input_tokens": 10, "cache_read_input_tokens": 90_000, "output_tokens": 1})
    assert cost("claude-sonnet-5-5", added(added(None, step), step)) == 2 * cost("claude-sonnet-5-5", step)


def test_a_part_larger_than_its_whole_is_held_back_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    reported = {
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 30},
        "output_tokens": 10,
        "output_tokens_details": {"thinking_tokens": 11},
    }
    with caplog.at_level(logging.WARNING):
        usage = message_usage(reported)
    assert usage == Usage(cache_write_long=20, out_reasoning=10, prompt_total=20)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "content_filter"),
        ("something new", "stop"),
    ],
)
def test_stop_reasons_become_the_contracts(word: str, reason: str) -> None:
    assert finish_reason(word) == reason
