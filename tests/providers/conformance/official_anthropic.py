"""Anthropic's client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import ChatRequest, Provider, Turn
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from tests.helpers.anthropic_asking import ALWAYS, BASE, BETWEEN, BUDGET, SERVED, ask
from tests.helpers.late import Late
from tests.helpers.simulated import on_loopback
from tests.providers.conformance.official import BASIC, Official, Refusal, Verdict, adapter_of, fits, strictly

if TYPE_CHECKING:
    import anthropic
    import anthropic.types.message_create_params
else:
    anthropic = Late("anthropic")

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "why": {"type": ["string", "null"]}},
    "required": ["n"],
}


class AnthropicsClient(Official):
    name = library = "anthropic"
    models = SERVED
    options = (
        *BASIC,
        {"effort": "max", "thinking": True},
        {"thinking": True, "max_output_tokens": 2_000, "temperature": 0.5},
        {"json_mode": True},
        {"json_schema": SCHEMA},
        {"json_schema": {"type": "object"}},
        {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
        {"web_search_max_uses": 3, "json_schema": SCHEMA, "system": "Be brief."},
        {"cache_ttl": "1h", "system": "Be brief.", "web_search_max_uses": 1},
        {"cache_ttl": "5m", "turns": (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))},
    )
    refusals = (
        Refusal("status=400", "BadRequestError", "invalid_request_error"),
        Refusal("status=401", "AuthenticationError", "authentication_error"),
        Refusal("status=402", "PaymentRequiredError", "billing_error"),
        Refusal("status=403", "PermissionDeniedError", "permission_error"),
        Refusal("status=404", "NotFoundError", "not_found_error"),
        Refusal("status=409", "ConflictError", "conflict_error"),
        Refusal("status=413", "ContentTooLargeError", "request_too_large"),
        Refusal("status=429 retry_after=3", "RateLimitError", "rate_limit_error", ("retry-after", "3")),
        Refusal("quota=1", "RateLimitError", "enforced_spend_limit_reached"),
        Refusal("status=500", "InternalServerError", "api_error"),
        Refusal("status=504", "GatewayTimeoutError", "timeout_error"),
        Refusal("status=529", "OverloadedError", "overloaded_error"),
    )
    told = ("req_sim000001",)
    wrong_key = Refusal("", "AuthenticationError", "invalid x-api-key")
    error_in_stream = Refusal("error_after=2", "APIStatusError", "api_error")
    listed = (BETWEEN, ALWAYS, BUDGET)

    @asynccontextmanager
    async def client(self, sim: Simulator, key: str = "") -> AsyncIterator[anthropic.AsyncAnthropic]:
        async with (
            asyncio.timeout(60),
            on_loopback(sim) as base,
            anthropic.AsyncAnthropic(
                base_url=f"{base}/anthropic", api_key=key or "sk-ant-simulated", max_retries=0
            ) as made,
        ):
            yield made

    def make(self, http: HttpClient) -> Provider:
        return Anthropic(http, BASE)

    def request(self, model: str, **options: Any) -> ChatRequest:
        return ask(model, **options)

    def check(self, path: str, body: Mapping[str, Any]) -> None:
        # The newest client asks for a version of the API without temperatures; the version that we ask for has them.
        assert isinstance(body.get("temperature", 0.5), float)
        fits(
            anthropic.types.message_create_params.MessageCreateParamsStreaming,
            {name: value for name, value in body.items() if name != "temperature"},
        )

    async def answer(self, client: anthropic.AsyncAnthropic, prompt: str) -> str | None:
        made = await client.messages.create(**asked(prompt))
        strictly(anthropic.types.Message, made)
        assert made._request_id == "req_sim000001"
        if made.stop_reason == "refusal":
            assert (made.content, made.stop_details and made.stop_details.category) == ([], "general_harms")
            return None
        assert made.stop_reason == "end_turn"
        return "".join(block.text for block in made.content if block.type == "text")

    async def pieces(self, client: anthropic.AsyncAnthropic, prompt: str) -> list[str]:
        stream = await client.messages.create(**asked(prompt), stream=True)
        came = [event async for event in stream]
        for event in came:
            events().validate_python(json.loads(event.model_dump_json(exclude_unset=True)))
        deltas = [event.delta for event in came if event.type == "content_block_delta"]
        return [delta.text for delta in deltas if delta.type == "text_delta"]

    async def parsed(self, client: anthropic.AsyncAnthropic) -> Verdict:
        made = await client.messages.parse(**asked("Judge."), output_format=Verdict)
        assert made.parsed_output is not None
        return made.parsed_output

    async def names(self, client: anthropic.AsyncAnthropic) -> list[str]:
        rows = [model async for model in client.models.list(limit=1_000)]
        for row in rows:
            strictly(anthropic.types.ModelInfo, row)
        return [(await client.models.retrieve(self.listed[0])).id, *(row.id for row in rows)]


def events() -> TypeAdapter[Any]:
    """What checks an event of a stream."""
    return adapter_of(anthropic.types.RawMessageStreamEvent)


def asked(prompt: str) -> Any:
    return {"model": BETWEEN, "max_tokens": 1_000, "messages": [{"role": "user", "content": prompt}]}
