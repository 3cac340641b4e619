"""The usage that OpenAI's protocol reports, from wherever it does, cut into parts that never overlap (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sidecar.providers.base import SEARCH_BROKEN, FinishReason, Usage
from sidecar.providers.kernel.json_values import as_count, as_mapping, as_price_word, written_out
from sidecar.providers.kernel.token_counts import doubt, impossible, together, within
from sidecar.providers.openai_family.usage_doubts import (
    Lifetimes,
    no_text,
    of_its_requests,
    other_kinds,
    other_tools,
    searches_beside,
    two_tellings,
    wrong_beside,
)

# Servers have words of their own for an end; the first line that fits one decides, and all others are a stop.
_FINISH: tuple[tuple[re.Pattern[str], FinishReason], ...] = (
    (
        re.compile(
            r"filter|safety|sensitiv|moderat|toxic|refus|recitation|prohibit|block|guardrail|spii|polic|violat|harm"
        ),
        "content_filter",
    ),
    (
        re.compile(
            r"error|fail|abort|cancel|time(?:d_)?out|interrupt|overload|unavailable|insufficient|rate_?limit"
        ),
        "error",
    ),
    (re.compile(r"length|limit|^max|incomplete|truncat|context_window"), "length"),
)
_INCOMPLETE: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}


def chat_finish(word: str) -> FinishReason:
    """A chat completion's `finish_reason`; compatible servers have words of their own."""
    spelled = word.lower()
    return next((reason for words, reason in _FINISH if words.search(spelled)), "stop")


def incomplete_finish(details: Any) -> FinishReason:
    """The reason of a response whose status is `incomplete`."""
    return _INCOMPLETE.get(str(as_mapping(details).get("reason")), "stop")


def chat_usage(usage: Mapping[str, Any], service_tier: Any = None, *, own_kinds: bool = False) -> Usage:
    """Prompt tokens include what was cached and written; completion tokens include reasoning.

    A gateway in the vendor's place may count in the words of its other API. `own_kinds`: the server may count more
    kinds of tokens among these than are known here, all of one price.
    """
    words, others = ("prompt", "completion"), ("input", "output")
    if "prompt_tokens" not in usage:
        words, others = others, words
    details = [
        usage.get(f"{one}_tokens_details") or usage.get(f"{other}_tokens_details")
        for one, other in zip(words, others, strict=True)
    ]
    return _parts(
        prompt=usage.get(f"{words[0]}_tokens"),
        prompt_details=details[0],
        output=usage.get(f"{words[1]}_tokens"),
        total=usage.get("total_tokens"),
        output_details=details[1],
        searches=as_count(searches_beside(usage)),
        service_tier=service_tier or usage.get("service_tier"),
        told=usage,
        wrong=wrong_beside(usage),
        own_kinds=own_kinds,
    )


def responses_usage(response: Mapping[str, Any]) -> Usage | None:
    """The usage of a whole response: as for chat, under other names. None when it has none yet."""
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return None
    found = _parts(
        prompt=usage.get("input_tokens"),
        prompt_details=usage.get("input_tokens_details"),
        output=usage.get("output_tokens"),
        total=usage.get("total_tokens"),
        output_details=usage.get("output_tokens_details"),
        searches=billable_searches(response),
        service_tier=response.get("service_tier"),
        told=usage,
        wrong=impossible(_told_searches(response), "searches")
        or other_tools(as_mapping(response.get("tool_usage"))),
    )
    return replace(found, doubt=found.doubt or SEARCH_BROKEN) if _broken_searches(response) else found


def billable_searches(response: Mapping[str, Any]) -> int:
    """The vendor's own count where it gives one, else the calls that did not merely look at a page.

    A call that does not say what it did has searched; one that broke off is not among them.
    """
    told = _told_searches(response)
    return as_count(told) if told is not None else len(_searches(response)) - _broken_searches(response)


def _broken_searches(response: Mapping[str, Any]) -> int:
    """How many searches failed or did not end: what these cost, the vendor says nowhere."""
    if _told_searches(response) is not None:
        return 0
    return sum(call.get("status") in ("failed", "incomplete") for call in _searches(response))


def _searches(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    output = response.get("output")
    calls = output if isinstance(output, Sequence) and not isinstance(output, str) else ()
    return [
        call
        for call in calls
        if isinstance(call, Mapping)
        and call.get("type") == "web_search_call"
        and as_mapping(call.get("action")).get("type", "search") == "search"
    ]


def _told_searches(response: Mapping[str, Any]) -> Any:
    return as_mapping(as_mapping(response.get("tool_usage")).get("web_search")).get("num_requests")


def _parts(
    *,
    prompt: Any,
    prompt_details: Any,
    output: Any,
    total: Any,
    output_details: Any,
    searches: int,
    service_tier: Any,
    told: Mapping[str, Any],
    wrong: str = "",
    own_kinds: bool = False,
) -> Usage:
    """The usage of these counts. `told` is all that was told, and `wrong` what is known already to be wrong with it."""
    unsure = _unreadable(prompt_details) or _unreadable(output_details)
    read = as_mapping(written_out(prompt_details))
    said = as_mapping(written_out(output_details))
    cache = Lifetimes.of(read)
    parts = _bounded(as_count(prompt), as_count(output), read, said, cache)
    unsure = unsure or doubt(prompt, output, parts, total) or cache.wrong or no_text(read, said)
    unsure = unsure or ("" if own_kinds else other_kinds(told, read, said))
    prompt, output = as_count(prompt), as_count(output)
    cached = within(as_count(read.get("cached_tokens")), prompt, "cached")
    written = within(cache.written, prompt - cached, "cache write")
    reasoning = within(as_count(said.get("reasoning_tokens")), output, "reasoning")
    unsure = unsure or two_tellings(told, cached, written, reasoning)
    unsure = unsure or of_its_requests(told, prompt, cached + written, output)
    return Usage(
        in_uncached=prompt - cached - written,
        cache_read=cached,
        cache_write_short=written - min(cache.long, written),
        cache_write_long=min(cache.long, written),
        out_visible=output - reasoning,
        out_reasoning=reasoning,
        searches=searches,
        prompt_total=prompt,
        service_tier=as_price_word(service_tier) or None,
        doubt=together(unsure, wrong),
    )


def _bounded(
    prompt: int, output: int, read: Mapping[str, Any], said: Mapping[str, Any], cache: Lifetimes
) -> Mapping[str, tuple[Any, int]]:
    """Each part of these counts with the whole that it cannot be larger than."""
    seen, guessed = as_count(read.get("image_tokens")), as_count(said.get("rejected_prediction_tokens"))
    return {
        "image": (read.get("image_tokens"), prompt),
        "text": (read.get("text_tokens"), max(0, prompt - seen)),
        "rejected_prediction": (said.get("rejected_prediction_tokens"), output),
        "accepted_prediction": (said.get("accepted_prediction_tokens"), max(0, output - guessed)),
        "cached": (read.get("cached_tokens"), prompt),
        "written": (
            cache.written if read.get("cache_write_tokens") is None else read["cache_write_tokens"],
            max(0, prompt - as_count(read.get("cached_tokens"))),
        ),
        "reasoning": (said.get("reasoning_tokens"), output),
    }


def _unreadable(details: Any) -> str:
    """Why details that are told cannot be read; an empty text or list tells none."""
    told = details and not isinstance(written_out(details), Mapping)
    return "the parts of its counts cannot be read" if told else ""
