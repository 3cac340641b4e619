"""What the servers that speak OpenAI's protocol mean by an error (pure)."""

from __future__ import annotations

import re
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.kernel.error_fields import ErrorFields, fields_of, speaks_of_key
from sidecar.providers.kernel.json_values import as_list, as_mapping, told_count
from sidecar.providers.kernel.vendor import VendorError
from sidecar.providers.openai_family.error_words import (
    BLOCKED,
    CREDIT_GONE,
    CREDIT_USED_UP,
    NO_SUCH_MODEL,
    TOO_LONG,
    speaks_of,
    status_of_words,
)

SPENT = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
        "exceeded_current_quota_error",
    }
)
_BAD_KEY = frozenset({"invalid_api_key", "invalid_authentication", "account_deactivated"})
_BLOCKED = frozenset(
    {"content_filter", "content_policy_violation", "bio_policy", "misalignment_policy_violation"}
)
_POLICY = re.compile(r"usage polic|content polic|content management polic", re.I)
# Gateways and templates tell a request that they do not take as if the server had failed.
_REFUSALS = frozenset({"invalid_request_error", "BadRequestError", "UnsupportedParamsError"})
_FORM = re.compile(
    r"BadRequestError|UnsupportedParamsError|TemplateError|\broles must alternate|\bonly user and assistant roles"
    r"|\b(?:unsupported|unknown|unrecogni[sz]ed) (?:parameter|value|field|argument|role)"
    r"|\bnot supported\b|\bdoes(?:n't| not) support\b|\brequires more (?:system )?memory",
    re.I,
)

_TOO_LARGE = re.compile(r"\brequest (is )?too large\b", re.I)
# What passes by itself, in words that may speak of billing too.
_PASSES = re.compile(r"rate.?limit|try again in|\bper[ _-](second|minute|min|hour|day)|\b[RT]P[MDS]\b", re.I)

# The errors of a running stream carry no status; each code stands for the one it would have had.
_STATUS_OF = {
    "server_error": 500,
    "internal_error": 500,
    "overloaded_error": 529,
    "server_overloaded": 503,
    "service_unavailable": 503,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "tokens": 429,
    "requests": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "invalid_request_error": 400,
    "timeout": 408,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
}


def classify(status: int | None, value: Any) -> VendorError:
    """Return what an error means, told by its code where it has no status."""
    return classify_fields(status, fields_of(value), named_fields(value))


def why_not_taken(refused: Failure | None) -> str | None:
    """Return why a server does not take a key, from how it refused it; None where the key works for questions."""
    # A key restricted to some calls is refused at the free address, and yet it works for chats.
    if refused is None or (refused.status in (401, 403) and "scope" in (refused.detail or "").lower()):
        return None
    return refused.message


def classify_fields(status: int | None, fields: ErrorFields, places: str = "") -> VendorError:
    """Return what an error of these fields means: for vendors whose own codes are put into OpenAI's first.

    Its codes begin with the `places` in the request that a validating server points at.
    """
    standing = status if status is not None else _standing(fields)
    if standing in (500, 501) and (
        fields.type in _REFUSALS or _FORM.search(fields.message) or speaks_of(TOO_LONG, fields.message)
    ):
        standing = 400
    if standing == 429 and _TOO_LARGE.search(fields.message):
        # More than the key may send in a minute: it is refused however long one waits.
        standing = 413
    kind = _kind(standing, fields)
    codes = " ".join(part for part in (fields.type, fields.code, fields.param) if part)
    return VendorError(
        kind,
        standing,
        said=fields.message,
        codes=": ".join(part for part in (places, codes) if part),
        spent="credit" if _is_spent(fields, standing) else None,
        missing=fields.code == "model_not_found"
        or (kind == "provider_rejected" and speaks_of(NO_SUCH_MODEL, fields.message)),
    )


def named_fields(value: Any) -> str:
    """Return the places of `{"detail": [{"loc": ["body", "field"], …}]}`."""
    places = [as_mapping(problem).get("loc") for problem in as_list(as_mapping(value).get("detail"))]
    return " ".join(".".join(map(str, place)) for place in places if isinstance(place, list))


def _kind(status: int, fields: ErrorFields) -> str:
    """The contract's kind for this status and these fields. The words win where the status is vague."""
    if _is_spent(fields, status) or status == 429:
        return "rate_limited"
    if fields.code in _BAD_KEY or status == 401 or "incorrect api key" in fields.message.lower():
        return "invalid_api_key"
    if "context_length_exceeded" in (fields.code, fields.type) or fields.type == "exceed_context_size_error":
        return "context_length_exceeded"
    if fields.code in _BLOCKED or (fields.code == "invalid_prompt" and _POLICY.search(fields.message)):
        return "content_filtered"
    if status == 403 and speaks_of(BLOCKED, fields.message):
        return "content_filtered"
    if status == 403:
        return "invalid_api_key" if speaks_of_key(fields.message) else "provider_rejected"
    if status >= 500:
        return "provider_unavailable"
    if status == 408:
        return "timeout"
    if status in (400, 413, 422) and speaks_of(TOO_LONG, fields.message):
        return "context_length_exceeded"
    return "provider_rejected"


def _standing(fields: ErrorFields) -> int:
    told = _STATUS_OF.get(fields.code) or _STATUS_OF.get(fields.type) or _status_in(fields.code)
    if told:
        return told
    return status_of_words(" ".join(filter(None, (fields.type, fields.code, fields.message))))


def _status_in(code: str) -> int | None:
    """Some servers put the status itself where the code stands."""
    status = told_count(code)
    return status if status is not None and 400 <= status < 600 else None


def _is_spent(fields: ErrorFields, status: int) -> bool:
    if status == 402 or fields.code in SPENT or fields.type in SPENT:
        return True
    # Other servers say it in words alone, or in codes of their own.
    words = fields.message
    if status in (400, 401, 403, 412) and speaks_of(CREDIT_GONE, f"{fields.code} {words}"):
        return True
    return status == 429 and speaks_of(CREDIT_USED_UP, words) and not _PASSES.search(words)
