from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money import pricing
from sidecar.providers.base import Usage
from sidecar.providers.gemini.usage import Searches, finish_reason, part_usage
from sidecar.providers.kernel.token_counts import added
from tests.helpers.models import catalogue

TODAY = date(2026, 11, 23)
PLAIN = {"promptTokenCount": 1_000, "candidatesTokenCount": 200, "totalTokenCount": 1_200}
FULL = {
    "promptTokenCount": 10_000,
    "cachedContentTokenCount": 4_096,
    "toolUsePromptTokenCount": 300,
    "candidatesTokenCount": 500,
    "thoughtsTokenCount": 1_500,
    "totalTokenCount": 12_300,
}
LONG = {"promptTokenCount": 200_001, "cachedContentTokenCount": 100_000, "candidatesTokenCount": 1_000}
AT_THE_LINE = {"promptTokenCount": 200_000, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 1_000}


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (PLAIN, Usage(in_uncached=1_000, out_visible=200, prompt_total=1_000)),
        (
            FULL,
            Usage(
                in_uncached=6_204, cache_read=4_096, out_visible=500, out_reasoning=1_500, prompt_total=10_000
            ),
        ),
        ({"promptTokenCount": 7}, Usage(in_uncached=7, prompt_total=7)),
        (
            {"promptTokenCount": 7, "cachedContentTokenCount": 9},
            Usage(in_uncached=0, cache_read=7, prompt_total=7),
        ),
        ({"promptTokenCount": "7", "thoughtsTokenCount": True, "candidatesTokenCount": -1}, Usage()),
        ({"promptTokenCount": float("inf"), "candidatesTokenCount": 2.0}, Usage(out_visible=2)),
        ({"promptTokenCount": 1, "serviceTier": "flex"}, Usage(in_uncached=1, prompt_total=1, service_tier="flex")),
        ({}, Usage()),
    ],
)  # fmt: skip
def test_usage_is_cut_into_parts(reported: dict[str, Any], usage: Usage) -> None:
    assert part_usage(reported) == usage


@pytest.mark.parametrize(
    ("model", "reported", "searches", "day", "batch", "usd"),
    [
        ("gemini-3.8-flash", PLAIN, 0, TODAY, False, "0.0015"),
        ("gemini-3.8-flash", PLAIN, 0, date(2026, 12, 31), False, "0.0015"),
        ("gemini-3.8-flash", PLAIN, 0, date(2027, 1, 1), False, "0.003"),
        ("gemini-3.8-flash", PLAIN, 0, TODAY, True, "0.00075"),
        ("gemini-4-argon", FULL, 3, TODAY, False, "0.0748176"),
        ("gemini-4-argon", FULL, 3, date(2026, 12, 1), False, "0.1076352"),
        ("gemini-4-argon", FULL, 3, TODAY, True, "0.0584088"),
        ("gemini-3.5-flash-lite", FULL, 0, TODAY, True, "0.00351252"),
        ("gemini-3.1-pro-preview", FULL, 1, TODAY, False, "0.0512272"),
        ("gemini-3.1-pro-preview", AT_THE_LINE, 0, TODAY, False, "0.41201"),
        ("gemini-3.1-pro-preview", LONG, 0, TODAY, False, "0.458004"),
        ("gemini-3.1-pro-preview", LONG, 0, TODAY, True, "0.249002"),
        ("gemini-2.5-pro", LONG, 1, TODAY, False, "0.3250025"),
        ("gemini-2.5-flash", FULL, 1, TODAY, False, "0.04198408"),
        ("gemini-2.5-flash-lite", PLAIN, 0, TODAY, False, "0.00018"),
    ],
)
def test_a_reported_usage_costs_this_to_the_last_digit(
    model: str, reported: dict[str, int], searches: int, day: date, batch: bool, usd: str
) -> None:
    entry = catalogue().resolve(f"gemini/{model}").model
    cost = pricing.cost(part_usage(reported, searches), catalogue().price_entry(entry, day), batch=batch)
    assert isinstance(cost, pricing.Cost)
    assert cost.total_usd == Decimal(usd)


def test_two_requests_that_are_one_answer_are_both_paid() -> None:
    one = part_usage({**FULL, "serviceTier": "standard"}, 2)
    both = added(one, part_usage(PLAIN, 1))
    assert both == Usage(
        in_uncached=7_204,
        cache_read=4_096,
        out_visible=700,
        out_reasoning=1_500,
        searches=3,
        prompt_total=11_000,
        service_tier="standard",
    )
    assert added(None, one) is one


@pytest.mark.parametrize(
    ("model", "groundings", "count"),
    [
        ("gemini-3.8-flash", [], 0),
        ("gemini-3.8-flash", [{"webSearchQueries": ["a", "b"]}], 2),
        ("gemini-4-argon", [{"webSearchQueries": ["a"]}, {"webSearchQueries": ["a", "b"]}], 2),
        ("gemini-4-argon", [{"webSearchQueries": ["a"]}, {"webSearchQueries": ["b"]}], 2),
        ("gemini-4-argon", [{"webSearchQueries": ["a", "a"]}], 1),
        ("gemini-4-argon", [{"webSearchQueries": ["", " ", None]}], 0),
        ("gemini-4-argon", [{"groundingChunks": [{"web": {"uri": "x"}}]}], 0),
        ("gemini-flash-latest", [{"webSearchQueries": ["a", "b"]}], 2),
        ("gemini-2.5-pro", [{"webSearchQueries": ["a", "b"]}], 1),
        ("gemini-2.5-pro", [{"groundingChunks": [{"web": {"uri": "x"}}]}], 1),
        ("models/gemini-2.5-flash", [{"webSearchQueries": ["a"]}, {"webSearchQueries": ["b"]}], 1),
        ("gemini-2.5-pro", [{}, {"webSearchQueries": []}], 0),
    ],
)
def test_searches_are_billed_by_query_and_before_version_three_by_prompt(
    model: str, groundings: list[dict[str, Any]], count: int
) -> None:
    searches = Searches()
    for grounding in groundings:
        searches.take(grounding)
    assert searches.billable(model) == count


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        *((word, "content_filter") for word in ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "SPII")),
        *((word, "content_filter") for word in ("PROHIBITED_CONTENT", "MODEL_ARMOR", "IMAGE_SAFETY")),
        *((word, "error") for word in ("OTHER", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL")),
        *((word, "error") for word in ("TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "A_NEW_ONE")),
    ],
)
def test_finish_words_become_the_contracts(word: str, reason: str) -> None:
    assert finish_reason(word) == reason
