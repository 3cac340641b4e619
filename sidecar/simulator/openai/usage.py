"""How OpenAI counts an answer: everything is inside the two totals (pure)."""

from __future__ import annotations

from typing import Any

from sidecar.providers.base import Usage


def chat_usage(usage: Usage) -> dict[str, Any]:
    """Return the counts of a chat completion."""
    written = usage.cache_write_short + usage.cache_write_long
    return {
        "prompt_tokens": usage.prompt_total,
        "completion_tokens": usage.out_total,
        "total_tokens": usage.prompt_total + usage.out_total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": written,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.out_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def responses_usage(usage: Usage) -> dict[str, Any]:
    """Return the counts of a response; only here the two lifetimes of the cache are told apart."""
    written = usage.cache_write_short + usage.cache_write_long
    return {
        "input_tokens": usage.prompt_total,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": written,
            "cache_write_tokens_details": {
                "ttl_30m_tokens": usage.cache_write_short,
                "ttl_12h_tokens": usage.cache_write_long,
            },
        },
        "output_tokens": usage.out_total,
        "output_tokens_details": {"reasoning_tokens": usage.out_reasoning},
        "total_tokens": usage.prompt_total + usage.out_total,
    }


def tool_usage(searches: int) -> dict[str, Any]:
    """Return how often a response used the vendor's own tools."""
    return {
        "image_gen": {
            "input_tokens": 0,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
            "output_tokens": 0,
            "total_tokens": 0,
        },
        "web_search": {"num_requests": searches},
    }
