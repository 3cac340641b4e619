"""The usage that Gemini reports, cut into parts that never overlap, and what its searches count as (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import FinishReason, Usage
from sidecar.providers.kernel.json_values import as_count, as_list, as_mapping, as_text
from sidecar.providers.kernel.token_counts import doubt, within

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
_DETAILS = (
    ("promptTokensDetails", _TEXT_OR_SEEN),
    ("cacheTokensDetails", _TEXT_OR_SEEN),
    ("toolUsePromptTokensDetails", _TEXT_OR_SEEN),
    ("candidatesTokensDetails", _TEXT),
)
_BILLED_BY_PROMPT = re.compile(r"gemini-[12](\.|-|$)")


def finish_reason(word: str) -> FinishReason:
    """The contract's reason; a word that is not a known end is an error: OTHER, MALFORMED_RESPONSE and their like."""
    return _FINISH.get(word, "error")


def part_usage(reported: Mapping[str, Any], searches: int = 0) -> Usage:
    """`usageMetadata`: the prompt includes what was cached; thoughts and the tools' own prompt stand beside.

    `prompt_total` is the prompt alone, which is what the vendor picks the price tier by.
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
        doubt=_doubt(reported),
        service_tier=_tier(reported),
    )


def _tier(reported: Mapping[str, Any]) -> str | None:
    """The tier, also where it is the kind of traffic that tells; the words that stand for none are none."""
    word = as_text(reported.get("serviceTier")).lower().removeprefix("service_tier_")
    traffic = as_text(reported.get("trafficType")).lower()
    word = word or traffic.removeprefix("on_demand").removeprefix("_")
    return None if not word or word.endswith("unspecified") else word


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
    for name, plain in _DETAILS:
        for each in map(as_mapping, as_list(reported.get(name))):
            if as_text(each.get("modality")).upper() not in plain and as_count(each.get("tokenCount")):
                return "it has tokens that are no text, whose price is not known here"
    return ""


class Searches:
    """The searches of one request, from the grounding that its chunks report.

    Models up to 2.5 are billed for a grounded prompt, however often they search; later ones for each unique query.
    Each chunk may repeat the queries of the one before or add its own: both come out the same.
    """

    def __init__(self) -> None:
        self._queries = set[str]()
        self._grounded = False

    def take(self, grounding: Mapping[str, Any]) -> None:
        queries = as_list(grounding.get("webSearchQueries"))
        asked = [query for query in queries if isinstance(query, str) and query.strip()]
        self._queries.update(asked)
        self._grounded = self._grounded or bool(asked or grounding.get("groundingChunks"))

    def billable(self, model: str) -> int:
        """How many searches the vendor bills when that model answered."""
        if _BILLED_BY_PROMPT.match(model.removeprefix("models/")):
            return int(self._grounded)
        return len(self._queries)
