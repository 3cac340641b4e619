"""Anthropic's refusals as it writes them (pure)."""

from __future__ import annotations

from typing import Any

from sidecar.simulator.exchange import Refusal, Refused

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def refused(message: str) -> Refused:
    """Return what is raised for a request that is wrong."""
    return Refused(Refusal(400, message))


def error_body(refusal: Refusal) -> dict[str, Any]:
    """Return `{type, error, request_id}`. Errors are told apart by type; a few have a code in their details."""
    kind = _TYPES.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": refusal.message}
    if refusal.code == "insufficient_quota":
        error["details"] = {"error_code": "enforced_spend_limit_reached"}
    return {"type": "error", "error": error, "request_id": None}
