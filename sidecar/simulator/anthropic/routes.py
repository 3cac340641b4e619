"""Anthropic as a vendor: its paths, its keys, its refusals and its list of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.anthropic import organization, request, rules, usage, wire
from sidecar.simulator.anthropic.batches import AnthropicBatches
from sidecar.simulator.anthropic.errors import error_body
from sidecar.simulator.anthropic.request import AnthropicRequest
from sidecar.simulator.batch_service import BatchService
from sidecar.simulator.billing import BillLook
from sidecar.simulator.bodies import model_at, retry_after
from sidecar.simulator.counting import count_prompt
from sidecar.simulator.exchange import Completion, ParsedRequest, Refusal, Refused
from sidecar.simulator.models import SimModel
from sidecar.simulator.vendor import BatchRoutes, Surface

VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
COUNT_PATH = "/v1/messages/count_tokens"


@dataclass(frozen=True, slots=True)
class AnthropicVendor:
    """A `SimulatedVendor`."""

    provider: str = "anthropic"
    prefix: str = "/anthropic"

    def check_key(self, headers: Mapping[str, str]) -> None:
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = headers.get("x-api-key", "").strip() or bearer
        if not key:
            raise Refused(Refusal(401, "x-api-key header is required"))
        if key.startswith("sk-invalid"):
            raise Refused(Refusal(401, "invalid x-api-key"))
        if headers.get("anthropic-version") not in VERSIONS:
            raise Refused(Refusal(400, "anthropic-version: header is required and must be a valid version"))

    def surface(self, path: str) -> Surface | None:
        return wire if path == "/v1/messages" else None

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        if model is None:
            raise Refused(Refusal(404, f"model: {parsed.model}"))
        assert isinstance(parsed, AnthropicRequest), "its own surfaces read every body"
        rules.check(body, parsed, model)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = [_row(id_) for id_ in ids]
        if path == "/v1/models":
            ends = {"first_id": ids[0], "last_id": ids[-1]} if ids else {"first_id": None, "last_id": None}
            return orjson.dumps({"data": rows, "has_more": False, **ends})
        return model_at(path, rows)

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        """The body is that of a message, without what only an answer needs."""
        if path != COUNT_PATH:
            return None
        asked = request.parse(body)
        for member in ("max_tokens", "stream"):
            if member in asked:
                raise Refused(Refusal(400, f"{member}: Extra inputs are not permitted"))
        parsed = request.read_request({**asked, "max_tokens": 1})
        return orjson.dumps({"input_tokens": count_prompt(parsed.messages)})

    def counted(self, parsed: ParsedRequest, completion: Completion) -> Completion:
        """The answer as this vendor counts it."""
        assert isinstance(parsed, AnthropicRequest), "its own surface reads every body"
        return usage.counted(parsed, completion)

    def bill(self, look: BillLook) -> bytes | None:
        return organization.answer(look)

    def batch_routes(self, service: BatchService) -> BatchRoutes:
        return AnthropicBatches(service)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        return retry_after(refusal), orjson.dumps(error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        return {
            "request-id": request_id,
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        }


def _row(id_: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": id_,
        "display_name": id_,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": None,
        "max_tokens": None,
    }


def make() -> AnthropicVendor:
    """For the simulator."""
    return AnthropicVendor()
