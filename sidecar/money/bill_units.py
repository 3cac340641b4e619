"""What a line of a bill counts, in one word for all vendors (pure)."""

from __future__ import annotations

INPUT, CACHED, WRITTEN, OUTPUT, SEARCH, WHOLE = (
    "input",
    "cached input",
    "cache write",
    "output",
    "search",
    "all",
)
_OURS = {
    "in_uncached": INPUT,
    "search_block": INPUT,
    "cache_read": CACHED,
    "cache_write_short": WRITTEN,
    "cache_write_long": WRITTEN,
    "out_visible": OUTPUT,
    "out_reasoning": OUTPUT,
    "searches": SEARCH,
    "free_searches": SEARCH,
}
BATCH, STANDARD = "batch", "standard"
_STANDARD = frozenset({"", "default", "auto", "standard_only", STANDARD})


def our_unit(part: str) -> str:
    """Return the word for a part of a cost; a charge that the vendor named is of everything."""
    return _OURS.get(part, WHOLE)


def their_unit(*told: str) -> str:
    """Return the word for what a vendor calls it, in the first of these texts that says it."""
    return next((unit for text in told if (unit := _read(text.lower()))), WHOLE)


def _read(text: str) -> str:
    if "search" in text or "grounding" in text:
        return SEARCH
    if "cach" in text.replace("uncached", ""):
        written = any(word in text for word in ("write", "creation", "storage"))
        return WRITTEN if written else CACHED
    if any(word in text for word in ("output", "completion", "reasoning", "thinking", "response")):
        return OUTPUT
    return INPUT if "input" in text or "prompt" in text else ""


def tier_of(word: str) -> str:
    """Return the service tier that a vendor's word means; `standard` also where it says none (pure)."""
    return STANDARD if word.lower() in _STANDARD else word.lower()
