"""xAI's refusals as it writes them: two strings (pure)."""

from __future__ import annotations

from sidecar.simulator.exchange import Refusal

_CODES = {
    400: "Client specified an invalid argument",
    401: "Unauthenticated",
    403: "The caller does not have permission to execute the specified operation",
    404: "Some requested entity was not found",
    412: "The system is not in a state required for the operation's execution",
    429: "Some resource has been exhausted",
    503: "The service is currently unavailable",
}
_SPENT = "Your team has used all available credits or reached its monthly spending limit."


def error_body(refusal: Refusal) -> dict[str, str]:
    """Return `{code, error}`; both are sentences for people."""
    spent = refusal.code == "insufficient_quota"
    code = _CODES.get(refusal.status, "Internal error")
    return {"code": code, "error": _SPENT if spent else refusal.message}


def no_such_model(name: str) -> Refusal:
    """Return the refusal of a model that is not there, or not for this team."""
    return Refusal(404, f"The model {name} does not exist or your team does not have access to it.")
