from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.providers.base import Usage
from sidecar.providers.grok.usage import charged_usd, chat_usage, responses_usage
from tests.helpers.grok import priced


def chat(prompt: int, written: int, reasoned: int, cached: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written + reasoned,
        "prompt_tokens_details": {"text_tokens": prompt, "cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoned},
        **more,
    }


@pytest.mark.parametrize(
    ("model", "reported", "usage", "usd"),
    [
        # 1,000 at 1.25 and 100 + 400 at 2.50 for a million.
        (
            "grok-4.3",
            chat(1_000, 100, 400),
            Usage(in_uncached=1_000, out_visible=100, out_reasoning=400, prompt_total=1_000),
            "0.0025",
        ),
        # 600 at 2, 400 at 0.50, 10 at 6.
        (
            "grok-4.7",
            chat(1_000, 10, 0, cached=400),
            Usage(in_uncached=600, cache_read=400, out_visible=10, prompt_total=1_000),
            "0.00146",
        ),
        # One token below the line, and on it: then every rate doubles, that of the cache too.
        (
            "grok-4.5",
            chat(199_999, 1, 0, cached=99_999),
            Usage(in_uncached=100_000, cache_read=99_999, out_visible=1, prompt_total=199_999),
            "0.2300057",
        ),
        (
            "grok-4.5",
            chat(200_000, 1, 0, cached=100_000),
            Usage(in_uncached=100_000, cache_read=100_000, out_visible=1, prompt_total=200_000),
            "0.460012",
        ),
        # The total leaves no room for the reasoning: it is inside the completion.
        (
            "grok-4.3",
            {**chat(1_000, 500, 400), "total_tokens": 1_500},
            Usage(in_uncached=1_000, out_visible=100, out_reasoning=400, prompt_total=1_000),
            "0.0025",
        ),
        # What the vendor says it charged outranks any table.
        (
            "grok-4.3",
            chat(1_000, 100, 400, cost_in_usd_ticks=123_456_789),
            Usage(
                in_uncached=1_000,
                out_visible=100,
                out_reasoning=400,
                prompt_total=1_000,
                charged_usd=Decimal("0.0123456789"),
            ),
            "0.0123456789",
        ),
    ],
)
def test_a_chats_usage_becomes_parts_and_a_cost(
    model: str, reported: dict[str, Any], usage: Usage, usd: str
) -> None:
    assert chat_usage(reported) == usage
    assert priced(usage, model) == Decimal(usd)


def test_a_missing_total_leaves_reasoning_beside_the_completion() -> None:
    reported = {name: value for name, value in chat(10, 5, 20).items() if name != "total_tokens"}
    assert chat_usage(reported).out_total == 25


def responses(searches: int | None = None, **more: Any) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": 10_000,
        "input_tokens_details": {"cached_tokens": 4_000},
        "output_tokens": 500,
        "output_tokens_details": {"reasoning_tokens": 300},
        "total_tokens": 10_500,
        **more,
    }
    if searches is not None:
        usage["server_side_tool_usage_details"] = {"web_search_calls": searches, "x_search_calls": 1}
    return {"usage": usage, "service_tier": "default"}


def test_a_responses_output_includes_its_reasoning_and_its_searches_are_counted() -> None:
    usage = responses_usage(responses(2))
    assert usage == Usage(
        in_uncached=6_000,
        cache_read=4_000,
        out_visible=200,
        out_reasoning=300,
        searches=3,
        prompt_total=10_000,
        service_tier="default",
    )
    # 6,000 at 1.25, 4,000 at 0.20, 500 at 2.50 for a million, and three searches at 5 for a thousand.
    assert priced(usage, "grok-4.3") == Decimal("0.02455")


def test_the_charge_of_a_response_includes_its_tools() -> None:
    usage = responses_usage(responses(2, cost_in_usd_ticks=245_500_000))
    assert usage is not None
    assert usage.charged_usd == Decimal("0.02455")
    assert priced(usage, "grok-4.3") == Decimal("0.02455")


def test_searches_are_counted_by_their_calls_where_the_vendor_gives_no_count() -> None:
    output = [{"type": "web_search_call", "action": {"type": "search"}}, {"type": "message"}]
    usage = responses_usage({**responses(), "output": output})
    assert usage is not None
    assert usage.searches == 1


def test_the_count_of_tools_may_stand_beside_the_usage() -> None:
    usage = responses_usage({**responses(), "server_side_tool_usage_details": {"web_search_calls": 4}})
    assert usage is not None
    assert usage.searches == 4


def test_a_response_without_usage_has_none() -> None:
    assert responses_usage({"usage": None}) is None


@pytest.mark.parametrize(
    ("ticks", "usd"),
    [
        (0, "0"),
        (1, "0.0000000001"),
        (10_000_000_000, "1"),
        ("37500000", "0.00375"),
        (123_456_789_012_345_678, "12345678.9012345678"),
    ],
)
def test_ticks_are_ten_billionths_of_a_dollar_to_the_last_digit(ticks: Any, usd: str) -> None:
    charged = charged_usd({"cost_in_usd_ticks": ticks})
    assert charged == Decimal(usd)


@pytest.mark.parametrize("ticks", [None, True, -1, 1.5, "1.5", "", "x", [], {}])
def test_what_is_no_number_of_ticks_is_no_charge(ticks: Any) -> None:
    assert charged_usd({"cost_in_usd_ticks": ticks}) is None


def test_a_redirected_model_is_priced_as_the_one_that_answers_from_the_day_of_the_redirect() -> None:
    usage = chat_usage(chat(1_000_000, 0, 0))
    small = chat_usage(chat(1_000, 100, 0))
    assert priced(small, "grok-3", date(2026, 5, 14)) == Decimal("0.0045")
    assert priced(small, "grok-3", date(2026, 5, 15)) == Decimal("0.0015")
    assert priced(usage, "grok-3", date(2026, 5, 15)) == Decimal("2.5")


def test_the_batch_discount_is_twenty_per_cent_where_there_is_one() -> None:
    usage = chat_usage(chat(1_000, 100, 0))
    assert priced(usage, "grok-4.3", batch=True) == Decimal("0.0012")
    assert priced(usage, "grok-4.3") == Decimal("0.0015")
    assert priced(usage, "grok-4.6", batch=True) == "no batch price"
