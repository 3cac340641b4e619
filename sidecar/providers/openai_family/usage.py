"""The usage that OpenAI's protocol reports, from wherever it does, cut into parts that never overlap (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidecar.providers.base import FinishReason, Usage
from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, written_out
from sidecar.providers.kernel.token_counts import doubt, grown, impossible, whole_number, within

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


def chat_usage(usage: Mapping[str, Any], service_tier: Any = None) -> Usage:
    """Prompt tokens include what was cached and written; completion tokens include reasoning.

    A gateway in the vendor's place may count in the words of its other API.
    """
    words = ("prompt", "completion") if "prompt_tokens" in usage else ("input", "output")
    return _parts(
        prompt=usage.get(f"{words[0]}_tokens"),
        prompt_details=as_mapping(usage.get(f"{words[0]}_tokens_details")),
        output=usage.get(f"{words[1]}_tokens"),
        total=usage.get("total_tokens"),
        output_details=as_mapping(usage.get(f"{words[1]}_tokens_details")),
        searches=0,
        service_tier=service_tier,
    )


def responses_usage(response: Mapping[str, Any]) -> Usage | None:
    """The usage of a whole response: as for chat, under other names. None when it has none yet."""
    usage = response.get("usage")
    if not isinstance(usage, Mapping):
        return None
    return _parts(
        prompt=usage.get("input_tokens"),
        prompt_details=as_mapping(usage.get("input_tokens_details")),
        output=usage.get("output_tokens"),
        total=usage.get("total_tokens"),
        output_details=as_mapping(usage.get("output_tokens_details")),
        searches=billable_searches(response),
        service_tier=response.get("service_tier"),
        wrong=impossible(_told_searches(response), "searches"),
    )


def billable_searches(response: Mapping[str, Any]) -> int:
    """The vendor's own count where it gives one, else the calls that did not merely look at a page.

    A call that does not say what it did has searched.
    """
    told = _told_searches(response)
    if told is not None:
        return as_count(told)
    output = response.get("output")
    calls = output if isinstance(output, Sequence) and not isinstance(output, str) else ()
    return sum(
        1
        for call in calls
        if isinstance(call, Mapping)
        and call.get("type") == "web_search_call"
        and as_mapping(call.get("action")).get("type", "search") == "search"
    )


def _told_searches(response: Mapping[str, Any]) -> Any:
    return as_mapping(as_mapping(response.get("tool_usage")).get("web_search")).get("num_requests")


def _parts(
    *,
    prompt: Any,
    prompt_details: Mapping[str, Any],
    output: Any,
    total: Any,
    output_details: Mapping[str, Any],
    searches: int,
    service_tier: Any,
    wrong: str = "",
) -> Usage:
    prediction = ("accepted_prediction_tokens", "rejected_prediction_tokens")
    parts = {
        **{name: (prompt_details.get(name), as_count(prompt)) for name in ("text_tokens", "image_tokens")},
        **{name: (output_details.get(name), as_count(output)) for name in prediction},
        "cached": (prompt_details.get("cached_tokens"), as_count(prompt)),
        "written": (
            prompt_details.get("cache_write_tokens"),
            as_count(prompt) - as_count(prompt_details.get("cached_tokens")),
        ),
        "reasoning": (output_details.get("reasoning_tokens"), as_count(output)),
        "12 h written": (
            as_mapping(prompt_details.get("cache_write_tokens_details")).get("ttl_12h_tokens"),
            as_count(prompt_details.get("cache_write_tokens")),
        ),
    }
    wrong = wrong or doubt(prompt, output, parts, total) or _sound(prompt_details, output_details)
    prompt, output = as_count(prompt), as_count(output)
    cached = within(as_count(prompt_details.get("cached_tokens")), prompt, "cached")
    written = within(as_count(prompt_details.get("cache_write_tokens")), prompt - cached, "cache write")
    lifetimes = as_mapping(prompt_details.get("cache_write_tokens_details"))
    written_long = within(as_count(lifetimes.get("ttl_12h_tokens")), written, "long cache write")
    reasoning = within(as_count(output_details.get("reasoning_tokens")), output, "reasoning")
    return Usage(
        in_uncached=prompt - cached - written,
        cache_read=cached,
        cache_write_short=written - written_long,
        cache_write_long=written_long,
        out_visible=output - reasoning,
        out_reasoning=reasoning,
        searches=searches,
        prompt_total=prompt,
        service_tier=service_tier.lower() if isinstance(service_tier, str) else None,
        doubt=wrong,
    )


def _sound(*details: Mapping[str, Any]) -> str:
    """Sound costs several times what text does, and nothing here asks for it."""
    told = any(whole_number(each.get("audio_tokens") or 0) != 0 for each in details)
    return "it has tokens of sound, whose price is not known here" if told else ""


# What the usage is called, and what vendors and gateways wrap around it.
_USAGES = ("usage", "token_usage", "usage_metadata", "usageMetadata")
_ENVELOPES = (
    "response_metadata",
    "provider_metadata",
    "providerMetadata",
    "metadata",
    "meta",
    "data",
    "result",
    "gateway",
    "_hidden_params",
)
# Counts that servers keep for themselves, and that stand in where no usage is told: llama.cpp's, Ollama's, Bedrock's.
_OWN = ("timings", "amazon-bedrock-invocationMetrics")
_OWN_COUNTS = ("prompt_eval_count", "eval_count", "tokens_evaluated", "tokens_predicted")
# A charge may stand beside the usage.
_CHARGES = ("cost", "total_cost", "cost_usd", "response_cost")


class UsageReports:
    """Gathers the reports of one answer: counts only grow, so the largest of each holds."""

    def __init__(self) -> None:
        self._so_far: dict[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._charge: dict[str, Any] = {}

    def take(self, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return all that is reported so far; None where this chunk reports nothing."""
        found = False
        for place in _places(chunk):
            for report in _reports(place):
                self._so_far, found = grown(self._so_far, report), True
            for own in _own_reports(place):
                self._own, found = grown(self._own, own), True
            charge = {name: place[name] for name in _CHARGES if place.get(name) is not None}
            if charge:
                self._charge, found = grown(self._charge, charge), True
        # What the usage itself says holds before what stands beside it.
        return {**self._charge, **(self._so_far or self._own)} if found else None


def _places(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the chunk, each choice with its message, and what vendors put beside them (`x_…`, envelopes)."""
    yield from _enveloped(chunk)
    for choice in map(as_mapping, as_list(chunk.get("choices"))):
        for place in (choice, as_mapping(choice.get("delta")), as_mapping(choice.get("message"))):
            yield from _enveloped(place)


def _enveloped(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield place
    for name, value in place.items():
        if isinstance(value, Mapping) and (name.startswith("x_") or name in _ENVELOPES):
            yield value
            yield from (as_mapping(value.get(inner)) for inner in _ENVELOPES)


def _reports(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _USAGES:
        told = place.get(name)
        for report in told if isinstance(told, list) else [written_out(told)]:
            if isinstance(report, Mapping):
                # Cohere tells what it counted and what it bills.
                yield as_mapping(report.get("billed_units") or report.get("tokens")) or report
    if isinstance(place.get("billed_units"), Mapping):
        yield place["billed_units"]


def _own_reports(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (place[name] for name in _OWN if isinstance(place.get(name), Mapping))
    counts = {name: place[name] for name in _OWN_COUNTS if name in place}
    if counts:
        yield counts
