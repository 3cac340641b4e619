"""xAI documents OpenAI's client as its own: it judges what we send and what the simulator answers."""

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
from pydantic import TypeAdapter

from sidecar.providers.base import UsageSoFar
from sidecar.providers.grok.provider import Grok
from sidecar.providers.grok.usage import charged_usd
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from tests.helpers.answers import done_of, first_text, text_of, thinking_of
from tests.helpers.grok import CATALOGUE, MODELS, ask, collect, in_process, plan
from tests.helpers.simulated import (
    A_TENTH_OF_A_SECOND,
    on_loopback,
    pieces_until_noticed,
    post,
    read,
    simulator,
)

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n"],
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
    {"effort": "max"},
    {"json_mode": True},
    {"json_mode": True, "json_schema": SCHEMA},
    {"json_mode": True, "json_schema": {"type": "object"}},
    {"json_mode": True, "json_schema": {"type": "array"}},
    {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
    {"web_search_max_uses": 3, "json_mode": True, "json_schema": SCHEMA, "system": "Be brief."},
    {"cache_ttl": "1h", "thinking": True},
    {"cache_ttl": "5m", "web_search_max_uses": 3},
]
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
with_options = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")


@asynccontextmanager
async def client(sim: Simulator, key: str = "xai-simulated") -> AsyncIterator[openai.AsyncOpenAI]:
    """The unmodified client on the simulator's server."""
    async with (
        asyncio.timeout(20),
        on_loopback(sim) as base,
        openai.AsyncOpenAI(base_url=f"{base}/xai/v1", api_key=key, max_retries=0) as made,
    ):
        yield made


@pytest.mark.parametrize("model", MODELS)
@with_options
def test_every_body_has_the_types_of_the_official_client(model: str, options: dict[str, Any]) -> None:
    made = plan(model, **options)
    on_chat = made.path == "/chat/completions"
    params: Any = CompletionCreateParamsStreaming if on_chat else ResponseCreateParamsStreaming
    # A TypedDict takes members that it does not know; the vendor would not.
    assert made.body.keys() <= params.__required_keys__ | params.__optional_keys__
    adapter: TypeAdapter[Any] = TypeAdapter(params)
    for value in adapter.validate_python(made.body).values():
        # An iterable is only checked as it is read.
        if not isinstance(value, (str, Mapping)) and isinstance(value, Iterable):
            list(value)


@pytest.mark.parametrize("model", MODELS)
@with_options
async def test_the_simulator_takes_every_body_that_we_send(model: str, options: dict[str, Any]) -> None:
    made = plan(model, **options)
    response = await post(simulator(), f"/xai/v1{made.path}", dict(made.body))
    assert response.status == 200, await read(response)
    await response.aclose()


async def test_the_official_client_reads_a_completion() -> None:
    sim = simulator()
    async with client(sim) as official:
        made = await official.chat.completions.create(
            model="grok-4.3", messages=[{"role": "user", "content": "Reply with exactly: four"}]
        )
    assert made.choices[0].message.content == "four"
    assert made.choices[0].message.model_extra is not None
    assert made.choices[0].message.model_extra["reasoning_content"].startswith("[simulated Grok 4.3]")
    usage = made.usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    reasoned = usage.completion_tokens_details.reasoning_tokens
    assert reasoned is not None
    assert reasoned > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens + reasoned
    assert charged_usd(usage.model_dump()) == sim.ledger.entries[0].charged_usd
    _strictly(ChatCompletion, made)


async def test_the_official_client_reads_a_stream_of_chunks() -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="grok-4.7",
            messages=[{"role": "user", "content": "Why?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("[simulated Grok 4.7]")
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []
    for chunk in chunks:
        _strictly(ChatCompletionChunk, chunk)


async def test_the_official_client_reads_a_response_with_its_searches() -> None:
    async with client(simulator()) as official:
        made = await official.responses.create(
            model="grok-4.3", input="Reply with exactly: four", tools=[{"type": "web_search"}], store=False
        )
    assert made.output_text == "four"
    assert made.usage is not None
    assert made.usage.model_extra is not None
    assert made.usage.model_extra["server_side_tool_usage_details"]["web_search_calls"] == 1
    _strictly(Response, _without_vendors_usage(made))


async def test_the_official_client_reads_a_stream_of_events() -> None:
    async with client(simulator()) as official:
        stream = await official.responses.create(
            model="grok-4.3", input=[{"role": "user", "content": "Why?"}], stream=True
        )
        events = [event async for event in stream]
    for number, event in enumerate(events):
        assert event.sequence_number == number
        if event.type not in ("response.completed",):
            EVENTS.validate_python(event.model_dump(exclude_unset=True))
    final = events[-1]
    assert final.type == "response.completed"
    assert final.response.output_text == "".join(
        event.delta for event in events if event.type == "response.output_text.delta"
    )


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
                model="grok-4.3", messages=[{"role": "user", "content": f"Hi [[simulate: {orders}]]"}]
            )
    assert raised.value.request_id == "req_sim000001"
    told = raised.value.response.json()
    assert set(told) == {"code", "error"}
    assert all(isinstance(part, str) for part in told.values())


async def test_a_wrong_key_is_a_bad_request_and_is_not_repeated() -> None:
    async with client(simulator(), "xai-invalid-secret") as official:
        with pytest.raises(openai.BadRequestError) as raised:
            await official.models.list()
    assert raised.value.response.json()["error"].startswith("Incorrect API key")
    assert "secret" not in raised.value.response.text


async def test_the_official_client_raises_an_error_inside_a_stream() -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="grok-4.3",
            messages=[{"role": "user", "content": "Hi [[simulate: error_after=2]]"}],
            stream=True,
        )
        with pytest.raises(openai.APIError):
            _ = [chunk async for chunk in stream]


async def test_the_official_client_lists_the_models() -> None:
    async with client(simulator()) as official:
        ids = {model.id async for model in official.models.list()}
        assert (await official.models.retrieve("grok-4.3")).id == "grok-4.3"
    assert set(MODELS) <= ids
    assert all(CATALOGUE.reported("grok", id_) is not None for id_ in ids)


@pytest.mark.parametrize("options", [{}, {"web_search_max_uses": 2}], ids=["chat", "responses"])
async def test_our_own_reading_agrees_with_the_vendors_bill(options: dict[str, Any]) -> None:
    sim = simulator()
    events, failure = await collect(in_process(sim), ask("grok-4.7", "Why is the sky blue?", **options))
    assert failure is None
    (entry,) = sim.ledger.entries
    usage = done_of(events).usage
    assert usage is not None
    assert entry.usage is not None
    assert usage.charged_usd == entry.charged_usd
    assert (usage.in_uncached, usage.out_visible, usage.out_reasoning, usage.searches) == (
        entry.usage.in_uncached,
        entry.usage.out_visible,
        entry.usage.out_reasoning,
        entry.usage.searches,
    )
    assert text_of(events).startswith("[simulated Grok 4.7]")
    assert done_of(events).served_model == "grok-4.7"
    assert bool(thinking_of(events)) is not bool(options)
    assert any(isinstance(event, UsageSoFar) for event in events)


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str) -> None:
    sim = simulator()
    async with asyncio.timeout(20), on_loopback(sim) as base:
        edge = HttpClient()
        made = Grok(edge, f"{base}/xai/v1")
        asked = made.plan(ask("grok-4.20-0309-non-reasoning", "Talk [[simulate: tokens=5000 pace_ms=20]]"))
        stream = made.stream(asked, "xai-1")
        first = await first_text(stream)
        if how == "close":
            await stream.aclose()
        else:
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        await edge.aclose()
    assert text_of([first])
    assert "".join(sim.ledger.entries[0].sent).startswith(text_of([first]))
    assert sim.ledger.entries[0].charged_usd is not None


def _without_vendors_usage(made: Response) -> Response:
    """The client's own class insists on a count of cache writes, which this vendor does not have."""
    return made.model_copy(update={"usage": None})


def _strictly(kind: type[Any], value: Any) -> None:
    """The client builds its models without checking them; here they are checked."""
    kind.model_validate(json.loads(value.model_dump_json(exclude_unset=True)))
