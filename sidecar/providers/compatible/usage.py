"""The usage in the shapes that compatible servers give them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import Usage
from sidecar.providers.kernel.json_values import as_count, as_mapping
from sidecar.providers.openai_family.usage import chat_usage


def compatible_usage(usage: Mapping[str, Any], service_tier: Any = None) -> Usage | None:
    """The usage, None when it counts nothing at all: no prompt is empty, so nothing was counted."""
    whole = dict(usage)
    details = as_mapping(usage.get("prompt_tokens_details"))
    hits = as_count(usage.get("prompt_cache_hit_tokens"))
    if hits and not details.get("cached_tokens"):
        whole["prompt_tokens_details"] = {**details, "cached_tokens": hits}
    parts = chat_usage(whole, service_tier)
    return parts if parts.prompt_total or parts.out_total else None
