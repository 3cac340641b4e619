"""How xAI counts an answer, and what it says that it cost: ticks of 1e-10 dollars, fees of tools included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sidecar.simulator.exchange import Completion
from sidecar.simulator.models import Models

TICKS_PER_USD = 10**10

_models = Models()


def cost_in_usd_ticks(completion: Completion) -> int | None:
    """Return the cost by the catalogue's price of that day, as the ledger here has it; None without a price."""
    day = datetime.fromtimestamp(completion.created_s, UTC).date()
    usd = _models.charge("grok", completion.served_model, completion.usage, day)
    return None if usd is None else int(usd * TICKS_PER_USD)


def chat_usage(completion: Completion) -> dict[str, Any]:
    """Return the counts of a chat completion: what was reasoned is beside what was written."""
    parts = completion.usage
    counted: dict[str, Any] = {
        "prompt_tokens": parts.prompt_total,
        "completion_tokens": parts.out_visible,
        "total_tokens": parts.prompt_total + parts.out_total,
        "prompt_tokens_details": {
            "text_tokens": parts.prompt_total,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": parts.cache_read,
        },
        "completion_tokens_details": {
            "reasoning_tokens": parts.out_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
    }
    ticks = cost_in_usd_ticks(completion)
    return counted if ticks is None else {**counted, "cost_in_usd_ticks": ticks}


def responses_usage(completion: Completion) -> dict[str, Any]:
    """Return the counts of a response: what was reasoned is inside of what was written."""
    parts = completion.usage
    counted: dict[str, Any] = {
        "input_tokens": parts.prompt_total,
        "input_tokens_details": {"cached_tokens": parts.cache_read},
        "output_tokens": parts.out_total,
        "output_tokens_details": {"reasoning_tokens": parts.out_reasoning},
        "total_tokens": parts.prompt_total + parts.out_total,
        "num_sources_used": parts.searches,
        "num_server_side_tools_used": parts.searches,
        "server_side_tool_usage_details": {"web_search_calls": parts.searches, "x_search_calls": 0},
    }
    ticks = cost_in_usd_ticks(completion)
    return counted if ticks is None else {**counted, "cost_in_usd_ticks": ticks}
