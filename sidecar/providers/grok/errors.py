"""What xAI's refusals mean: two strings of its own, told in OpenAI's codes (pure)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sidecar.providers.kernel.error_fields import ErrorFields, fields_of
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.vendor import VendorError, built_in
from sidecar.providers.openai_family.errors import classify_fields, named_fields

# Its codes are sentences that say less than its words; the first line that fits the words decides.
_MEANINGS = (
    (r"(incorrect|invalid|disabled|blocked) api key|api key is (disabled|blocked)", "invalid_api_key"),
    (r"used all .{0,20}credits|run out of credits|have any credits|spending limit", "insufficient_quota"),
    (r"usage guidelines|safety[_ ]check", "content_policy_violation"),
    (r"maximum (prompt|context) length", "context_length_exceeded"),
    (r"\bmodel\b.{0,80}\bdoes not exist|model not found", "model_not_found"),
)


def classify(status: int | None, value: Any) -> VendorError:
    """Return what an error means, in OpenAI's codes; the vendor's own code moves to the type."""
    return classify_fields(status, _translated(fields_of(value)), named_fields(value))


def describes_key(value: Any) -> bool:
    """Whether it is the vendor's description of a key, and not what something else answers at its address."""
    return any(
        name.startswith(("api_key_", "team_")) or name in ("redacted_api_key", "acls")
        for name in as_mapping(value)
    )


def key_problem(description: Any) -> str | None:
    """Why a key that exists cannot be used, from the vendor's description of it; None when it can."""
    told = as_mapping(description)
    if told.get("api_key_disabled") or told.get("disabled"):
        return "This xAI Grok key is switched off. Switch it on in xAI's console, or use another."
    if told.get("api_key_blocked"):
        return "xAI has blocked this key. Make a new one in xAI's console."
    if told.get("team_blocked"):
        return "xAI has blocked the team of this key. Look at its billing in xAI's console."
    return None


def _translated(fields: ErrorFields) -> ErrorFields:
    for meaning, code in _MEANINGS:
        if re.search(meaning, fields.message, re.IGNORECASE):
            return replace(fields, type=fields.type or fields.code, code=code)
    return fields


GROK = built_in("grok", classify)
