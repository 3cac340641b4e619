"""The Responses API on xAI's side of the wire: OpenAI's events, with xAI's usage and list of pages (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal
from sidecar.simulator.grok.price import cost_in_usd_ticks
from sidecar.simulator.json_by_prompt import heeded
from sidecar.simulator.openai import responses

EFFORT_PARAM = "reasoning.effort"


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    return heeded(responses.read_ask(body))


def whole(ask: Ask, made: Completion) -> bytes:
    """The response as one JSON document."""
    return responses.whole(ask, made, _dressed)


def frames(ask: Ask, made: Completion) -> Iterator[Frame]:
    """The response as a stream of numbered events."""
    return responses.frames(ask, made, _dressed)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, after so many events."""
    return responses.error_frame(refusal, number)


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return responses.broken_frame(made)


def _dressed(made: Completion, response: dict[str, Any]) -> dict[str, Any]:
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
    pages = [responses.SEARCHED_PAGE] if searches else []
    return {**members, "usage": usage, "citations": pages}
