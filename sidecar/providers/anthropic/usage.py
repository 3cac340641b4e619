"""The usage that Anthropic reports, cut into parts that never overlap (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any

from sidecar.providers.base import PRICE_UNKNOWN, TOOL_USED, FinishReason, Usage
from sidecar.providers.kernel.json_values import as_amount, as_count, as_list, as_mapping, as_price_word
from sidecar.providers.kernel.token_counts import (
    added,
    doubt,
    grown,
    impossible,
    together,
    whole_number,
    within,
)

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    # The vendor paused a turn that is not continued any further: the answer is not whole.
    "pause_turn": "length",
    "refusal": "content_filter",
}
_NO_CACHE = {"cache_creation": None, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
_LIFETIMES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_NOT_ITS_REQUESTS = "the usage contradicts that of its requests"
# All that the vendor counts in tokens.
_COUNTS = frozenset(
    {
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "thinking_tokens",
    }
)
# What the vendor's own tools did costs nothing but tokens, unless it was a search, or something not known here.
_FREE_TOOLS = re.compile(r"web_fetch_requests|tool_search_\w+")


def finish_reason(word: str) -> FinishReason:
    """A message's `stop_reason`."""
    return _FINISH.get(word, "stop")


def merged_counts(start: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """The counts after a `message_delta`. They are cumulative: what is told again can only be more."""
    return grown(start, delta)


def contradiction(report: Mapping[str, Any]) -> str:
    """Why one report cannot be right in itself: what it says was written to the cache, in all and by lifetime."""
    lifetimes = as_mapping(report.get("cache_creation"))
    told = [lifetimes[name] for name in _LIFETIMES if lifetimes.get(name) is not None]
    if any(whole_number(each) is None for each in told):
        return "the count of written tokens is impossible"
    if any(each and whole_number(each) != 0 for name, each in lifetimes.items() if name not in _LIFETIMES):
        return f"it has tokens that were written to the cache for a time whose {PRICE_UNKNOWN}"
    created = report.get("cache_creation_input_tokens")
    if created is None or not any(told) or sum(map(as_count, told)) == as_count(created):
        return ""
    return "what was written to the cache contradicts its parts"


def message_usage(
    counts: Mapping[str, Any], *, hour: bool = False, wrong: str = "", searched: int = 0
) -> Usage:
    """The usage of a message, which the vendor may have made in several requests, each billed for itself.

    What it made its own summary of the conversation with is in none of the message's counts. `searched` is how many
    searches in the message found something: they are billed, also where the counts leave them out.
    """
    usage = _request_usage(counts, hour=hour, wrong=wrong)
    if _told_searches(counts) is None:
        usage = replace(usage, searches=searched)
    elif usage.searches < searched:
        usage = replace(usage, doubt=together(usage.doubt, "it searched more often than it says"))
    told = list(map(as_mapping, as_list(counts.get("iterations"))))
    if not told:
        return usage
    if any(each.get("type") not in ("message", "compaction") for each in told):
        return replace(
            usage, doubt=together(usage.doubt, f"it has a request whose model and {PRICE_UNKNOWN}")
        )
    if len(told) == 1:
        same = all(
            told[0].get(name) in (None, counts.get(name)) for name in ("input_tokens", "output_tokens")
        )
        return usage if same else replace(usage, doubt=together(usage.doubt, _NOT_ITS_REQUESTS))
    parts = [
        _request_usage({**counts, **_NO_CACHE, **each, "server_tool_use": None}, hour=hour) for each in told
    ]
    said = [part for part, each in zip(parts, told, strict=True) if each.get("type") == "message"]
    wrong = usage.doubt or next((part.doubt for part in parts if part.doubt), "")
    if sum(part.prompt_total for part in said) != usage.prompt_total or (
        sum(part.out_total for part in said) != usage.out_total
    ):
        wrong = together(wrong, _NOT_ITS_REQUESTS)
    # Searches are told of the whole message: they cost the same whichever request made them.
    parts[-1] = replace(parts[-1], searches=usage.searches)
    return replace(reduce(added, parts[1:], parts[0]), doubt=wrong)


def _request_usage(counts: Mapping[str, Any], *, hour: bool, wrong: str = "") -> Usage:
    """Input tokens leave out what was cached and written; output tokens include thinking.

    Cache writes whose lifetime is not told count as those of five minutes, the vendor's default, or as those of an
    `hour` where the request asked for one. `wrong` is what is known already to be wrong with them.
    """
    lifetimes = as_mapping(counts.get("cache_creation"))
    told_short, told_long = (as_count(lifetimes.get(name)) for name in _LIFETIMES)
    told = told_short + told_long
    created = counts.get("cache_creation_input_tokens")
    written = told if created is None else as_count(created)
    written_long = within(told_long, written, "one-hour cache write")
    if hour and written > told:
        written_long += written - told
    uncached = as_count(counts.get("input_tokens"))
    read = as_count(counts.get("cache_read_input_tokens"))
    output = as_count(counts.get("output_tokens"))
    details = as_mapping(counts.get("output_tokens_details"))
    thinking = within(as_count(details.get("thinking_tokens")), output, "thinking")
    return Usage(
        in_uncached=uncached,
        cache_read=read,
        cache_write_short=written - written_long,
        cache_write_long=written_long,
        out_visible=output - thinking,
        out_reasoning=thinking,
        searches=as_count(_told_searches(counts)),
        prompt_total=uncached + read + written,
        service_tier=as_price_word(counts.get("service_tier")) or None,
        surcharges=_surcharges(counts),
        doubt=wrong or _doubt(counts, uncached + read + written),
    )


def free_of_charge(usage: Usage) -> Usage:
    """The same tokens, not billed: the vendor says so of a refusal that comes before any output."""
    return replace(usage, charged_usd=Decimal(0))


def _doubt(counts: Mapping[str, Any], prompt: int) -> str:
    objects = ("cache_creation", "output_tokens_details", "server_tool_use")
    if any(counts.get(name) and not isinstance(counts[name], Mapping) for name in objects) or (
        counts.get("iterations") and not isinstance(counts["iterations"], list)
    ):
        return "the parts of its counts cannot be read"
    if any(
        name not in _COUNTS and name.endswith("_tokens") and as_amount(count)
        for told in (counts, as_mapping(counts.get("output_tokens_details")))
        for name, count in told.items()
    ):
        return f"it has tokens of a kind whose {PRICE_UNKNOWN}"
    named = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    told = [counts[name] for name in named if counts.get(name) is not None]
    if any(whole_number(count) is None for count in told) or counts.get("input_tokens") is None or not prompt:
        return "the size of the prompt was not told"
    searches = _told_searches(counts)
    thinking = as_mapping(counts.get("output_tokens_details")).get("thinking_tokens")
    output = counts.get("output_tokens", 0)
    unsure = impossible(searches, "searches") or doubt(
        prompt, output, {"thinking": (thinking, as_count(output))}, None
    )
    tools = as_mapping(counts.get("server_tool_use"))
    used = any(_has_a_price(name) and count and whole_number(count) != 0 for name, count in tools.items())
    return together(unsure, TOOL_USED if used else "")


def _told_searches(counts: Mapping[str, Any]) -> Any:
    return as_mapping(counts.get("server_tool_use")).get("web_search_requests")


def _has_a_price(tool: str) -> bool:
    return tool != "web_search_requests" and not _FREE_TOOLS.fullmatch(tool)


def _surcharges(counts: Mapping[str, Any]) -> tuple[str, ...]:
    """Where it ran and how fast, which a workspace may have set for all that its keys ask."""
    told = ((name, as_price_word(counts.get(name))) for name in ("inference_geo", "speed"))
    return tuple(f"{name}={word}" for name, word in told if word)
