"""xAI as a vendor: its paths, its keys, its refusals in two strings, its lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService
from sidecar.simulator.bodies import model_at, retry_after
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.grok import rules
from sidecar.simulator.grok.batches import GrokBatches
from sidecar.simulator.grok.errors import error_body, no_such_model
from sidecar.simulator.grok.tokens import tokenized
from sidecar.simulator.grok.wire import chat, responses
from sidecar.simulator.models import SimModel
from sidecar.simulator.openai_family.errors import required_key
from sidecar.simulator.openai_family.routes import CHAT_PATH, RESPONSES_PATH, model_list, model_rows
from sidecar.simulator.vendor import BatchRoutes, Surface

_SURFACES: dict[str, Surface] = {CHAT_PATH: chat, RESPONSES_PATH: responses}


@dataclass(frozen=True, slots=True)
class GrokVendor:
    """A `SimulatedVendor` with two surfaces. Its base URL on the simulator ends in `/xai/v1`."""

    provider: str = "grok"
    prefix: str = "/xai"

    def check_key(self, headers: Mapping[str, str]) -> None:
        key = required_key(headers, "No API key was given. Send it in an Authorization header.")
        if key.startswith(("sk-invalid", "xai-invalid")):
            # A wrong key is a bad request to this vendor.
            shown = f"{key[:2]}***{key[-2:]}"
            raise Refused(Refusal(400, f"Incorrect API key provided: {shown}."))

    def surface(self, path: str) -> Surface | None:
        return _SURFACES.get(path)

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        if model is None:
            raise Refused(no_such_model(parsed.model))
        rules.check(body, parsed, model, on_chat=surface is chat)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = model_rows(ids, owner="xai")
        if path == "/v1/models":
            return model_list(rows)
        if path == "/v1/language-models":
            return orjson.dumps({"models": [{**row, "aliases": [], "version": "simulated"} for row in rows]})
        if path == "/v1/api-key":
            return orjson.dumps(_API_KEY)
        return model_at(path, rows)

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        return tokenized(body) if path == "/v1/tokenize-text" else None

    def batch_routes(self, service: BatchService) -> BatchRoutes:
        return GrokBatches(service)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        return retry_after(refusal), orjson.dumps(error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": request_id}


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


def make() -> GrokVendor:
    """For the simulator."""
    return GrokVendor()
