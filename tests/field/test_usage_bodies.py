"""Usages as servers write them wrongly or half: each has its cost to the digit, or none that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sidecar.money import pricing
from tests.field.test_servers_usages import price_of, usage_of

OWN = "own server"


def cost(vendor: str, model: str, *body: Any) -> str | None:
    """What an answer costs that came as these chunks; None where that cannot be known."""
    answer = {"vendor": vendor, "model": model, "form": "chat", "body": body, "why": ""}
    if vendor == "OpenAI" and isinstance(body[0], list):
        answer["form"] = "responses"
    usage = usage_of(answer)
    priced = pricing.Unpriced("no usage") if usage is None else pricing.cost(usage, price_of(answer))
    return None if isinstance(priced, pricing.Unpriced) else format(priced.total_usd.normalize(), "f")


def chat(vendor: str, model: str, usage: Any, tier: str | None = None) -> str | None:
    end = {"id": "c1", "model": model, "service_tier": tier, "usage": usage}
    text = {"id": "c1", "choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}
    return cost(vendor, model, text, {**end, "choices": []})


def sol(tier: str | None = None, **members: Any) -> str | None:
    plain = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    return chat("OpenAI", "gpt-6-sol", plain | members, tier)


def prompt(**details: Any) -> dict[str, Any]:
    return {"prompt_tokens_details": details}


def test_openai_s_usages() -> None:
    left_out = {"prompt_tokens": 1000, "completion_tokens": 500}
    lifetimes = {"ttl_30m_tokens": 100, "ttl_12h_tokens": 300}
    assert {
        "text": sol(prompt_tokens="1000"),
        "whole float": sol(prompt_tokens=1000.0, completion_tokens=500.0),
        "fraction": sol(prompt_tokens=1000.5),
        "true": sol(prompt_tokens=True, total_tokens=None),
        "no total": chat("OpenAI", "gpt-6-sol", left_out),
        "total null": sol(total_tokens=None),
        "total 0": sol(total_tokens=0),
        "total too large": sol(total_tokens=1700),
        "no parts": sol(prompt_tokens_details=None, completion_tokens_details=None),
        "cached null": sol(**prompt(cached_tokens=None, audio_tokens=0)),
        "cached below 0": sol(**prompt(cached_tokens=-5)),
        "cached text": sol(**prompt(cached_tokens="800")),
        "cached and written beyond the prompt": sol(**prompt(cached_tokens=800, cache_write_tokens=400)),
        "written": sol(**prompt(cache_write_tokens=400)),
        "written for hours": sol(**prompt(cache_write_tokens=400, cache_write_tokens_details=lifetimes)),
        "written for hours beyond all": sol(
            **prompt(cache_write_tokens=100, cache_write_tokens_details=lifetimes)
        ),
        "sound": sol(**prompt(audio_tokens=300)),
        "pictures": sol(**prompt(image_tokens=300)),
        "spoken": sol(completion_tokens_details={"audio_tokens": 300}),
        "thought": sol(completion_tokens_details={"reasoning_tokens": 400}),
        "thought beyond all": sol(completion_tokens_details={"reasoning_tokens": 600}),
        "flex": sol("flex"),
        "Default": sol("Default"),
        "auto": sol("auto"),
        "scale": sol("scale"),
        "batch": sol("batch"),
    } == {
        "text": None,
        "whole float": "0.007",
        "fraction": None,
        "true": None,
        "no total": "0.007",
        "total null": "0.007",
        "total 0": None,
        "total too large": None,
        "no parts": "0.007",
        "cached null": "0.007",
        "cached below 0": None,
        "cached text": None,
        "cached and written beyond the prompt": None,
        "written": "0.0072",
        "written for hours": "0.00795",
        "written for hours beyond all": None,
        "sound": None,
        "pictures": "0.007",
        "spoken": None,
        "thought": "0.007",
        "thought beyond all": None,
        "flex": "0.0035",
        "Default": "0.007",
        "auto": None,
        "scale": None,
        "batch": None,
    }


def searched(*actions: Any, told: Any = None) -> str | None:
    """What a response costs that made these calls, where the vendor counts so many searches."""
    calls = [
        {"type": "web_search_call", "action": action} if action else {"type": "web_search_call"}
        for action in actions
    ]
    response = {
        "object": "response",
        "status": "completed",
        "model": "gpt-6-sol",
        "output": [*calls, {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
        "usage": {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500},
        "tool_usage": {"web_search": {"num_requests": told}},
    }
    return cost(
        "OpenAI", "gpt-6-sol", ["response.completed", {"type": "response.completed", "response": response}]
    )


def test_openai_s_searches() -> None:
    search, page = {"type": "search", "query": "q"}, {"type": "open_page"}
    assert searched(search, search, page) == "0.027"
    assert searched(None) == "0.017"
    assert searched(page, {"type": "find_in_page"}) == "0.007"
    assert searched(search, told=0) == "0.007"
    assert [searched(told=count) for count in (-1, "3", 1.5)] == [None] * 3


def claude(
    start: Mapping[str, Any] | None = None, end: Any = ..., model: str = "claude-sonnet-5-5"
) -> str | None:
    begun = {
        "input_tokens": 1000,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
        "service_tier": "standard",
    }
    usage = {"output_tokens": 500} if end is ... else end
    message = {"model": model, "usage": {**begun, **(start or {})}}
    text = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}}
    return cost(
        "Anthropic",
        model,
        ["message_start", {"type": "message_start", "message": message}],
        ["content_block_start", text],
        ["message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}],
        ["message_stop", {"type": "message_stop"}],
    )


def written(total: Any, short: Any, long: Any) -> str | None:
    lifetimes = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    return claude({"cache_creation_input_tokens": total, "cache_creation": lifetimes})


def tools(count: Any) -> str | None:
    return claude(end={"output_tokens": 500, "server_tool_use": count})


def made_by(
    *requests: tuple[str, int, int], model: str = "claude-sonnet-5-5", prompt: int = 1000
) -> str | None:
    """What a message costs that the vendor made in these requests: kind, tokens in, tokens out."""
    iterations = [
        {"type": kind, "input_tokens": read, "output_tokens": said} for kind, read, said in requests
    ]
    start = {"input_tokens": prompt}
    return claude(start, {"output_tokens": 500, "iterations": iterations}, model=model)


def test_anthropic_s_usages() -> None:
    assert {
        "plain": claude(),
        "caches null": claude({"cache_creation_input_tokens": None, "cache_read_input_tokens": None}),
        "both lifetimes": written(3000, 1000, 2000),
        "lifetimes without their sum": written(None, 1000, 2000),
        "sum without its lifetimes": written(3000, None, None),
        "lifetimes below their sum": written(3000, 1000, 1000),
        "lifetimes above their sum": written(1000, 1000, 2000),
        "lifetimes below 0": written(3000, 4000, -1000),
        "read below 0": claude({"cache_read_input_tokens": -3}),
        "all read": claude({"input_tokens": 0, "cache_read_input_tokens": 5000}),
        "prompt null": claude({"input_tokens": None, "cache_read_input_tokens": 500}),
        "end without a count": claude(end={}),
        "end null": claude(end={"output_tokens": None}),
        "end without usage": claude(end=None),
        "end a text": claude(end={"output_tokens": "500"}),
        "end below 0": claude(end={"output_tokens": -5}),
        "end a whole float": claude(end={"output_tokens": 500.0}),
        "priority": claude({"service_tier": "priority"}),
        "tier null": claude({"service_tier": None}),
        "tier told at the end": claude(end={"output_tokens": 500, "service_tier": "flex"}),
        "in the US": claude({"inference_geo": "us"}),
        "elsewhere": claude({"inference_geo": "eu"}),
        "anywhere": claude({"inference_geo": "global"}),
        "nowhere": claude({"inference_geo": None, "speed": "standard"}),
        "fast": claude({"speed": "fast"}, model="claude-opus-5-5"),
        "at another speed": claude({"speed": "warp"}),
        "tools null": tools(None),
        "searches null": tools({"web_search_requests": None}),
        "searches": tools({"web_search_requests": 2, "web_fetch_requests": 3}),
        "searches below 0": tools({"web_search_requests": -2}),
        "Standard": claude({"service_tier": "Standard"}),
        "in the US, in capitals": claude({"inference_geo": "US"}),
        "one request": made_by(("message", 1000, 500)),
        "two requests": made_by(("message", 600, 300), ("message", 400, 200)),
        "a summary before it": made_by(("compaction", 50_000, 1000), ("message", 1000, 500)),
        "requests that contradict": made_by(("message", 600, 300), ("message", 600, 300)),
        "a request of another model": made_by(("advisor_message", 400, 200), ("message", 1000, 500)),
        "each by its own length": made_by(
            ("message", 90_000, 300), ("message", 90_000, 200), model="claude-haiku-5-5", prompt=180_000
        ),
        "searches text": tools({"web_search_requests": "2"}),
    } == {
        "plain": "0.007",
        "caches null": "0.007",
        "both lifetimes": "0.0175",
        "lifetimes without their sum": "0.0175",
        "sum without its lifetimes": "0.0145",
        "lifetimes below their sum": None,
        "lifetimes above their sum": None,
        "lifetimes below 0": None,
        "read below 0": None,
        "all read": "0.0055",
        "prompt null": None,
        "end without a count": None,
        "end null": None,
        "end without usage": None,
        "end a text": None,
        "end below 0": None,
        "end a whole float": "0.007",
        "priority": None,
        "tier null": "0.007",
        "tier told at the end": None,
        "in the US": "0.0077",
        "elsewhere": None,
        "anywhere": "0.007",
        "nowhere": "0.007",
        "fast": "0.028",
        "at another speed": None,
        "tools null": "0.007",
        "searches null": "0.007",
        "searches": "0.027",
        "searches below 0": None,
        "Standard": "0.007",
        "in the US, in capitals": "0.0077",
        "one request": "0.007",
        "two requests": "0.007",
        "a summary before it": "0.117",
        "requests that contradict": None,
        "a request of another model": None,
        "each by its own length": "0.01825",
        "searches text": None,
    }


def gemini(*earlier: Mapping[str, Any], model: str = "gemini-3.1-pro-preview", **members: Any) -> str | None:
    plain = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
    reports = [*({**plain, **each} for each in earlier), {**plain, **members}]
    chunk = {
        "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
        "modelVersion": model,
    }
    return cost("Gemini", model, *({**chunk, "usageMetadata": report} for report in reports))


def test_gemini_s_usages() -> None:
    assert {
        "total null": gemini(totalTokenCount=None),
        "total 0": gemini(totalTokenCount=0),
        "total too large": gemini(totalTokenCount=2200),
        "thought null": gemini(thoughtsTokenCount=None),
        "thought alone": gemini(candidatesTokenCount=0, thoughtsTokenCount=500),
        "thought below 0": gemini(thoughtsTokenCount=-300),
        "thought text": gemini(thoughtsTokenCount="300"),
        "answer null": gemini(candidatesTokenCount=None),
        "cached": gemini(cachedContentTokenCount=800),
        "cached beyond the prompt": gemini(cachedContentTokenCount=1800),
        "by tools": gemini(toolUsePromptTokenCount=300, totalTokenCount=1800),
        "by tools beside the total": gemini(toolUsePromptTokenCount=300),
        "floats": gemini(promptTokenCount=1000.0, candidatesTokenCount=500.0, totalTokenCount=1500.0),
        "FLEX": gemini(serviceTier="FLEX"),
        "no tier": gemini(serviceTier="SERVICE_TIER_UNSPECIFIED"),
        "unheard of": gemini(serviceTier="turbo"),
        "its whole name": gemini(serviceTier="SERVICE_TIER_STANDARD"),
        "traffic": gemini(trafficType="ON_DEMAND"),
        "traffic that waits": gemini(trafficType="ON_DEMAND_FLEX"),
        "traffic that is paid for beforehand": gemini(trafficType="PROVISIONED_THROUGHPUT"),
        "sound in the cache": gemini(
            cachedContentTokenCount=5, cacheTokensDetails=[{"modality": "AUDIO", "tokenCount": 5}]
        ),
        "sound": gemini(promptTokensDetails=[{"modality": "AUDIO", "tokenCount": 600}]),
        "pictures": gemini(promptTokensDetails=[{"modality": "IMAGE", "tokenCount": 600}]),
        "drawn": gemini(candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 500}]),
        "written": gemini(candidatesTokensDetails=[{"modality": "TEXT", "tokenCount": 500}]),
        "grown": gemini({"candidatesTokenCount": 1, "totalTokenCount": 1001}),
        "below 0 at first": gemini({"candidatesTokenCount": -9, "totalTokenCount": 991}),
    } == {
        "total null": "0.008",
        "total 0": None,
        "total too large": None,
        "thought null": "0.008",
        "thought alone": "0.008",
        "thought below 0": None,
        "thought text": None,
        "answer null": None,
        "cached": "0.00656",
        "cached beyond the prompt": None,
        "by tools": "0.0086",
        "by tools beside the total": None,
        "floats": "0.008",
        "FLEX": "0.004",
        "no tier": "0.008",
        "unheard of": None,
        "its whole name": "0.008",
        "traffic": "0.008",
        "traffic that waits": "0.004",
        "traffic that is paid for beforehand": None,
        "sound in the cache": None,
        "sound": None,
        "pictures": "0.008",
        "drawn": None,
        "written": "0.008",
        "grown": "0.008",
        "below 0 at first": None,
    }  # fmt: skip


def grok(tier: str | None = None, **members: Any) -> str | None:
    details = {"completion_tokens_details": {"reasoning_tokens": 400}}
    plain = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1500, **details}
    return chat("xAI", "grok-4.7", {**plain, **members}, tier)


def test_xai_s_usages() -> None:
    assert grok(total_tokens=None) == grok(completion_tokens=500) == grok(cost_in_usd_ticks=None) == "0.005"
    assert [grok(total_tokens=total) for total in (1400, 1100, 0)] == [None] * 3
    ticks = (37756000, 37756000.0, "37756000", "37756000.0", 3.7756e7)
    assert [grok(cost_in_usd_ticks=told) for told in ticks] == ["0.0037756"] * len(ticks)
    no_ticks: tuple[Any, ...] = (-1, True, "x", 1.5, [])
    assert [grok(cost_in_usd_ticks=told) for told in no_ticks] == [None] * 5
    assert (grok(num_sources_used=3), grok(num_sources_used=0)) == (None, "0.005")
    # What was charged is known whatever became of the counts.
    assert grok(cost_in_usd_ticks=37756000, prompt_tokens=-5) == "0.0037756"
    assert (grok("priority"), grok("flex")) == ("0.01", None)
    assert grok("priority", cost_in_usd_ticks=37756000) == "0.0037756"


def own(**members: Any) -> str | None:
    plain = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    return chat(OWN, "m", {**plain, **members})


def byok(cost: Any, upstream: Any) -> str | None:
    return own(cost=cost, is_byok=True, cost_details={"upstream_inference_cost": upstream})


def test_usages_of_other_servers() -> None:
    costs: tuple[Any, ...] = (0.0123, "0.0123", 0, 1.5e-07)
    assert [own(cost=told) for told in costs] == [
        "0.0123",
        "0.0123",
        "0",
        "0.00000015",
    ]
    impossible: tuple[Any, ...] = (-0.01, "NaN", 1e300, {"input_tokens_cost": 1})
    assert [own(cost=told) for told in impossible] == [None] * 4
    assert own(cost={"total_cost": 0.008}) == "0.008"
    assert (byok(0.0006, 0.0119), byok(0, "0.0119")) == ("0.0125", "0.0119")
    assert (byok(0.0006, None), byok(None, 0.0119)) == (None, None)
    assert own(cost=0.0123, is_byok=False, cost_details={"upstream_inference_cost": 0.0119}) == "0.0123"
    # DeepSeek tells what its cache had and what it had not.
    assert own(prompt_cache_hit_tokens=600, prompt_cache_miss_tokens=400) == "0.00146"
    assert own(prompt_cache_hit_tokens=600, prompt_cache_miss_tokens=600) is None
    assert own(prompt_cache_hit_tokens=-5, prompt_cache_miss_tokens=1005) is None
    assert own(**prompt(cached_tokens=0), prompt_cache_hit_tokens=600) == "0.00146"
    assert own(cache_creation_input_tokens=400) == "0.0021"
    assert own(reasoning_tokens=500, completion_tokens=100, total_tokens=1600) == "0.0022"
    assert chat(OWN, "m", {"input_tokens": 1000, "output_tokens": 500}) == "0.002"
    assert (chat(OWN, "m", {"prompt_tokens": "1000"}), own(total_tokens=1700)) == (None, None)


@pytest.mark.parametrize("usage", [[], "1500", 7, True, {}])
def test_what_is_no_usage_tells_no_cost(usage: Any) -> None:
    assert chat("OpenAI", "gpt-6-sol", usage) is None
