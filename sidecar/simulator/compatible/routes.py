"""A server of a person's own as a vendor: any model, no key needed, refusals in every shape that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.simulator.billing import BillLook
from sidecar.simulator.bodies import retry_after
from sidecar.simulator.compatible import activity, generation, rules, wire
from sidecar.simulator.compatible.errors import error_body
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.models import ANY_MODEL, SimModel
from sidecar.simulator.openai_family.errors import bearer_key
from sidecar.simulator.openai_family.routes import CHAT_PATH, model_list, model_rows
from sidecar.simulator.vendor import Surface


@dataclass(frozen=True, slots=True)
class CompatibleVendor:
    """A `SimulatedVendor`. Its base URL on the simulator is `/compatible`, with `/v1` or without."""

    provider: str = ANY_MODEL
    prefix: str = "/compatible"

    def check_key(self, headers: Mapping[str, str]) -> None:
        if bearer_key(headers).startswith("sk-invalid"):
            raise Refused(Refusal(401, "Invalid authentication", code="invalid_authentication"))

    def surface(self, path: str) -> Surface | None:
        return wire if path == CHAT_PATH else None

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        rules.check(body, parsed, model)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        return model_list(model_rows(ids, owner="library")) if path == "/v1/models" else None

    def bill(self, look: BillLook) -> bytes | None:
        return generation.answer(look) or activity.answer(look)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        kind, body = error_body(refusal)
        return {**retry_after(refusal), "content-type": kind}, body

    def headers(self, request_id: str) -> dict[str, str]:
        return {"server": "simulated"}
