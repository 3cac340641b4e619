"""The usage that xAI reports, and what it says it charged; also for a request that it blocks before it is run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import PRICE_UNKNOWN, TOOL_USED, Event, Usage, UsageSoFar
from sidecar.providers.kernel.json_values import as_amount, as_count, as_mapping
from sidecar.providers.kernel.token_counts import impossible, together, whole_number
from sidecar.providers.openai_family import usage as openai_usage
from sidecar.providers.openai_family.usage_doubts import other_tools

_TOOLS = "server_side_tool_usage_details"
_SEARCHES = ("web_search_calls", "x_search_calls")
# Tools of a server of the person's own, which the vendor does not charge for.
_FREE_TOOLS = ("mcp_calls",)
# One tick of `cost_in_usd_ticks` is 1e-10 dollars, says the vendor's own client.
TICK_DIGITS = 10


def chat_usage(usage: Mapping[str, Any], service_tier: Any = None) -> Usage:
    """Prompt tokens include what was cached; completion tokens do not include reasoning.

    Where the total leaves no room for the reasoning, the completion does include it.
    """
    if "prompt_tokens" not in usage and "input_tokens" in usage:
        # In the words of the other API, whose output has the reasoning in it.
        return _charged(openai_usage.chat_usage(usage, service_tier), usage)
    prompt, written = as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens"))
    reasoning = as_count(as_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    total = usage.get("total_tokens")
    apart = total is None or as_count(total) != prompt + written
    counted = usage.get("completion_tokens")
    whole = {**usage, "completion_tokens": written + reasoning if apart else written}
    parts = openai_usage.chat_usage(whole, service_tier)
    if whole_number(counted) is None:
        parts = replace(parts, doubt="the size of the answer was not told")
    return _charged(parts, usage)


def responses_usage(response: Mapping[str, Any]) -> Usage | None:
    """Of a whole response: output tokens include reasoning. None when it has no usage yet."""
    parts = openai_usage.responses_usage(response)
    if parts is None:
        return None
    usage = {"cost_in_usd_ticks": response.get("cost_in_usd_ticks"), **as_mapping(response.get("usage"))}
    told = usage.get(_TOOLS) or response.get(_TOOLS)
    details = {name: count for name, count in as_mapping(told).items() if count is not None}
    if any(name in details for name in _SEARCHES):
        searches = sum(as_count(details.get(name)) for name in _SEARCHES)
        parts = replace(parts, searches=searches)
    wrong = next(filter(None, (impossible(count, "tools") for count in details.values())), "")
    if told and not isinstance(told, Mapping):
        wrong = "what its tools did cannot be read"
    wrong = wrong or other_tools(details, known=(*_SEARCHES, *_FREE_TOOLS))
    return _charged(replace(parts, doubt=together(parts.doubt, wrong)), usage)


def charged_usd(usage: Mapping[str, Any]) -> Decimal | None:
    """The exact charge, fees of tools included; None where the vendor says none, or what no charge can be."""
    ticks = as_amount(usage.get("cost_in_usd_ticks"))
    if ticks is None or ticks < 0 or ticks != ticks.to_integral_value():
        return None
    return ticks.scaleb(-TICK_DIGITS)


def _charged(parts: Usage, usage: Mapping[str, Any]) -> Usage:
    charged = charged_usd(usage)
    doubt = parts.doubt
    used = usage.get("num_sources_used") or (not parts.searches and usage.get("num_server_side_tools_used"))
    if charged is None and usage.get("cost_in_usd_ticks") is not None:
        doubt = together(doubt, f"the charge is impossible, so its {PRICE_UNKNOWN}")
    elif charged is None and used:
        doubt = together(doubt, TOOL_USED)
    return replace(parts, charged_usd=charged, doubt=doubt)


# A request that violates the usage guidelines, say xAI's pricing pages; only the Responses API charges it.
VIOLATION_FEE_USD = Decimal("0.05")


async def with_violation_fee(answer: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Yield the events of an answer of the Responses API, and the fee before a refusal that has one is raised."""
    try:
        async with aclosing(answer) as events:
            async for event in events:
                yield event
    except Failure as failure:
        if failure.kind == "content_filtered" and failure.status == 403:
            yield UsageSoFar(Usage(charged_usd=VIOLATION_FEE_USD), final=True)
        raise
