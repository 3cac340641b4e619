"""OpenAI as a vendor: its paths, its keys, its refusals and its list of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import orjson

from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal, Refused
from sidecar.simulator.models import SimModel
from sidecar.simulator.openai import chat, responses, rules

if TYPE_CHECKING:
    from sidecar.simulator.batch_service import BatchRoutes, BatchService


class Surface(Protocol):
    """One API of a vendor: a module that reads its bodies and writes its answers."""

    EFFORT_PARAM: str

    def read_ask(self, body: Mapping[str, Any]) -> Ask: ...

    def whole(self, ask: Ask, made: Completion) -> bytes: ...

    def frames(self, ask: Ask, made: Completion) -> Iterator[Frame]: ...

    def error_frame(self, refusal: Refusal, number: int) -> bytes: ...

    def broken_frame(self, made: Completion) -> bytes: ...


class Vendor(Protocol):
    """How one vendor is spoken to. `prefix` is where its base URL lies on the simulator."""

    @property
    def provider(self) -> str:
        """Its name in the catalogue."""

    @property
    def prefix(self) -> str: ...

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Raises Refused for a key that is missing or wrong."""

    def surface(self, path: str) -> Surface | None:
        """The API at this path below the prefix."""

    def check(self, surface: Surface, body: Mapping[str, Any], ask: Ask, model: SimModel | None) -> None:
        """Raises Refused for what the vendor does not take."""

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        """The answer to a question about models; None when the path asks none."""

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        """Headers and body of a refusal."""

    def headers(self, request_id: str) -> dict[str, str]:
        """What the vendor sends with every answer."""


@runtime_checkable
class CountsTokens(Protocol):
    """A vendor that also counts tokens, for nothing: no model runs, so the ledger does not hear of it."""

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        """The count; None when the path asks for none. Raises Refused."""


@runtime_checkable
class CountsAnswers(Protocol):
    """A vendor that caches, thinks and bills in its own way."""

    def counted(self, ask: Ask, made: Completion) -> Completion:
        """The finished answer with the usage that this vendor reports and bills."""


@dataclass(frozen=True, slots=True)
class OpenAIVendor:
    """A `Vendor`. `prefix` is empty, because the vendor's own base URL ends in `/v1`."""

    provider: str = "openai"
    prefix: str = ""

    def check_key(self, headers: Mapping[str, str]) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refused(Refusal(401, "You didn't provide an API key. Send it in an Authorization header."))
        if key.startswith("sk-invalid"):
            raise Refused(Refusal(401, f"Incorrect API key provided: {key}.", code="invalid_api_key"))

    def surface(self, path: str) -> Surface | None:
        surfaces: dict[str, Surface] = {
            "/v1/chat/completions": chat,
            "/v1/responses": responses,
        }
        return surfaces.get(path)

    def check(self, surface: Surface, body: Mapping[str, Any], ask: Ask, model: SimModel | None) -> None:
        if model is None:
            raise Refused(
                Refusal(
                    404,
                    f"The model `{ask.model}` does not exist or you do not have access to it.",
                    code="model_not_found",
                    param="model",
                )
            )
        rules.check(body, ask, model, effort_param=surface.EFFORT_PARAM)

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        rows = [{"id": id_, "object": "model", "created": 0, "owned_by": "simulated"} for id_ in ids]
        if path == "/v1/models":
            return orjson.dumps({"object": "list", "data": rows})
        name = path.removeprefix("/v1/models/")
        found = next((row for row in rows if row["id"] == name), None)
        return orjson.dumps(found) if path.startswith("/v1/models/") and found else None

    def batch_desk(self, office: BatchService) -> BatchRoutes:
        from sidecar.simulator.openai.batches import OpenAIBatches

        return OpenAIBatches(office)

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}
        if refusal.retry_after_s is not None:
            headers["retry-after"] = f"{refusal.retry_after_s:g}"
        return headers, orjson.dumps(chat.error_body(refusal))

    def headers(self, request_id: str) -> dict[str, str]:
        return {
            "x-request-id": request_id,
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
        }
