"""How Anthropic counts and bills an answer (pure)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sidecar.providers.base import Usage
from sidecar.simulator.answers import reasoning_tokens, thinking_text
from sidecar.simulator.anthropic.request import AnthropicRequest
from sidecar.simulator.exchange import Completion


def counted(parsed: AnthropicRequest, completion: Completion) -> Completion:
    """The answer as this vendor counts it: nothing is cached unasked, and some of it is free.

    Counting what was counted already changes nothing.
    """
    told = completion.usage.service_tier
    usage = replace(completion.usage, service_tier="standard" if told == "default" else told)
    written = usage.cache_write_short + usage.cache_write_long
    if parsed.cache_ttl is None:
        uncached = usage.in_uncached + usage.cache_read + written
        usage = replace(usage, in_uncached=uncached, cache_read=0, cache_write_short=0, cache_write_long=0)
    elif parsed.cache_ttl == "1h":
        usage = replace(usage, cache_write_short=0, cache_write_long=written)
    thinking = usage.out_reasoning
    if parsed.thinks and not thinking:
        limit = parsed.max_output_tokens or 0
        thinking = max(0, min(reasoning_tokens(parsed), limit - usage.out_visible))
    usage = replace(usage, out_reasoning=thinking if parsed.thinks else 0)
    if completion.refusal:
        # A refusal before any output shows its counts and is not billed.
        usage = replace(usage, charged_usd=Decimal(0))
    elif parsed.paused:
        usage = replace(usage, out_visible=0)
    shown = completion.thinking or thinking_text(parsed, completion.served_model)
    return replace(
        completion, usage=usage, thinking=shown if parsed.summaries and usage.out_reasoning else ""
    )


def start_usage(usage: Usage) -> dict[str, Any]:
    """What is known when the answer begins. Only here are the two lifetimes of the cache told apart."""
    return {
        "input_tokens": usage.in_uncached,
        "cache_creation_input_tokens": usage.cache_write_short + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_short,
            "ephemeral_1h_input_tokens": usage.cache_write_long,
        },
        "output_tokens": min(1, usage.out_total),
        "service_tier": usage.service_tier or "standard",
        "inference_geo": "global",
    }


def end_usage(usage: Usage) -> dict[str, Any]:
    """What is known at the end: cumulative, and without the lifetimes."""
    end: dict[str, Any] = {
        "input_tokens": usage.in_uncached,
        "cache_creation_input_tokens": usage.cache_write_short + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.out_total,
        "output_tokens_details": {"thinking_tokens": usage.out_reasoning},
    }
    if usage.searches:
        end["server_tool_use"] = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    return end
