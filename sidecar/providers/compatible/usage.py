"""Usage and refusals in the shapes that compatible servers give them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.providers.base import Usage
from sidecar.providers.openai_family.usage import chat_usage, count, mapping


def compatible_usage(usage: Mapping[str, Any], service_tier: Any = None) -> Usage | None:
    """The usage, None when it counts nothing at all: no prompt is empty, so nothing was counted."""
    whole = dict(usage)
    details = mapping(usage.get("prompt_tokens_details"))
    hits = count(usage.get("prompt_cache_hit_tokens"))
    if hits and not details.get("cached_tokens"):
        whole["prompt_tokens_details"] = {**details, "cached_tokens": hits}
    parts = chat_usage(whole, service_tier)
    return parts if parts.prompt_total or parts.out_total else None


def named_fields(body: bytes) -> str:
    """The fields that a validating server points at: `{"detail": [{"loc": ["body", "field"], …}]}`."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return ""
    listed = mapping(value).get("detail")
    places = [mapping(problem).get("loc") for problem in (listed if isinstance(listed, list) else ())]
    return " ".join(".".join(map(str, place)) for place in places if isinstance(place, list))
