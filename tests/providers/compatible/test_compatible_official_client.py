"""OpenAI's client is what people point at such servers: it judges what we send and what the simulator answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter

from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from tests.helpers.answers import first_text, text_of
from tests.helpers.compatible import ABLE, CHAT, PLAIN, THINKER, ask, plan
from tests.helpers.simulated import (
    A_TENTH_OF_A_SECOND,
    on_loopback,
    pieces_until_noticed,
    post,
    read,
    simulator,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
    {"json_mode": True},
    {"json_mode": True, "json_schema": SCHEMA},
    {"json_mode": True, "json_schema": {"type": "array"}},
]


@asynccontextmanager
async def client(sim: Simulator, key: str = "none") -> AsyncIterator[openai.AsyncOpenAI]:
    """The unmodified client on the simulator's server."""
    async with (
        asyncio.timeout(20),
        on_loopback(sim) as base,
        openai.AsyncOpenAI(base_url=f"{base}/compatible/v1", api_key=key, max_retries=0) as made,
    ):
        yield made


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("traits", [PLAIN, ABLE, THINKER], ids=["plain", "able", "thinker"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
async def test_every_body_has_the_types_of_the_client_and_is_taken(
    traits: Any, options: dict[str, Any]
) -> None:
    made = plan(traits, **options)
    params: Any = CompletionCreateParamsStreaming
    assert made.body.keys() <= params.__required_keys__ | params.__optional_keys__
    adapter: TypeAdapter[Any] = TypeAdapter(params)
    list(adapter.validate_python(made.body)["messages"])
    response = await post(simulator(), CHAT, dict(made.body))
    assert response.status == 200, await read(response)
    await response.aclose()


@pytest.mark.parametrize("habits", ["", "[[compatible: usage=missing]] ", "[[compatible: think=tags]] "])
async def test_the_client_reads_a_completion(habits: str) -> None:
    async with client(simulator()) as official:
        made = await official.chat.completions.create(
            model="llama", messages=said(f"{habits}Reply with exactly: four")
        )
    content = made.choices[0].message.content
    assert content is not None
    assert content.endswith("four")
    assert (made.usage is None) is ("missing" in habits)
    ChatCompletion.model_validate(json.loads(made.model_dump_json(exclude_unset=True)))


@pytest.mark.parametrize("habits", ["", "[[compatible: comments=1 done=0 usage=content]] "])
async def test_the_client_reads_a_stream(habits: str) -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="llama", messages=said(f"{habits}Reply with exactly: one two"), stream=True
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "one two"
    assert any(chunk.usage for chunk in chunks) is bool(habits)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(json.loads(chunk.model_dump_json(exclude_unset=True)))


@pytest.mark.parametrize("shape", ["object", "text", "string", "detail", "located", "message", "html"])
async def test_the_client_is_refused_in_every_shape(shape: str) -> None:
    async with client(simulator()) as official:
        with pytest.raises(openai.APIStatusError) as raised:
            await official.chat.completions.create(
                model="llama", messages=said(f"[[compatible: refuse=402 error={shape}]] Hi")
            )
    assert raised.value.status_code == 402


async def test_the_client_is_refused_with_a_wrong_key_and_needs_none() -> None:
    async with client(simulator(), "sk-invalid-secret") as official:
        with pytest.raises(openai.AuthenticationError):
            await official.models.list()
    async with client(simulator()) as official:
        assert [model.id async for model in official.models.list()] == ["small-simulated", "large-simulated"]


async def test_the_client_raises_an_error_inside_a_stream() -> None:
    async with client(simulator()) as official:
        stream = await official.chat.completions.create(
            model="llama", messages=said("Hi [[simulate: error_after=2]]"), stream=True
        )
        with pytest.raises(openai.APIError, match="The server had an error"):
            _ = [chunk async for chunk in stream]


@pytest.mark.parametrize("address", ["/compatible", "/compatible/v1"])
@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str, address: str) -> None:
    sim = simulator()
    async with asyncio.timeout(20), on_loopback(sim) as base:
        edge = HttpClient()
        made = Compatible(edge, base + address, name="lab")
        stream = made.stream(made.plan(ask("Talk [[simulate: tokens=5000 pace_ms=20]]")), "")
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
