"""A server of a person's own as a vendor: any model, no key needed, refusals in every shape that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.compatible import wire
from sidecar.simulator.compatible.quirks import QuirkRefusal
from sidecar.simulator.exchange import Ask, Refusal, Refused
from sidecar.simulator.models import ANY_MODEL, SimModel
from sidecar.simulator.openai import chat
from sidecar.simulator.openai.routes import Surface


@dataclass(frozen=True, slots=True)
class CompatibleVendor:
    """A `Vendor`. Its base URL on the simulator is `/compatible`, with `/v1` or without."""

    provider: str = ANY_MODEL
    prefix: str = "/compatible"

    def check_key(self, headers: Mapping[str, str]) -> None:
        key = headers.get("authorization", "").partition(" ")[2]
        if key.startswith("sk-invalid"):
            raise Refused(Refusal(401, "Invalid authentication", code="invalid_authentication"))

    def surface(self, path: str) -> Surface | None:
        return wire if path == "/v1/chat/completions" else None

    def check(self, surface: Surface, body: Mapping[str, Any], ask: Ask, model: SimModel | None) -> None:
        odd = wire.oddities(ask)
        if model is None:
            raise Refused(QuirkRefusal(404, f"model '{ask.model}' not found", shape=odd.error))
        if odd.refuse:
            raise Refused(QuirkRefusal(odd.refuse, "The server was told to refuse.", shape=odd.error))
        for field in sorted(odd.dislikes & body.keys()):
            message = f"Extra inputs are not permitted: {field}"
            raise Refused(QuirkRefusal(400, message, param=field, shape=odd.error))
        if odd.json == "object" and chat.mapping(body.get("response_format")).get("type") == "json_schema":
            message = "'response_format.type' must be 'json_object' or 'text'"
            raise Refused(QuirkRefusal(400, message, param="response_format", shape=odd.error))

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = [{"id": id_, "object": "model", "created": 0, "owned_by": "library"} for id_ in ids]
        return orjson.dumps({"object": "list", "data": rows}) if path == "/v1/models" else None

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}
        if refusal.retry_after_s is not None:
            headers["retry-after"] = f"{refusal.retry_after_s:g}"
        shape = refusal.shape if isinstance(refusal, QuirkRefusal) else "object"
        if shape == "html":
            page = f"<html><head><title>{refusal.status}</title></head><body>{refusal.message}</body></html>"
            return {**headers, "content-type": "text/html"}, page.encode()
        return headers, orjson.dumps(_error(refusal, shape))

    def headers(self, request_id: str) -> dict[str, str]:
        return {"server": "simulated"}


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
    return shapes.get(shape) or chat.error_body(refusal)
