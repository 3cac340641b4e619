"""What a usage in OpenAI's protocol tells beside its plain counts, and why it cannot be right or priced (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.base import PRICE_UNKNOWN, TOOL_USED
from sidecar.providers.kernel.json_values import as_amount, as_count, as_mapping
from sidecar.providers.kernel.token_counts import impossible, whole_number

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
    (("audio_tokens",), f"it has tokens of sound, whose {PRICE_UNKNOWN}"),
    # A picture that is read costs what text does, one that is drawn does not.
    (
        ("audio_tokens", "image_tokens", "video_tokens"),
        f"it has tokens that are no text, whose {PRICE_UNKNOWN}",
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
            wrong = f"it has tokens that were written to the cache for a time whose {PRICE_UNKNOWN}"
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
            return TOOL_USED
    return ""


# Where servers and gateways count what their own tools did for an answer.
_TOOLS = ("server_tool_use", "server_tool_use_details", "tool_usage", "connectors")
_SEARCHES = ("web_search_requests", "web_search", "web_search_calls")
# Reading a page costs the tokens that it has, and they are in the prompt.
_FREE_TOOLS = (*_SEARCHES, "web_fetch_requests", "mcp_calls")
# Searches that are counted in the usage itself: Perplexity's, and those of gateways that put no object around them.
_SEARCHES_BESIDE = ("num_search_queries", "web_search_requests", "web_search")
# Units of other prices, which nobody can derive from tokens.
_OTHER_UNITS = ("num_sources_used", "search_units", "image_count", "citation_tokens")
_KINDS = re.compile(r"audio|sound|speech|video")
# All that the vendors of this protocol count, in the usage and in its parts.
_COUNTS = frozenset(
    {
        *("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"),
        *("reasoning_tokens", "text_tokens", "image_tokens", "audio_tokens"),
        *("accepted_prediction_tokens", "rejected_prediction_tokens"),
        *CACHED_BESIDE,
        *WRITTEN_BESIDE,
    }
)
_REQUEST = ("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")
_CACHES = ("cache_read_input_tokens", "cache_creation_input_tokens")


def searches_beside(usage: Mapping[str, Any]) -> Any:
    """Return how many searches the usage tells, as it is told; None where it tells none."""
    # LiteLLM counts them among the parts of the prompt.
    places = (*_TOOLS, "prompt_tokens_details", "input_tokens_details")
    tools = [as_mapping(usage[name]) for name in places if usage.get(name)]
    told = [_used(each.get(name)) for each in tools for name in _SEARCHES]
    told += [_used(usage.get(name)) for name in _SEARCHES_BESIDE]
    found = [each for each in told if each is not None]
    if not found and usage.get("search_context_size") is not None:
        # Perplexity charges each answer for having searched, by how much it was given to read.
        return 1
    return next(filter(None, found), found[0] if found else None)


def wrong_beside(usage: Mapping[str, Any]) -> str:
    """Return why what is told beside the counts leaves the cost open; empty where it does not."""
    wrong = impossible(searches_beside(usage), "searches")
    for name in _TOOLS:
        told = usage.get(name)
        if not told:
            continue
        if not isinstance(told, Mapping):
            wrong = wrong or "what its tools did cannot be read"
        wrong = wrong or other_tools(as_mapping(told), known=_FREE_TOOLS)
    if any(usage.get(name) and whole_number(usage[name]) != 0 for name in _OTHER_UNITS):
        wrong = wrong or TOOL_USED
    if any(_KINDS.search(name) and _tells(count) for name, count in usage.items()):
        wrong = wrong or f"it has tokens that are no text, whose {PRICE_UNKNOWN}"
    return wrong


def other_kinds(*told: Mapping[str, Any]) -> str:
    """Return why counts cannot be priced that no vendor of this protocol is known to make; empty where there are none.

    Whether these tokens are among the others, and what they cost, is not known.
    """
    names = (
        name for each in told for name, count in each.items() if name.endswith("_tokens") and _tells(count)
    )
    strange = any(name not in _COUNTS for name in names)
    return f"it has tokens of a kind whose {PRICE_UNKNOWN}" if strange else ""


def of_its_requests(usage: Mapping[str, Any], prompt: int, cached: int, output: int) -> str:
    """Return why the counts are not those of the requests that the server says it made; empty where they are.

    What a request had in a cache may stand beside its prompt, and what all of them had there is `cached`.
    """
    told = usage.get("iterations")
    if not told:
        return ""
    requests = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    if not isinstance(told, list) or len(requests) < len(told):
        return "the requests that it was made of cannot be read"
    if any(each.get("type", "message") != "message" for each in requests):
        return f"it has a request whose model and {PRICE_UNKNOWN}"
    read, said = (sum(map(as_count, _each(requests, names))) for names in _REQUEST)
    caches = sum(as_count(each.get(name)) for each in requests for name in _CACHES)
    alike = said == output and (read in (prompt, prompt - cached) or read + caches == prompt)
    return "" if alike else "the usage contradicts that of its requests"


def _each(requests: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[Any]:
    return (next((each[name] for name in names if each.get(name) is not None), None) for each in requests)


def _used(told: Any) -> Any:
    return as_mapping(told).get("num_requests") if isinstance(told, Mapping) else told


def _tells(count: Any) -> bool:
    """Whether a count says anything: also one that no count can be does."""
    amount = as_amount(count)
    return amount is not None and amount != 0
