"""The vendor's own client judges both sides: what we send, and what the simulator answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import BaseModel, TypeAdapter

from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from tests.helpers.openai_models import ALL, ask
from tests.helpers.simulated import on_loopback, post, read, simulator

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n"],
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
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
]
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@asynccontextmanager
async def client(sim: Simulator, **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    """The unmodified client on the simulator's server."""
    async with asyncio.timeout(20), on_loopback(sim) as base:
        key = options.pop("api_key", "sk-simulated")
        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, **options) as made:
            yield made


@pytest.mark.parametrize("model", sorted(ALL))
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
def test_every_body_has_the_types_of_the_official_client(model: str, options: dict[str, Any]) -> None:
    plan = OpenAI(HttpClient(), "https://api.example/v1").plan(ask(model, **options))
    params: Any = CompletionCreateParamsStreaming
    if plan.path == "/responses":
        params = ResponseCreateParamsStreaming
    # A TypedDict takes members that it does not know; the vendor would not.
    assert plan.body.keys() <= params.__required_keys__ | params.__optional_keys__
    adapter: TypeAdapter[Any] = TypeAdapter(params)
    for value in adapter.validate_python(plan.body).values():
        # An iterable is only checked as it is read.
        if not isinstance(value, (str, Mapping)) and isinstance(value, Iterable):
            list(value)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "gpt-5.1", "gpt-6.1-sol"])
async def test_the_simulator_takes_every_body_that_we_send(model: str, options: dict[str, Any]) -> None:
    plan = OpenAI(HttpClient(), "https://api.example/v1").plan(ask(model, **options))
    response = await post(simulator(), f"/v1{plan.path}", dict(plan.body))
    assert response.status == 200, await read(response)
    await response.aclose()


async def test_the_official_client_reads_a_completion() -> None:
    sim = simulator()
    async with client(sim) as official:
        made = await official.chat.completions.create(
            model="gpt-5", messages=[{"role": "user", "content": "Reply with exactly: four"}]
        )
    assert made.choices[0].message.content == "four"
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.completion_tokens_details is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
    assert made._request_id == "req_sim000001"
    _strictly(ChatCompletion, made)


async def test_the_official_client_reads_a_stream_of_chunks() -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "Why?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("[simulated GPT-4o]")
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])
    for chunk in chunks:
        _strictly(ChatCompletionChunk, chunk)


async def test_the_official_client_parses_a_schema() -> None:
    class Verdict(BaseModel):
        score: int
        reasons: list[str]

    async with client(simulator()) as official:
        made = await official.chat.completions.parse(
            model="gpt-5", messages=[{"role": "user", "content": "Judge."}], response_format=Verdict
        )
    assert isinstance(made.choices[0].message.parsed, Verdict)


async def test_the_official_client_reads_a_response() -> None:
    async with client(simulator()) as official:
        made = await official.responses.create(
            model="gpt-5", input="Reply with exactly: four", tools=[{"type": "web_search"}], store=False
        )
    assert made.output_text == "four"
    assert made.status == "completed"
    assert made.usage is not None
    assert made.usage.output_tokens_details.reasoning_tokens > 0
    assert [item.type for item in made.output] == ["reasoning", "web_search_call", "message"]
    _strictly(Response, made)


async def test_the_official_client_reads_a_stream_of_events() -> None:
    async with client(simulator()) as official:
        stream = await official.responses.create(
            model="gpt-5",
            input=[{"role": "user", "content": "Why?"}],
            reasoning={"effort": "low", "summary": "auto"},
            tools=[{"type": "web_search"}],
            stream=True,
        )
        events = [event async for event in stream]
    for number, event in enumerate(events):
        EVENTS.validate_python(event.model_dump(exclude_unset=True))
        assert event.sequence_number == number
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    final = events[-1]
    assert final.type == "response.completed"
    assert final.response.output_text == text


async def test_the_official_client_accumulates_our_stream_of_events() -> None:
    async with (
        client(simulator()) as official,
        official.responses.stream(model="gpt-5", input="Reply with exactly: one two three") as stream,
    ):
        final = await stream.get_final_response()
    assert final.output_text == "one two three"


@pytest.mark.parametrize(
    ("orders", "error"),
    [
        ("status=400", openai.BadRequestError),
        ("status=401", openai.AuthenticationError),
        ("status=403", openai.PermissionDeniedError),
        ("status=404", openai.NotFoundError),
        ("status=429", openai.RateLimitError),
        ("quota=1", openai.RateLimitError),
        ("status=500", openai.InternalServerError),
        ("status=503", openai.InternalServerError),
    ],
)
async def test_the_official_client_knows_every_refusal(
    orders: str, error: type[openai.APIStatusError]
) -> None:
    async with client(simulator()) as official:
        with pytest.raises(error) as raised:
            await official.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": f"Hi [[simulate: {orders}]]"}]
            )
    assert raised.value.request_id == "req_sim000001"
    assert isinstance(raised.value.body, dict)
    assert {"message", "type", "param", "code"} <= raised.value.body.keys()


async def test_the_official_client_is_refused_with_a_wrong_key() -> None:
    async with client(simulator(), api_key="sk-invalid-key") as official:
        with pytest.raises(openai.AuthenticationError) as raised:
            await official.models.list()
    assert raised.value.code == "invalid_api_key"


async def test_the_official_client_raises_an_error_inside_a_stream_of_chunks() -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "Hi [[simulate: error_after=2]]"}],
            stream=True,
        )
        with pytest.raises(openai.APIError, match="The server had an error"):
            await _drain(stream)


async def test_the_official_client_gives_an_error_inside_a_stream_of_events() -> None:
    async with client(simulator()) as official:
        stream = await official.responses.create(
            model="gpt-4o", input="Hi [[simulate: error_after=2]]", stream=True
        )
        events = await _drain(stream)
    error = events[-1]
    assert error.type == "error"
    assert (error.code, error.sequence_number) == ("server_error", len(events) - 1)


async def test_the_official_client_lists_the_models() -> None:
    async with client(simulator()) as official:
        ids = [model.id async for model in official.models.list()]
        one = await official.models.retrieve("gpt-4o")
    assert "gpt-5" in ids
    assert one.id == "gpt-4o"


async def test_a_refusal_is_seen_on_both_apis() -> None:
    prompt = "Hi [[simulate: refusal=1]]"
    async with client(simulator()) as official:
        chat = await official.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": prompt}]
        )
        response = await official.responses.create(model="gpt-4o", input=prompt)
    assert chat.choices[0].message.content is None
    assert chat.choices[0].message.refusal
    (message,) = response.output
    assert message.type == "message"
    assert message.content[0].type == "refusal"


async def _drain(stream: Any) -> list[Any]:
    return [event async for event in stream]


def _strictly(kind: type[Any], value: Any) -> None:
    """The client builds its models without checking them; here they are checked."""
    kind.model_validate(json.loads(value.model_dump_json(exclude_unset=True)))
