"""A short name for what a row asks, so that an earlier answer to the same question is known again (pure)."""

from __future__ import annotations

import hashlib
import json

from sidecar.providers.base import ChatRequest


def request_fingerprint(provider: str, request: ChatRequest) -> str:
    """Equal for requests that ask the same model the same in the same manner.

    Who named an option (the row or a saved setting) and how the prompt is cached change nothing about the answer.
    """
    asked = (
        provider,
        request.model,
        [(turn.role, turn.text) for turn in request.turns],
        request.system,
        request.developer,
        request.temperature,
        request.max_output_tokens,
        request.json_mode,
        request.json_schema,
        request.web_search_max_uses,
        request.thinking,
        request.effort,
    )
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=15).hexdigest()
