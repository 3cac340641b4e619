"""Why a usage in OpenAI's protocol cannot be right, beyond what its plain counts tell (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.kernel.json_values import as_count, as_mapping
from sidecar.providers.kernel.token_counts import whole_number

_SHORT, _LONG = "ttl_30m_tokens", "ttl_12h_tokens"
# What each of the vendor's two APIs calls the same count.
_DIALECTS = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
# What other APIs and servers call the part of the prompt that was cached, or written to a cache, beside the counts.
CACHED_BESIDE = (
    "cached_tokens",
    "cache_read_tokens",
    "cache_read_input_tokens",
    "prompt_cache_hit_tokens",
    "num_cached_tokens",
    "cached_prompt_tokens",
    "cached_content_token_count",
    "cache_read_input_token_count",
)
WRITTEN_BESIDE = (
    "cache_write_tokens",
    "cache_creation_tokens",
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_input_token_count",
)
_MODALITIES = (
    # Nothing here asks for sound, and it costs several times what text does.
    (("audio_tokens",), "it has tokens of sound, whose price is not known here"),
    # A picture that is read costs what text does, one that is drawn does not.
    (
        ("audio_tokens", "image_tokens", "video_tokens"),
        "it has tokens that are no text, whose price is not known here",
    ),
)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """What was written to the cache: all of it, and how much of that for the longer time; `wrong` where it cannot be.

    The sum and each of its two parts may be left out: what is not told is the rest, or what the others add up to.
    """

    written: int
    long: int
    wrong: str = ""

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Lifetimes:
        parts = as_mapping(details.get("cache_write_tokens_details"))
        told = {
            name: count for name, count in parts.items() if count is not None and name.endswith("_tokens")
        }
        whole = details.get("cache_write_tokens")
        short, long = as_count(told.get(_SHORT)), as_count(told.get(_LONG))
        written = short + long if whole is None else as_count(whole)
        wrong = ""
        if any(whole_number(count) is None for count in told.values()):
            wrong = "the count of written tokens is impossible"
        elif any(as_count(count) for name, count in told.items() if name not in (_SHORT, _LONG)):
            wrong = "it has tokens that were written to the cache for a time whose price is not known here"
        elif short + long > written or (_SHORT in told and _LONG in told and short + long != written):
            # Parts of nothing beside a sum are parts that were not told.
            wrong = "what was written to the cache contradicts its parts" if short + long else ""
        return cls(written, min(long, written), wrong)


def two_tellings(usage: Mapping[str, Any], cached: int, written: int, reasoning: int) -> str:
    """Why counts that are told in the words of several APIs cannot be; 0 and null tell nothing.

    The second telling may leave out what was cached, as Anthropic's does, and what was thought.
    """
    for (one, other), between in zip(_DIALECTS, (cached + written, reasoning), strict=True):
        first, second = usage.get(one), usage.get(other)
        if first and second and abs(as_count(first) - as_count(second)) not in (0, between):
            return "what is told twice contradicts itself"
    for names, known in ((CACHED_BESIDE, cached), (WRITTEN_BESIDE, written)):
        if any(usage.get(name) and usage[name] != known for name in names):
            return "what it says of its cache contradicts itself"
    return ""


def no_text(prompt_details: Mapping[str, Any], output_details: Mapping[str, Any]) -> str:
    """Why tokens of these kinds cannot be priced."""
    for details, (names, why) in zip((prompt_details, output_details), _MODALITIES, strict=True):
        if any(whole_number(details.get(name) or 0) != 0 for name in names):
            return why
    return ""


def other_tools(counts: Mapping[str, Any], *, known: Iterable[str] = ("web_search",)) -> str:
    """Why what a vendor says its own tools did cannot be priced: each kind but the `known` has a price of its own."""
    for name, told in counts.items():
        used = as_mapping(told).get("num_requests") if isinstance(told, Mapping) else told
        if name not in known and used and whole_number(used) != 0:
            return "it used a tool whose price is not known here"
    return ""
