"""Google's Gemini API as a vendor: its paths, its keys, its refusals and its list of models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.gemini import rules
from sidecar.simulator.gemini.batches import GeminiBatches
from sidecar.simulator.gemini.errors import BAD_KEY, error_body
from sidecar.simulator.gemini.request import count_answer
from sidecar.simulator.gemini.wire import GeminiContent
from sidecar.simulator.models import SimModel
from sidecar.simulator.vendor import BatchRoutes, Surface

PART_TOKENS = 65_536
UPLOAD_OFFSET = "x-goog-upload-offset"

_METHOD = re.compile(r"/v1(?:beta|alpha)?/models/([^/:]+):(\w+)")
_MODELS = re.compile(r"/v1(?:beta|alpha)?/models(?:/([^/:]+))?")


@dataclass(frozen=True, slots=True)
class GeminiVendor:
    """A `SimulatedVendor`. A Gemini 4 model answers in parts of `part_tokens`, whole answers come in halves.

    `json_with_tools` is whether models from 3 on take a form for the answer beside a tool; `bare_errors` writes
    an error in the middle of a stream without making an event of it. `partial_results` is whether a batch that was
    stopped early hands out what it had done.
    """

    provider: str = "gemini"
    prefix: str = "/gemini"
    part_tokens: int = PART_TOKENS
    json_with_tools: bool = True
    bare_errors: bool = False
    partial_results: bool = True

    def check_key(self, headers: Mapping[str, str]) -> None:
        if UPLOAD_OFFSET in headers:
            # The address of a begun upload speaks for itself; the official client sends no key there.
            return
        key = headers.get("x-goog-api-key", "").strip()
        if not key:
            raise Refused(Refusal(403, "Method doesn't allow unregistered callers. Please use an API key."))
        if key.startswith("sk-invalid"):
            raise Refused(Refusal(400, "API key not valid. Please pass a valid API key.", code=BAD_KEY))

    def surface(self, path: str) -> Surface | None:
        found = _METHOD.fullmatch(path)
        if found is None:
            return None
        model, method = found.groups()
        if method == "generateContent":
            return GeminiContent(model, stream=False, part_tokens=self.part_tokens // 2)
        if method == "streamGenerateContent":
            return GeminiContent(
                model, stream=True, part_tokens=self.part_tokens, bare_errors=self.bare_errors
            )
        return None

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        if model is None:
            raise Refused(
                Refusal(
                    404,
                    f"models/{parsed.model} is not found for API version v1beta, or is not supported for "
                    "generateContent. Call ListModels to see the list of available models.",
                )
            )
        rules.check(body, parsed, model, json_with_tools=self.json_with_tools)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        found = _MODELS.fullmatch(path)
        if found is None:
            return None
        rows = [_model(id_) for id_ in ids]
        if found[1] is None:
            return orjson.dumps({"models": rows})
        one = next((row for row in rows if row["name"] == f"models/{found[1]}"), None)
        return orjson.dumps(one) if one else None

    def batch_routes(self, service: BatchService) -> BatchRoutes:
        return GeminiBatches(service, partial_results=self.partial_results)

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        found = _METHOD.fullmatch(path)
        return count_answer(body) if found and found[2] == "countTokens" else None

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        return {}, orjson.dumps(error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        """The vendor names no request in its headers."""
        return {"vary": "Origin", "server-timing": "gfet4t7; dur=1"}


def _model(id_: str) -> dict[str, Any]:
    return {
        "name": f"models/{id_}",
        "version": "simulated",
        "displayName": id_,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": PART_TOKENS,
        "supportedGenerationMethods": ["generateContent", "countTokens", "batchGenerateContent"],
        "thinking": True,
    }


def make() -> GeminiVendor:
    """For the simulator."""
    return GeminiVendor()
