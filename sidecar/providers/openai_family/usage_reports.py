"""Where servers put the usage of an answer, and all its reports as one (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, written_out
from sidecar.providers.kernel.token_counts import grown

# What the usage is called, and what vendors and gateways wrap around it.
_USAGES = ("usage", "token_usage", "usage_metadata", "usageMetadata")
_ENVELOPES = frozenset(
    {
        "response_metadata",
        "provider_metadata",
        "providerMetadata",
        "metadata",
        "meta",
        "data",
        "result",
        "gateway",
        "_hidden_params",
    }
)
# Counts that servers keep for themselves, and that stand in where no usage is told: llama.cpp's, Ollama's, Bedrock's.
_OWN = ("timings", "amazon-bedrock-invocationMetrics")
_OWN_COUNTS = ("prompt_eval_count", "eval_count", "tokens_evaluated", "tokens_predicted")
# A charge may stand beside the usage.
_CHARGES = ("cost", "total_cost", "cost_usd", "response_cost", "cost_in_usd_ticks")


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
        usage = _with_cached(self._so_far, self._own) if self._so_far else self._own
        return {**self._charge, **usage} if found else None


def _with_cached(usage: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage with what llama.cpp says only beside it: how much of the prompt came out of the cache.

    `cache_n` and `prompt_n` are the two parts of the prompt; where they do not add up to it, they count something else.
    """
    cached, read = as_count(own.get("cache_n")), as_count(own.get("prompt_n"))
    told = as_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")
    if not cached or told is not None or cached + read != as_count(usage.get("prompt_tokens")):
        return usage
    return {
        **usage,
        "prompt_tokens_details": {**as_mapping(usage.get("prompt_tokens_details")), "cached_tokens": cached},
    }


def _places(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the chunk, each choice with its message, and what vendors put beside them (`x_…`, envelopes)."""
    yield from _enveloped(chunk)
    for choice in map(as_mapping, as_list(chunk.get("choices"))):
        for place in (choice, as_mapping(choice.get("delta")), as_mapping(choice.get("message"))):
            yield from _enveloped(place)


def _enveloped(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield place
    for name, value in place.items():
        if (name in _ENVELOPES or name.startswith("x_")) and isinstance(value, Mapping):
            yield value
            yield from (as_mapping(value.get(inner)) for inner in _ENVELOPES)


def _reports(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _USAGES:
        told = place.get(name)
        if told is None:
            continue
        several = told if isinstance(told, list) else [written_out(told)]
        reports = [report for report in several if isinstance(report, Mapping)]
        for report in reports:
            # Cohere tells what it counted and what it bills.
            yield as_mapping(report.get("billed_units") or report.get("tokens")) or report
        if len(reports) > 1:
            # Whether these are requests that were billed each for itself, or one told twice, nobody says.
            yield {"iterations": reports}
    if isinstance(place.get("billed_units"), Mapping):
        yield place["billed_units"]


def _own_reports(place: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (place[name] for name in _OWN if isinstance(place.get(name), Mapping))
    counts = {name: place[name] for name in _OWN_COUNTS if name in place}
    if counts:
        yield counts
