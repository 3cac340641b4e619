"""Refusals in every shape that compatible servers have (pure)."""

from __future__ import annotations

from typing import Any

import orjson

from sidecar.simulator.compatible.quirks import QuirkRefusal
from sidecar.simulator.exchange import Refusal
from sidecar.simulator.openai_family import errors


def error_body(refusal: Refusal) -> tuple[str, bytes]:
    """Return (content type, body) in the shape that the refusal carries, else in OpenAI's."""
    shape = refusal.shape if isinstance(refusal, QuirkRefusal) else "object"
    if shape == "html":
        page = f"<html><head><title>{refusal.status}</title></head><body>{refusal.message}</body></html>"
        return "text/html", page.encode()
    return "application/json", orjson.dumps(_error(refusal, shape))


def _error(refusal: Refusal, shape: str) -> Any:
    message = refusal.message
    if shape == "located":
        place = ["body", *([refusal.param] if refusal.param else [])]
        return {
            "detail": [{"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted"}]
        }
    shapes: dict[str, Any] = {
        "text": message,
        "string": {"error": message},
        "detail": {"detail": message},
        "message": {"object": "error", "message": message, "code": refusal.status},
    }
    return shapes.get(shape) or errors.error_body(refusal)
