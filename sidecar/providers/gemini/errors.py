"""What Google means by an error (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.kernel.error_fields import fields_of, speaks_of_key
from sidecar.providers.kernel.json_values import as_list, as_mapping
from sidecar.providers.kernel.vendor import VendorError, built_in
from sidecar.providers.kernel.whole_waits import whole_wait

_BAD_KEY = re.compile(r"api[ _]key (not valid|is invalid|expired|not found|was reported)", re.I)
_TOO_LONG = re.compile(
    r"input token count|exceeds the maximum number of (input )?tokens|maximum context|context (length|window)",
    re.I,
)
_DEPLETED = re.compile(r"credits? (is|are|has been|have been) (depleted|used up|exhausted)", re.I)
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_SAID_DELAY = re.compile(r"retry in (\d+(?:\.\d+)?)\s*(ms|s)\b", re.I)

# The errors of a running stream have a status word even where the number is missing.
_STATUS_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def classify(status: int | None, value: Any) -> VendorError:
    """Return what an error means: `{error: {code, message, status, details}}`, a list that holds one, or words."""
    if isinstance(value, list):
        value = value[0] if value else {}
    error = as_mapping(value).get("error")
    inside = as_mapping(error)
    details = [as_mapping(detail) for detail in as_list(inside.get("details"))]
    message = fields_of(error if isinstance(error, Mapping) else value).message
    word, code = str(inside.get("status") or ""), inside.get("code")
    reasons = [str(detail["reason"]) for detail in details if detail.get("reason")]
    number = code if isinstance(code, int) and not isinstance(code, bool) else None
    standing = status if status is not None else number or _STATUS_OF.get(word) or 500
    kind = _kind(standing, message, reasons)
    return VendorError(
        kind,
        standing,
        said=message,
        codes=" ".join((word, *reasons)).strip(),
        spent="quota" if kind == "rate_limited" and _is_spent(standing, message, details) else None,
        hint_ms=_hint_ms(details, message),
        missing=standing == 404,
        advice="Try again, or shorten the request.",
    )


def refuses_form(failure: Failure) -> bool:
    """Whether the request itself was not taken, rather than the key, the region or the length of it."""
    precondition = (failure.detail or "").startswith("FAILED_PRECONDITION")
    return failure.kind == "provider_rejected" and failure.status == 400 and not precondition


def _kind(status: int, message: str, reasons: list[str]) -> str:
    """The contract's kind. The words win where the status is vague: a wrong key is a 400 here."""
    if any(reason.startswith("API_KEY_") for reason in reasons) or _BAD_KEY.search(message):
        return "invalid_api_key"
    if status == 401 or (status == 403 and speaks_of_key(message)):
        return "invalid_api_key"
    if status in (402, 429):
        return "rate_limited"
    if status in (400, 413) and _TOO_LONG.search(message):
        return "context_length_exceeded"
    if status in (408, 504):
        return "timeout"
    # 499 is a request that was cancelled on its way; the person did not cancel it.
    return "provider_unavailable" if status >= 499 else "provider_rejected"


def _is_spent(status: int, message: str, details: list[Mapping[str, Any]]) -> bool:
    """Whether it is the credit, or a quota that does not come back within minutes."""
    quotas = [
        str(as_mapping(violation).get("quotaId", ""))
        for detail in details
        for violation in as_list(detail.get("violations"))
    ]
    return (
        status == 402 or any("perday" in quota.lower() for quota in quotas) or bool(_DEPLETED.search(message))
    )


def _hint_ms(details: list[Mapping[str, Any]], message: str) -> int | None:
    """`retryDelay` as "12s", "1.5s" or {seconds, nanos}; else what the message says in words."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, Mapping):
            return whole_wait(_number(delay.get("seconds")) * 1000 + _number(delay.get("nanos")) / 1e6)
        found = _DELAY.fullmatch(delay.strip()) if isinstance(delay, str) else None
        if found:
            return whole_wait(float(found[1]) * 1000)
    said = _SAID_DELAY.search(message)
    return whole_wait(float(said[1]) * (1 if said[2].lower() == "ms" else 1000)) if said else None


def _number(value: Any) -> float:
    """64-bit integers are texts in Google's JSON."""
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


GEMINI = built_in("gemini", classify)
