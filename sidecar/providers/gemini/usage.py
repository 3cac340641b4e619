"""The usage that Gemini reports, cut into parts that never overlap, and what its searches count as (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import PRICE_UNKNOWN, FinishReason, Usage
from sidecar.providers.kernel.json_values import as_amount, as_count, as_list, as_mapping, as_price_word
from sidecar.providers.kernel.token_counts import doubt, whole_number, within

CONTINUATION = "CONTINUATION"

_FINISH: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    # Only what is not continued any more is read as an end.
    CONTINUATION: "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_TEXT = frozenset({"", "TEXT", "MODALITY_UNSPECIFIED"})
_TEXT_OR_SEEN = _TEXT | {"IMAGE", "VIDEO", "DOCUMENT"}
# What a count is made of, which kinds have its price, and the count.
_DETAILS = (
    ("promptTokensDetails", _TEXT_OR_SEEN, "promptTokenCount"),
    ("cacheTokensDetails", _TEXT_OR_SEEN, "cachedContentTokenCount"),
    ("toolUsePromptTokensDetails", _TEXT_OR_SEEN, "toolUsePromptTokenCount"),
    ("candidatesTokensDetails", _TEXT, "candidatesTokenCount"),
)
# All that the vendor counts; what its Live API calls the answer is the answer.
_COUNTS = frozenset(
    {
        *(whole for _, _, whole in _DETAILS),
        "thoughtsTokenCount",
        "totalTokenCount",
        "responseTokenCount",
    }
)
_BILLED_BY_PROMPT = re.compile(r"gemini-[12](\.|-|$)")


def finish_reason(word: str) -> FinishReason:
    """The contract's reason; a word that is not a known end is an error: OTHER, MALFORMED_RESPONSE and their like."""
    return _FINISH.get(word, "error")


def part_usage(reported: Mapping[str, Any], searches: int = 0, wrong: str = "") -> Usage:
    """`usageMetadata`: the prompt includes what was cached; thoughts and the tools' own prompt stand beside.

    `prompt_total` is the prompt alone, which is what the vendor picks the price tier by. `wrong` is what is known
    already to be wrong with them.
    """
    prompt = as_count(reported.get("promptTokenCount"))
    cached = within(as_count(reported.get("cachedContentTokenCount")), prompt, "cached")
    return Usage(
        in_uncached=prompt - cached + as_count(reported.get("toolUsePromptTokenCount")),
        cache_read=cached,
        out_visible=as_count(reported.get("candidatesTokenCount")),
        out_reasoning=as_count(reported.get("thoughtsTokenCount")),
        searches=searches,
        prompt_total=prompt,
        doubt=wrong or _doubt(reported),
        service_tier=_tier(reported),
    )


def _tier(reported: Mapping[str, Any]) -> str | None:
    """The tier, also where it is the kind of traffic that tells; the words that stand for none are none.

    Where both tell, and not the same, it is a tier that nobody has a price for.
    """
    tier = as_price_word(reported.get("serviceTier")).removeprefix("service_tier_")
    traffic = as_price_word(reported.get("trafficType")).removeprefix("on_demand").removeprefix("_")
    told = [word for word in (tier, traffic) if word and not word.endswith("unspecified")]
    return "/".join(dict.fromkeys(told)) or None


def _doubt(reported: Mapping[str, Any]) -> str:
    """The vendor leaves out what is 0; what the total has and no part does was not told."""
    tools, thoughts = reported.get("toolUsePromptTokenCount", 0), reported.get("thoughtsTokenCount", 0)
    cached = (reported.get("cachedContentTokenCount"), as_count(reported.get("promptTokenCount")))
    output = reported.get("candidatesTokenCount", 0)
    parts = {"cached": cached, "thinking": (thoughts, as_count(thoughts)), "tool": (tools, as_count(tools))}
    total = reported.get("totalTokenCount")
    beside = as_count(thoughts) + as_count(tools)
    if total is not None:
        total = as_count(total) - beside
    return doubt(reported.get("promptTokenCount"), output, parts, total) or _modality(reported)


def _modality(reported: Mapping[str, Any]) -> str:
    """Sound is dearer than text with some models, what is no text in an answer with all; nobody asks for either."""
    if any(
        name not in _COUNTS and name.endswith("TokenCount") and as_amount(n) for name, n in reported.items()
    ):
        return f"it has tokens of a kind whose {PRICE_UNKNOWN}"
    for name, plain, whole in _DETAILS:
        if reported.get(name) and not isinstance(reported[name], list):
            return "the parts of its counts cannot be read"
        kinds = list(map(as_mapping, as_list(reported.get(name))))
        counts = [kind.get("tokenCount") or 0 for kind in kinds]
        if None in map(whole_number, counts) or sum(map(as_count, counts)) > as_count(reported.get(whole)):
            return "what a count is made of contradicts it"
        for kind, count in zip(kinds, counts, strict=True):
            if count and as_price_word(kind.get("modality")).upper() not in plain:
                return f"it has tokens that are no text, whose {PRICE_UNKNOWN}"
    return ""


class Searches:
    """The searches of one request, from the grounding that its chunks report.

    Models up to 2.5 are billed for a grounded prompt, however often they search; later ones for each unique query.
    Each chunk may repeat the queries of the one before or add its own: both come out the same.
    """

    def __init__(self) -> None:
        self._queries = set[str]()
        self._grounded = False
        self._told = False

    def take(self, grounding: Mapping[str, Any]) -> None:
        given = grounding.get("webSearchQueries")
        queries = as_list(given)
        asked = [query for query in queries if isinstance(query, str) and query.strip()]
        self._queries.update(asked)
        self._told = self._told or bool(queries)
        self._grounded = self._grounded or bool(
            asked or grounding.get("groundingChunks") or (given and not queries)
        )

    def wrong(self, model: str) -> str:
        """Why their number is not known: pages were found, and nothing is said of what was asked for them."""
        untold = self._grounded and not self._told and not _by_prompt(model)
        return "how often it searched was not told" if untold else ""

    def billable(self, model: str) -> int:
        """How many searches the vendor bills when that model answered."""
        return int(self._grounded) if _by_prompt(model) else len(self._queries)


def _by_prompt(model: str) -> bool:
    return _BILLED_BY_PROMPT.match(model.removeprefix("models/")) is not None
