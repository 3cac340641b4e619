"""What xAI's refusals mean: two strings of its own, told in OpenAI's codes (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.kernel.errors import Words

# Its codes are sentences that say less than its words; the first line that fits the words decides.
_MEANINGS = (
    (r"(incorrect|invalid|disabled|blocked) api key|api key is (disabled|blocked)", "invalid_api_key"),
    (r"used all .{0,20}credits|run out of credits|have any credits|spending limit", "insufficient_quota"),
    (r"usage guidelines|safety[_ ]check", "content_policy_violation"),
    (r"maximum (prompt|context) length", "context_length_exceeded"),
    (r"\bmodel\b.{0,80}\bdoes not exist|model not found", "model_not_found"),
)


def grok_words(words: Words) -> Words:
    """The words with OpenAI's code for what they mean; the vendor's own code moves to the type."""
    for meaning, code in _MEANINGS:
        if re.search(meaning, words.message, re.IGNORECASE):
            return replace(words, type=words.type or words.code, code=code)
    return words


def key_problem(description: Any) -> str | None:
    """Why a key that exists cannot be used, from the vendor's description of it; None when it can."""
    told: Mapping[str, Any] = description if isinstance(description, Mapping) else {}
    if told.get("api_key_disabled") or told.get("disabled"):
        return "This xAI Grok key is switched off. Switch it on in xAI's console, or use another."
    if told.get("api_key_blocked"):
        return "xAI has blocked this key. Make a new one in xAI's console."
    if told.get("team_blocked"):
        return "xAI has blocked the team of this key. Look at its billing in xAI's console."
    return None
