"""Google's client. Its types refuse members that they do not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from sidecar.providers.base import ChatRequest, Provider
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from tests.helpers.gemini import BASE, MODELS, SCHEMA, ask
from tests.helpers.late import Late
from tests.helpers.simulated import on_loopback
from tests.providers.conformance.official import BASIC, Official, Refusal, Verdict

if TYPE_CHECKING:
    from google import genai
    from google.genai import types
else:
    genai, types = Late("google.genai"), Late("google.genai.types")

FLASH = "gemini-3.8-flash"


class GooglesClient(Official):
    name = "gemini"
    library = "google.genai.errors"
    models = MODELS
    options = (
        *BASIC,
        {"effort": "none"},
        {"effort": "max", "thinking": True},
        {"thinking": True},
        {"json_mode": True},
        {"json_schema": SCHEMA},
        {"json_schema": {"type": "object"}},
        {
            "json_schema": {
                "$ref": "#/definitions/a",
                "definitions": {"a": {"type": "string", "minLength": 3}},
            }
        },
        {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
        {"web_search_max_uses": 3, "json_mode": True},
        {"web_search_max_uses": 3, "json_schema": SCHEMA, "system": "Be brief."},
        {"cache_ttl": "1h"},
    )
    refusals = (
        Refusal("status=400", "ClientError", "INVALID_ARGUMENT"),
        Refusal("status=403", "ClientError", "PERMISSION_DENIED"),
        Refusal("status=404", "ClientError", "NOT_FOUND"),
        Refusal("status=429 retry_after=12", "ClientError", "RESOURCE_EXHAUSTED"),
        Refusal("quota=1", "ClientError", "RESOURCE_EXHAUSTED"),
        Refusal("status=500", "ServerError", "INTERNAL"),
        Refusal("status=503", "ServerError", "UNAVAILABLE"),
        Refusal("status=504", "ServerError", "DEADLINE_EXCEEDED"),
    )
    wrong_key = Refusal("", "ClientError", "API_KEY_INVALID")
    error_in_stream = Refusal("error_after=2", "ServerError", "The server had an error")
    listed = (f"models/{FLASH}", "models/gemini-4-argon")

    @asynccontextmanager
    async def client(self, sim: Simulator, key: str = "") -> AsyncIterator[Any]:
        async with asyncio.timeout(60), on_loopback(sim) as base:
            options = types.HttpOptions(base_url=f"{base}/gemini", api_version="v1beta")
            official = genai.Client(api_key=key or "simulated", vertexai=False, http_options=options).aio
            try:
                yield official
            finally:
                await official.aclose()

    def make(self, http: HttpClient) -> Provider:
        return Gemini(http, BASE)

    def request(self, model: str, **options: Any) -> ChatRequest:
        return ask(model, **options)

    def check(self, path: str, body: Mapping[str, Any]) -> None:
        kinds: dict[str, Any] = {
            "contents": list[types.Content],
            "systemInstruction": types.Content,
            "generationConfig": types.GenerationConfig,
            "tools": list[types.Tool],
        }
        assert body.keys() <= kinds.keys()
        for name, value in body.items():
            TypeAdapter(kinds[name]).validate_python(value)

    async def answer(self, client: Any, prompt: str) -> str | None:
        made = await client.models.generate_content(model=FLASH, contents=prompt)
        reason = made.candidates[0].finish_reason
        assert reason is (types.FinishReason.SAFETY if made.text is None else types.FinishReason.STOP)
        assert made.model_version == FLASH
        text: str | None = made.text
        return text

    async def pieces(self, client: Any, prompt: str) -> list[str]:
        stream = await client.models.generate_content_stream(model=FLASH, contents=prompt)
        chunks = [chunk async for chunk in stream]
        reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
        assert reasons == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]
        return [chunk.text or "" for chunk in chunks]

    async def parsed(self, client: Any) -> Verdict:
        for given in ({"response_schema": Verdict}, {"response_json_schema": Verdict.model_json_schema()}):
            config = types.GenerateContentConfig(response_mime_type="application/json", **given)
            made = await client.models.generate_content(model=FLASH, contents="Judge.", config=config)
            verdict = Verdict.model_validate_json(made.text)
        return verdict

    async def names(self, client: Any) -> list[str]:
        one = await client.models.get(model=FLASH)
        return [one.name, *[model.name async for model in await client.models.list()]]
