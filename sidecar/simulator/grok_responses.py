"""The Responses API on xAI's side of the wire: OpenAI's events, with xAI's usage and list of pages (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.simulator import openai_responses
from sidecar.simulator.asked_in_words import heeded
from sidecar.simulator.exchange import Ask, Frame, Made, Refusal
from sidecar.simulator.grok_price import cost_in_usd_ticks

EFFORT_PARAM = "reasoning.effort"


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    return heeded(openai_responses.read_ask(body))


def whole(ask: Ask, made: Made) -> bytes:
    """The response as one JSON document."""
    return openai_responses.whole(ask, made, _dressed)


def frames(ask: Ask, made: Made) -> Iterator[Frame]:
    """The response as a stream of numbered events."""
    return openai_responses.frames(ask, made, _dressed)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, after so many events."""
    return openai_responses.error_frame(refusal, number)


def broken_frame(made: Made) -> bytes:
    """An event whose JSON ends too early."""
    return openai_responses.broken_frame(made)


def _dressed(made: Made, response: dict[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in response.items() if name != "tool_usage"}
    if members["usage"] is None:
        return members
    searches = made.usage.searches
    ticks = cost_in_usd_ticks(made)
    usage = {
        "input_tokens": made.usage.prompt_total,
        "input_tokens_details": {"cached_tokens": made.usage.cache_read},
        "output_tokens": made.usage.out_total,
        "output_tokens_details": {"reasoning_tokens": made.usage.out_reasoning},
        "total_tokens": made.usage.prompt_total + made.usage.out_total,
        "num_sources_used": searches,
        "num_server_side_tools_used": searches,
        "server_side_tool_usage_details": {"web_search_calls": searches, "x_search_calls": 0},
    }
    if ticks is not None:
        usage["cost_in_usd_ticks"] = ticks
    pages = [openai_responses.SEARCHED_PAGE] if searches else []
    return {**members, "usage": usage, "citations": pages}
