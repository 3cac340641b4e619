"""What Anthropic means by an error (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sidecar.providers.kernel.error_fields import ErrorFields, fields_of, speaks_of_key
from sidecar.providers.kernel.json_values import as_mapping, as_text
from sidecar.providers.kernel.vendor import VendorError, built_in

# Later versions refuse every temperature.
VERSION = "2023-06-01"

_SPENT_CODE = re.compile(r"spend_limit_reached|billing_unavailable|credit_balance")
_SPENT = re.compile(r"credit balance is too low|usage limits?\b.*\bregain access|spend(ing)? limit", re.I)
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?context (limit|window)", re.I)
_BLOCKED = re.compile(r"blocked by (our )?content filter", re.I)

# The errors of a running stream carry no status; each type stands for the one it would have had.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")


def classify(status: int | None, value: Any) -> VendorError:
    """Return what an error means, told by its type where it has no status."""
    fields, code = fields_of(value), _code_of(value)
    standing = status if status is not None else _STATUS_OF.get(fields.type, 500)
    spent = _is_spent(standing, fields, code)
    return VendorError(
        kind="rate_limited" if spent else _kind(standing, fields),
        status=standing,
        said=fields.message,
        codes=" ".join(part for part in (fields.type, code) if part),
        spent="credit" if spent else None,
        missing=standing == 404,
    )


def why_declined(details: Mapping[str, Any]) -> str:
    """Return why the model said no, from the message's `stop_details`; empty where they do not say."""
    return ": ".join(filter(None, (as_text(details.get("category")), as_text(details.get("explanation")))))


def _kind(status: int, fields: ErrorFields) -> str:
    """The contract's kind for this status and these words. The words win where the status is vague."""
    if status == 429:
        return "rate_limited"
    if (
        status == 401
        or (status == 403 and speaks_of_key(fields.message))
        or fields.type == "authentication_error"
    ):
        return "invalid_api_key"
    if status == 413 or (status < 500 and _TOO_LONG.search(fields.message)):
        return "context_length_exceeded"
    if status >= 500:
        return "provider_unavailable"
    if status == 408:
        return "timeout"
    return "content_filtered" if _BLOCKED.search(fields.message) else "provider_rejected"


def _is_spent(status: int, fields: ErrorFields, code: str) -> bool:
    if status == 402 or fields.type == "billing_error" or _SPENT_CODE.search(code):
        return True
    return status in (400, 403, 429) and _SPENT.search(fields.message) is not None


def _code_of(value: Any) -> str:
    """The stable code that some errors carry beside their type, in `error.details.error_code`."""
    return as_text(as_mapping(as_mapping(as_mapping(value).get("error")).get("details")).get("error_code"))


def _until_reset_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """The wait until every limit that is used up is filled again, from the headers that tell its moment."""
    waits = []
    for limit in _LIMITS:
        if headers.get(f"anthropic-ratelimit-{limit}-remaining", "").strip() != "0":
            continue
        try:
            moment = datetime.fromisoformat(headers.get(f"anthropic-ratelimit-{limit}-reset", ""))
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        waits.append(max(0, round(moment.timestamp() * 1000) - now_ms))
    return max(waits, default=None)


ANTHROPIC = built_in("anthropic", classify, headers={"anthropic-version": VERSION}, reset_ms=_until_reset_ms)
