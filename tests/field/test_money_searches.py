"""What a search of OpenAI's that came to nothing costs, and what a place does to the price of older models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, claude_events, serving, stream, whole
from tests.field.lab import ask, sidecar, vendor_environment

SEARCHING: dict[str, Any] = {"options": {"enableWebSearch": True, "maxOutputTokens": 600}}
# 1,000 tokens in and 500 out of gpt-6-sol, and a search.
WITHOUT_USD, SEARCH_USD = 0.014 - 0.007, 0.01


def searched(*statuses: str, told: int | None = None) -> Answer:
    """A response that made a search for each status; `told` is the vendor's own count of them."""
    calls = [
        {"type": "web_search_call", "status": status, "action": {"type": "search", "query": "q"}}
        for status in statuses
    ]
    text = {"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
    usage = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    counted = {} if told is None else {"tool_usage": {"web_search": {"num_requests": told}}}
    body = {"id": "r1", "object": "response", "status": "completed", "model": "gpt-6-sol"}
    return whole({**body, "output": [*calls, text], "usage": usage, **counted})


async def asked(folder: Path, answer: Answer, vendor: str, model: str, **params: Any) -> dict[str, Any]:
    async with (
        serving(answer) as server,
        sidecar(folder, environment=vendor_environment(server.url, vendor)) as process,
    ):
        return await ask(process, model=model, **params)


@pytest.mark.parametrize("status", ["failed", "incomplete"])
async def test_a_search_that_came_to_nothing_is_not_counted_as_paid(status: str, tmp_path: Path) -> None:
    answer = searched("completed", status)
    found = await asked(tmp_path, answer, "openai", "openai/gpt-6-sol", **SEARCHING)
    assert "costUSD" not in found
    assert found["costAtLeastUSD"] == pytest.approx(WITHOUT_USD + SEARCH_USD)
    assert found["costAtMostUSD"] >= WITHOUT_USD + 2 * SEARCH_USD


async def test_a_search_that_came_to_nothing_costs_what_the_vendor_counts(tmp_path: Path) -> None:
    answer = searched("completed", "failed", told=1)
    found = await asked(tmp_path, answer, "openai", "openai/gpt-6-sol", **SEARCHING)
    assert found["costUSD"] == pytest.approx(WITHOUT_USD + SEARCH_USD)


@pytest.mark.parametrize(
    ("model", "raised"), [("claude-haiku-4-5", 1), ("claude-opus-4-5", 1), ("claude-sonnet-4-6", 1.1)]
)
async def test_an_answer_in_the_us_costs_more_by_models_from_4_6_on_alone(
    model: str, raised: float, tmp_path: Path
) -> None:
    found = {}
    for place in ("global", "us"):
        events = list(claude_events("Hello."))
        events[0]["message"] |= {"model": model}
        events[0]["message"]["usage"]["inference_geo"] = place
        answer = await asked(tmp_path / place, stream(*events), "anthropic", f"anthropic/{model}")
        found[place] = answer["costUSD"]
    assert found["us"] == pytest.approx(raised * found["global"])
