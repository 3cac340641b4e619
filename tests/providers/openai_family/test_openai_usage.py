from __future__ import annotations

from typing import Any

import pytest

from sidecar.providers.base import Usage
from sidecar.providers.openai_family.usage import (
    billable_searches,
    chat_finish,
    chat_usage,
    incomplete_finish,
    responses_usage,
)


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            Usage(in_uncached=10, out_visible=5, prompt_total=10),
        ),
        (
            {
                "prompt_tokens": 2_000,
                "completion_tokens": 500,
                "prompt_tokens_details": {"cached_tokens": 1_024, "cache_write_tokens": 256},
                "completion_tokens_details": {"reasoning_tokens": 450, "rejected_prediction_tokens": 20},
            },
            Usage(
                in_uncached=720,
                cache_read=1_024,
                cache_write_short=256,
                out_visible=50,
                out_reasoning=450,
                prompt_total=2_000,
            ),
        ),
        (
            {"prompt_tokens": 3, "completion_tokens": 0, "prompt_tokens_details": None},
            Usage(in_uncached=3, prompt_total=3),
        ),
        ({"prompt_tokens": 3.0, "completion_tokens": None}, Usage(in_uncached=3, prompt_total=3)),
        ({"prompt_tokens": "3", "completion_tokens": True}, Usage()),
        ({"prompt_tokens": -3, "completion_tokens": float("inf")}, Usage()),
        ({}, Usage()),
    ],
)
def test_chat_usage_is_cut_into_parts(reported: dict[str, Any], usage: Usage) -> None:
    assert chat_usage(reported) == usage


def test_responses_usage_tells_both_lifetimes_of_the_cache_apart() -> None:
    reported = {
        "input_tokens": 5_000,
        "input_tokens_details": {
            "cached_tokens": 2_000,
            "cache_write_tokens": 1_500,
            "cache_write_tokens_details": {"ttl_30m_tokens": 500, "ttl_12h_tokens": 1_000},
        },
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 100},
    }
    response = {
        "usage": reported,
        "service_tier": "priority",
        "tool_usage": {"web_search": {"num_requests": 2}},
    }
    assert responses_usage({"usage": None}) is None
    assert responses_usage(response) == Usage(
        in_uncached=1_500,
        cache_read=2_000,
        cache_write_short=500,
        cache_write_long=1_000,
        out_visible=200,
        out_reasoning=100,
        searches=2,
        prompt_total=5_000,
        service_tier="priority",
    )


@pytest.mark.parametrize(
    ("response", "searches"),
    [
        ({"tool_usage": {"web_search": {"num_requests": 3}}, "output": []}, 3),
        (
            {
                "output": [
                    {"type": "web_search_call", "action": {"type": "search"}},
                    {"type": "web_search_call", "action": {"type": "open_page"}},
                    {"type": "web_search_call", "action": {"type": "search"}},
                    {"type": "message"},
                ]
            },
            2,
        ),
        ({"output": None}, 0),
        ({}, 0),
    ],
)
def test_only_searches_are_billed_as_searches(response: dict[str, Any], searches: int) -> None:
    assert billable_searches(response) == searches


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("insufficient_system_resource", "error"),
        ("eos", "stop"),
        ("", "stop"),
        ("something new", "stop"),
    ],
)
def test_finish_words_become_the_contracts(word: str, reason: str) -> None:
    assert chat_finish(word) == reason


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        ({"reason": "steered"}, "stop"),
        (None, "stop"),
    ],
)
def test_incomplete_responses_say_why(details: Any, reason: str) -> None:
    assert incomplete_finish(details) == reason
