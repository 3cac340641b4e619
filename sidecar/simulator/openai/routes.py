"""OpenAI as a vendor: its paths, its keys, its refusals and its list of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService
from sidecar.simulator.billing import BillLook
from sidecar.simulator.bodies import model_at, retry_after
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.models import SimModel
from sidecar.simulator.openai import costs, rules, usage_report
from sidecar.simulator.openai.batches import OpenAIBatches
from sidecar.simulator.openai.wire import chat, responses
from sidecar.simulator.openai_family.errors import error_body, required_key
from sidecar.simulator.openai_family.routes import CHAT_PATH, RESPONSES_PATH, model_list, model_rows
from sidecar.simulator.vendor import BatchRoutes, Surface

_SURFACES: dict[str, Surface] = {CHAT_PATH: chat, RESPONSES_PATH: responses}


@dataclass(frozen=True, slots=True)
class OpenAIVendor:
    """A `SimulatedVendor` with two surfaces. `prefix` is empty, because the vendor's own base URL ends in `/v1`."""

    provider: str = "openai"
    prefix: str = ""

    def check_key(self, headers: Mapping[str, str]) -> None:
        key = required_key(headers, "You didn't provide an API key. Send it in an Authorization header.")
        if key.startswith("sk-invalid"):
            raise Refused(Refusal(401, f"Incorrect API key provided: {key}.", code="invalid_api_key"))

    def surface(self, path: str) -> Surface | None:
        return _SURFACES.get(path)

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        if model is None:
            raise Refused(
                Refusal(
                    404,
                    f"The model `{parsed.model}` does not exist or you do not have access to it.",
                    code="model_not_found",
                    param="model",
                )
            )
        rules.check(body, parsed, model, effort_param=surface.EFFORT_PARAM)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = model_rows(ids, owner="simulated")
        if path == "/v1/models":
            return model_list(rows)
        return model_at(path, rows)

    def bill(self, look: BillLook) -> bytes | None:
        answer = costs.answer(look)
        return answer or usage_report.answer(look)

    def batch_routes(self, service: BatchService) -> BatchRoutes:
        return OpenAIBatches(service)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        return retry_after(refusal), orjson.dumps(error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        return {
            "x-request-id": request_id,
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
        }


def make() -> OpenAIVendor:
    """For the simulator."""
    return OpenAIVendor()
