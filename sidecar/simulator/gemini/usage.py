"""How Google counts an answer, and what it counts while the answer is still coming (pure)."""

from __future__ import annotations

from typing import Any

from sidecar.providers.base import Usage

# What a search adds to the prompt is counted beside it.
TOOL_TOKENS = 8


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """Return the counts; what is nought is left out."""
    # No prompt is empty.
    tool = min(TOOL_TOKENS, max(0, usage.in_uncached - 1)) if usage.searches else 0
    prompt = usage.prompt_total - tool
    counts = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.out_visible,
        "toolUsePromptTokenCount": tool,
        "thoughtsTokenCount": usage.out_reasoning,
        "totalTokenCount": usage.prompt_total + usage.out_total,
    }
    tier = {} if usage.service_tier in (None, "default") else {"serviceTier": usage.service_tier}
    details = {"promptTokensDetails": prompt, "cacheTokensDetails": usage.cache_read}
    return (
        {name: count for name, count in counts.items() if count}
        | tier
        | {name: [{"modality": "TEXT", "tokenCount": count}] for name, count in details.items() if count}
    )


def usage_so_far(usage: Usage, visible: int) -> Usage:
    """Return the usage after so many visible tokens."""
    return Usage(
        in_uncached=usage.in_uncached,
        cache_read=usage.cache_read,
        out_visible=visible,
        out_reasoning=usage.out_reasoning,
        searches=usage.searches,
        prompt_total=usage.prompt_total,
        service_tier=usage.service_tier,
    )
