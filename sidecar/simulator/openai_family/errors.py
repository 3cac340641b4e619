"""Refusals and keys as OpenAI writes and takes them, and those who speak like it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.exchange import Refusal, Refused


def error_body(refusal: Refusal) -> dict[str, Any]:
    """Return `{error: {message, type, param, code}}`."""
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.type,
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def bearer_key(headers: Mapping[str, str]) -> str:
    """Return the key of the Authorization header, empty where there is none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def required_key(headers: Mapping[str, str], otherwise: str) -> str:
    """Return the key of the Authorization header. Raise Refused with the sentence `otherwise` where there is none."""
    key = bearer_key(headers)
    if not key:
        raise Refused(Refusal(401, otherwise))
    return key
