"""What a paused turn is continued with, and what that may cost at most (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.providers.anthropic.options import SMALLEST_ANSWER
from sidecar.providers.base import FurtherRequest, Usage
from sidecar.providers.kernel.bodies import encode_json

# A turn that searches is paused every ten steps or so; one that needs more of them than this goes round in circles.
MOST_CONTINUATIONS = 6
# The tool stays: what it found is in the turn. It may not be used once more.
NO_TOOL = {"type": "none"}


def continued(
    body: Mapping[str, Any], content: Sequence[Mapping[str, Any]], written: int, searches: int
) -> dict[str, Any] | None:
    """Return the request that lets a paused turn go on: the same, with what it has said so far.

    `content` are all its blocks as they came, `written` its output tokens and `searches` its searches. None when
    its limit is used up, also where all searches are and it waits for one.
    """
    room = body["max_tokens"] - written
    if room <= 0:
        return None
    budget = body.get("thinking", {}).get("budget_tokens", 0)
    more = {
        **body,
        "max_tokens": max(room, budget + SMALLEST_ANSWER) if budget else room,
        "messages": [*body["messages"], {"role": "assistant", "content": list(content)}],
    }
    if "tools" in body:
        left = min(tool["max_uses"] for tool in body["tools"]) - searches
        if left < 1 and content and content[-1].get("type") == "server_tool_use":
            return None
        # The vendor takes no limit below one.
        more["tools"] = [{**tool, "max_uses": max(1, left)} for tool in body["tools"]]
        if left < 1:
            more["tool_choice"] = NO_TOOL
    return more


def further(more: Mapping[str, Any], usage: Usage | None, *, told: bool) -> FurtherRequest:
    """Return what a continuation may cost at most. `usage` is that of the turn so far, `told` whether all of it is.

    It reads what the request before it read last, and what that wrote. That one may have read several times, and each
    of its readings is in its count.
    """
    uses = [tool["max_uses"] for tool in more.get("tools", ())]
    searches = 0 if "tool_choice" in more else sum(uses)
    if usage is None or not told:
        return FurtherRequest(
            "continuation", len(encode_json(more)), more["max_tokens"], searches, sum(uses), told=False
        )
    last = usage.requests[-1] if usage.requests else usage
    return FurtherRequest(
        "continuation", last.prompt_total + last.out_total, more["max_tokens"], searches, last.searches
    )
