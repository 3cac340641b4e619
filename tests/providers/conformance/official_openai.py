"""OpenAI's client: on both APIs of its own, as xAI documents it, and at servers that speak its dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sidecar.providers.base import ChatRequest, Provider
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from tests.helpers import compatible, grok, openai_models
from tests.helpers.late import Late
from tests.helpers.simulated import on_loopback
from tests.providers.conformance.official import (
    BASIC,
    SCHEMA,
    Official,
    Refusal,
    Verdict,
    adapter_of,
    fits,
    strictly,
)

if TYPE_CHECKING:
    import openai
    import openai.types.chat.completion_create_params
    import openai.types.responses.response_create_params
else:
    openai = Late("openai")

TRAITS = {"plain": compatible.PLAIN, "able": compatible.ABLE, "thinker": compatible.THINKER}


class OpenAIsClient(Official):
    """What all of them have in common, asked as chat completions."""

    library = "openai"
    path: ClassVar[str] = "/v1"
    key: ClassVar[str] = "sk-simulated"
    model: ClassVar[str]
    request_id: ClassVar[str | None] = "req_sim000001"
    error_in_stream = Refusal("error_after=2", "APIError", "The server had an error")

    @asynccontextmanager
    async def client(self, sim: Simulator, key: str = "") -> AsyncIterator[openai.AsyncOpenAI]:
        async with (
            asyncio.timeout(60),
            on_loopback(sim) as base,
            openai.AsyncOpenAI(base_url=base + self.path, api_key=key or self.key, max_retries=0) as made,
        ):
            yield made

    def check(self, path: str, body: Mapping[str, Any]) -> None:
        on_responses = path == "/responses"
        fits(
            openai.types.responses.response_create_params.ResponseCreateParamsStreaming
            if on_responses
            else openai.types.chat.completion_create_params.CompletionCreateParamsStreaming,
            body,
        )

    async def answer(self, client: openai.AsyncOpenAI, prompt: str) -> str | None:
        made = await client.chat.completions.create(model=self.model, messages=said(prompt))
        strictly(openai.types.chat.ChatCompletion, made)
        assert made._request_id == self.request_id
        assert made.usage is not None
        (choice,) = made.choices
        assert choice.finish_reason == "stop"
        assert bool(choice.message.refusal) is (choice.message.content is None)
        return choice.message.content

    async def pieces(self, client: openai.AsyncOpenAI, prompt: str) -> list[str]:
        stream = await client.chat.completions.create(
            model=self.model,
            messages=said(prompt),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        for chunk in chunks:
            strictly(openai.types.chat.ChatCompletionChunk, chunk)
        assert chunks[-1].usage is not None
        assert chunks[-1].choices == []
        return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

    async def names(self, client: openai.AsyncOpenAI) -> list[str]:
        one = await client.models.retrieve(self.listed[0])
        return [one.id, *[model.id async for model in client.models.list()]]


STATUSES = (
    Refusal("status=400", "BadRequestError"),
    Refusal("status=401", "AuthenticationError"),
    Refusal("status=403", "PermissionDeniedError"),
    Refusal("status=404", "NotFoundError"),
    Refusal("status=429", "RateLimitError"),
    Refusal("quota=1", "RateLimitError"),
    Refusal("status=500", "InternalServerError"),
    Refusal("status=503", "InternalServerError"),
)


class OnResponses(OpenAIsClient):
    """The same client on the newer API."""

    judges = False

    async def answer(self, client: openai.AsyncOpenAI, prompt: str) -> str | None:
        made = await client.responses.create(
            model=self.model, input=prompt, tools=[{"type": "web_search"}], store=False
        )
        self.check_response(made)
        assert made.status == "completed"
        assert made.usage is not None
        last = made.output[-1]
        assert last.type == "message"
        return None if last.content[0].type == "refusal" else made.output_text

    def check_response(self, made: openai.types.responses.Response) -> None:
        strictly(openai.types.responses.Response, made)

    async def pieces(self, client: openai.AsyncOpenAI, prompt: str) -> list[str]:
        stream = await client.responses.create(
            model=self.model, input=[{"role": "user", "content": prompt}], stream=True
        )
        events = [event async for event in stream]
        for number, event in enumerate(events):
            assert event.sequence_number == number
            if event.type != "response.completed":
                adapter_of(openai.types.responses.ResponseStreamEvent).validate_python(
                    event.model_dump(exclude_unset=True)
                )
        final = events[-1]
        if final.type == "error":
            raise openai.APIError(f"{final.code}: {final.message}", request=None, body=None)  # type: ignore[arg-type]
        assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
        assert final.type == "response.completed"
        self.check_response(final.response)
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert final.response.output_text == "".join(pieces)
        return pieces


class OpenAIOnChat(OpenAIsClient):
    name = "openai"
    model = "gpt-5"
    models = sorted(openai_models.ALL)
    unserved = frozenset({"o3-mini", "gpt-5.4-mini", "thinker", "plain-text"})
    options = (
        *BASIC,
        {"effort": "none", "temperature": 0.5},
        {"effort": "max"},
        {"json_mode": True},
        {"json_schema": SCHEMA},
        {"json_schema": {"type": "object"}},
        {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
        {"web_search_max_uses": 3, "json_mode": True},
        {"web_search_max_uses": 3, "json_schema": SCHEMA, "system": "Be brief."},
        {"thinking": True, "effort": "high"},
        {"cache_ttl": "1h"},
    )
    refusals = STATUSES
    told = ("req_sim000001", '"message":', '"type":', '"param":', '"code":')
    wrong_key = Refusal("", "AuthenticationError", "invalid_api_key")
    repeats_key = True
    listed = ("gpt-4o", "gpt-5")

    def make(self, http: HttpClient) -> Provider:
        return OpenAI(http, "https://api.openai.com/v1")

    def request(self, model: str, **options: Any) -> ChatRequest:
        return openai_models.ask(model, **options)

    async def parsed(self, client: openai.AsyncOpenAI) -> Verdict:
        made = await client.chat.completions.parse(
            model=self.model, messages=said("Judge."), response_format=Verdict
        )
        assert made.choices[0].message.parsed is not None
        return made.choices[0].message.parsed


class OpenAIOnResponses(OnResponses, OpenAIOnChat):
    name = "openai responses"
    error_in_stream = Refusal("error_after=2", "APIError", "server_error")


class GrokOnChat(OpenAIsClient):
    name = "grok"
    path = "/xai/v1"
    key = "xai-simulated"
    model = "grok-4.7"
    models = grok.MODELS
    options = (
        *BASIC,
        {"effort": "max"},
        {"json_mode": True},
        {"json_mode": True, "json_schema": SCHEMA},
        {"json_mode": True, "json_schema": {"type": "object"}},
        {"json_mode": True, "json_schema": {"type": "array"}},
        {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
        {"web_search_max_uses": 3, "json_mode": True, "json_schema": SCHEMA, "system": "Be brief."},
        {"cache_ttl": "1h", "thinking": True},
        {"cache_ttl": "5m", "web_search_max_uses": 3},
    )
    refusals = STATUSES
    told = ("req_sim000001", '"code":', '"error":')
    declines = False
    wrong_key = Refusal("", "BadRequestError", "Incorrect API key")
    listed = ("grok-4.3", *grok.MODELS)

    def make(self, http: HttpClient) -> Provider:
        return Grok(http, "https://api.x.ai/v1")

    def request(self, model: str, **options: Any) -> ChatRequest:
        return grok.ask(model, **options)


class GrokOnResponses(OnResponses, GrokOnChat):
    name = "grok responses"
    error_in_stream = Refusal("error_after=2", "APIError")

    def check_response(self, made: openai.types.responses.Response) -> None:
        # The client's own class insists on a count of cache writes, which this vendor does not have.
        strictly(openai.types.responses.Response, made.model_copy(update={"usage": None}))


class CompatibleClient(OpenAIsClient):
    name = "compatible"
    path = "/compatible/v1"
    key = "none"
    model = "llama"
    request_id = None
    declines = False
    models = tuple(TRAITS)
    options = (
        *BASIC,
        {"json_mode": True},
        {"json_mode": True, "json_schema": SCHEMA},
        {"json_mode": True, "json_schema": {"type": "array"}},
    )
    wrong_key = Refusal("", "AuthenticationError")
    listed = ("small-simulated", "large-simulated")

    def make(self, http: HttpClient) -> Provider:
        return Compatible(http, compatible.URL, name="lab")

    def request(self, model: str, **options: Any) -> ChatRequest:
        return compatible.ask(traits=TRAITS[model], **options)

    async def names(self, client: openai.AsyncOpenAI) -> list[str]:
        # Such servers have the list alone.
        ids = [model.id async for model in client.models.list()]
        return [ids[0], *ids]


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]
