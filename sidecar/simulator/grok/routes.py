"""xAI as a vendor: its paths, its keys, its refusals in two strings, its lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from sidecar.simulator.exchange import Ask, Refusal, Refused
from sidecar.simulator.grok import chat, responses, rules
from sidecar.simulator.grok.tokens import tokenized
from sidecar.simulator.models import SimModel
from sidecar.simulator.openai.routes import Surface

if TYPE_CHECKING:
    from sidecar.simulator.batch_service import BatchRoutes, BatchService

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


@dataclass(frozen=True, slots=True)
class GrokVendor:
    """A `Vendor`. Its base URL on the simulator ends in `/xai/v1`."""

    provider: str = "grok"
    prefix: str = "/xai"

    def check_key(self, headers: Mapping[str, str]) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refused(Refusal(401, "No API key was given. Send it in an Authorization header."))
        if key.startswith(("sk-invalid", "xai-invalid")):
            # A wrong key is a bad request to this vendor.
            shown = f"{key[:2]}***{key[-2:]}"
            raise Refused(Refusal(400, f"Incorrect API key provided: {shown}."))

    def surface(self, path: str) -> Surface | None:
        surfaces: dict[str, Surface] = {
            "/v1/chat/completions": chat,
            "/v1/responses": responses,
        }
        return surfaces.get(path)

    def check(self, surface: Surface, body: Mapping[str, Any], ask: Ask, model: SimModel | None) -> None:
        if model is None:
            raise Refused(
                Refusal(404, f"The model {ask.model} does not exist or your team does not have access to it.")
            )
        rules.check(body, ask, model, on_chat=surface is chat)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = [{"id": id_, "object": "model", "created": 0, "owned_by": "xai"} for id_ in ids]
        if path == "/v1/models":
            return orjson.dumps({"object": "list", "data": rows})
        if path == "/v1/language-models":
            return orjson.dumps({"models": [{**row, "aliases": [], "version": "simulated"} for row in rows]})
        if path == "/v1/api-key":
            return orjson.dumps(_API_KEY)
        name = path.removeprefix("/v1/models/")
        found = next((row for row in rows if row["id"] == name), None)
        return orjson.dumps(found) if path.startswith("/v1/models/") and found else None

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        return tokenized(body) if path == "/v1/tokenize-text" else None

    def batch_desk(self, office: BatchService) -> BatchRoutes:
        from sidecar.simulator.grok.batches import GrokBatches

        return GrokBatches(office)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}
        if refusal.retry_after_s is not None:
            headers["retry-after"] = f"{refusal.retry_after_s:g}"
        return headers, orjson.dumps(error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": request_id}


def error_body(refusal: Refusal) -> dict[str, str]:
    spent = refusal.code == "insufficient_quota"
    code = _CODES.get(refusal.status, "Internal error")
    return {"code": code, "error": _SPENT if spent else refusal.message}


_API_KEY = {
    "redacted_api_key": "xai-...simu",
    "user_id": "00000000-0000-4000-8000-000000000001",
    "name": "simulated",
    "create_time": "2026-01-02T03:04:05Z",
    "modify_time": "2026-01-02T03:04:05Z",
    "modified_by": "00000000-0000-4000-8000-000000000001",
    "team_id": "00000000-0000-4000-8000-000000000002",
    "acls": ["api-key:model:*", "api-key:endpoint:*"],
    "api_key_id": "00000000-0000-4000-8000-000000000003",
    "api_key_blocked": False,
    "api_key_disabled": False,
    "team_blocked": False,
}
