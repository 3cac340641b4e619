"""Google's refusals as it writes them (pure)."""

from __future__ import annotations

from typing import Any

from sidecar.simulator.exchange import Refusal, Refused

BAD_KEY = "API_KEY_INVALID"
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SERVICE = "generativelanguage.googleapis.com"
_TYPE = "type.googleapis.com/google.rpc."


def invalid(message: str) -> Refused:
    """Return what is raised for a request that is wrong."""
    return Refused(Refusal(400, message))


def error_body(refusal: Refusal) -> dict[str, Any]:
    """Return `{error: {code, message, status, details}}`; the hint to wait is one of the details."""
    error: dict[str, Any] = {
        "code": refusal.status,
        "message": refusal.message,
        "status": _STATUS.get(refusal.status, "UNKNOWN"),
    }
    details = _details(refusal)
    return {"error": {**error, "details": details} if details else error}


def _details(refusal: Refusal) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if refusal.code == BAD_KEY:
        info = {"reason": BAD_KEY, "domain": "googleapis.com", "metadata": {"service": _SERVICE}}
        details.append({"@type": f"{_TYPE}ErrorInfo", **info})
    if refusal.status == 429:
        per = "PerDay" if refusal.type == "insufficient_quota" else "PerMinute"
        violation = {
            "quotaMetric": f"{_SERVICE}/generate_content_requests",
            "quotaId": f"GenerateRequests{per}PerProjectPerModel",
        }
        details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [violation]})
    if refusal.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{refusal.retry_after_s:g}s"})
    return details
