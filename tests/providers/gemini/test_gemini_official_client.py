"""The vendor's own client judges both sides: what we send, and what the simulator answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel, TypeAdapter

from sidecar.simulator.core import Simulator
from sidecar.simulator.counting import count_prompt, count_tokens
from sidecar.simulator.gemini.routes import GeminiVendor
from tests.helpers.gemini import MODELS, SCHEMA, plan, post
from tests.helpers.simulated import on_loopback, read, simulator
from tests.providers.conformance.recordings import GEMINI, recorded

# The client builds its session in a way that its network library frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
    {"effort": "none"},
    {"effort": "max", "thinking": True},
    {"thinking": True},
    {"json_mode": True},
    {"json_schema": SCHEMA},
    {"json_schema": {"type": "object"}},
    {"json_schema": {"$ref": "#/definitions/a", "definitions": {"a": {"type": "string", "minLength": 3}}}},
    {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
    {"web_search_max_uses": 3, "json_mode": True},
    {"web_search_max_uses": 3, "json_schema": SCHEMA, "system": "Be brief."},
    {"cache_ttl": "1h"},
]
BODY_TYPES: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "generationConfig": types.GenerationConfig,
    "tools": list[types.Tool],
}


@asynccontextmanager
async def client(sim: Simulator, *, api_key: str = "simulated") -> AsyncIterator[Any]:
    """The unmodified client on the simulator's server."""
    async with asyncio.timeout(20), on_loopback(sim) as base:
        options = types.HttpOptions(base_url=f"{base}/gemini", api_version="v1beta")
        official = genai.Client(api_key=api_key, vertexai=False, http_options=options).aio
        try:
            yield official
        finally:
            await official.aclose()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
def test_every_body_has_the_types_of_the_official_client(model: str, options: dict[str, Any]) -> None:
    body = plan(model, **options).body
    assert body.keys() <= BODY_TYPES.keys()
    for name, value in body.items():
        # These types refuse members that they do not know.
        TypeAdapter(BODY_TYPES[name]).validate_python(value)


@pytest.mark.parametrize("model", ["gemini-4-argon", "gemini-3.1-pro-preview", "gemini-2.5-flash"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
async def test_the_official_client_would_send_the_same_body(model: str, options: dict[str, Any]) -> None:
    made = plan(model, **options)
    generation = made.body.get("generationConfig", {})
    config = types.GenerateContentConfig(
        system_instruction=made.body.get("systemInstruction"),
        temperature=generation.get("temperature"),
        max_output_tokens=generation.get("maxOutputTokens"),
        thinking_config=generation.get("thinkingConfig"),
        response_mime_type=generation.get("responseMimeType"),
        response_json_schema=generation.get("responseJsonSchema"),
        tools=[types.Tool(google_search=types.GoogleSearch()) for _ in made.body.get("tools", ())],
    )
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"candidates": []})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as network:
        hook = types.HttpOptions(httpx_async_client=network, api_version="v1beta")
        official = genai.Client(api_key="simulated", vertexai=False, http_options=hook).aio
        stream = await official.models.generate_content_stream(
            model=model, contents=made.body["contents"], config=config
        )
        assert [chunk async for chunk in stream]
    theirs = json.loads(sent[0].content)
    assert sent[0].url.raw_path.decode() == f"/v1beta{made.path}"
    assert _as_documented({name: value for name, value in theirs.items() if value}) == made.body


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
@pytest.mark.parametrize("model", MODELS)
async def test_the_simulator_takes_every_body_that_we_send(model: str, options: dict[str, Any]) -> None:
    made = plan(model, **options)
    response = await post(simulator(), made.path.removesuffix("?alt=sse"), made.body)
    assert response.status == 200, await read(response)
    await response.aclose()


async def test_the_official_client_reads_an_answer() -> None:
    async with client(simulator()) as official:
        made = await official.models.generate_content(
            model="gemini-3.8-flash",
            contents="Reply with exactly: four",
            config=types.GenerateContentConfig(
                tools=[types.Tool(google_search=types.GoogleSearch())],
                thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="low"),
            ),
        )
    usage, candidate = made.usage_metadata, made.candidates[0]
    assert made.text == "four"
    assert candidate.finish_reason is types.FinishReason.STOP
    assert made.model_version == "gemini-3.8-flash"
    assert any(part.thought for part in candidate.content.parts)
    assert usage.thoughts_token_count > 0
    assert usage.total_token_count == (
        usage.prompt_token_count
        + usage.candidates_token_count
        + usage.thoughts_token_count
        + usage.tool_use_prompt_token_count
    )
    assert candidate.grounding_metadata.web_search_queries == ["Reply with exactly: four"]
    assert candidate.grounding_metadata.grounding_chunks[0].web.uri == "https://example.com/simulated"


async def test_the_official_client_reads_a_stream_of_chunks() -> None:
    async with client(simulator()) as official:
        stream = await official.models.generate_content_stream(
            model="gemini-3.1-pro-preview",
            contents="Why?",
            config=types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True)),
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.text or "" for chunk in chunks)
    assert text.startswith("[simulated Gemini 3.1 Pro (preview)]")
    assert chunks[0].candidates[0].content.parts[0].thought
    assert [chunk.candidates[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP
    counts = [chunk.usage_metadata.candidates_token_count or 0 for chunk in chunks]
    assert counts == sorted(counts)
    assert counts[-1] == count_tokens(text)


async def test_the_official_client_parses_a_schema() -> None:
    class Verdict(BaseModel):
        score: int
        reasons: list[str]

    for given in ({"response_schema": Verdict}, {"response_json_schema": Verdict.model_json_schema()}):
        config = types.GenerateContentConfig(response_mime_type="application/json", **given)
        async with client(simulator()) as official:
            made = await official.models.generate_content(
                model="gemini-3.8-flash", contents="Judge.", config=config
            )
        Verdict.model_validate_json(made.text)


async def test_the_official_client_continues_a_long_answer_to_its_end() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=300)])
    async with client(sim) as official:
        stream = await official.models.generate_content_stream(
            model="gemini-4-argon", contents="Talk [[simulate: tokens=400]]"
        )
        chunks = [chunk async for chunk in stream]
    assert count_tokens("".join(chunk.text or "" for chunk in chunks)) == 400
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert [entry.state for entry in sim.ledger.entries] == ["finished", "finished"]
    billed = sum(entry.usage.out_total for entry in sim.ledger.entries if entry.usage)
    usage = chunks[-1].usage_metadata
    assert usage.candidates_token_count + (usage.thoughts_token_count or 0) == billed


@pytest.mark.parametrize(
    ("orders", "error", "status"),
    [
        ("status=400", errors.ClientError, "INVALID_ARGUMENT"),
        ("status=403", errors.ClientError, "PERMISSION_DENIED"),
        ("status=404", errors.ClientError, "NOT_FOUND"),
        ("status=429 retry_after=12", errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("quota=1", errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("status=500", errors.ServerError, "INTERNAL"),
        ("status=503", errors.ServerError, "UNAVAILABLE"),
        ("status=504", errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
async def test_the_official_client_knows_every_refusal(
    orders: str, error: type[errors.APIError], status: str
) -> None:
    async with client(simulator()) as official:
        with pytest.raises(error) as raised:
            await official.models.generate_content(
                model="gemini-3.8-flash", contents=f"Hi [[simulate: {orders}]]"
            )
    assert raised.value.status == status
    assert raised.value.message


async def test_the_official_client_is_refused_with_a_wrong_key() -> None:
    async with client(simulator(), api_key="sk-invalid-key") as official:
        with pytest.raises(errors.ClientError) as raised:
            await official.models.list()
    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")
    assert "API_KEY_INVALID" in str(raised.value)


@pytest.mark.parametrize("bare", [False, True])
async def test_the_official_client_raises_an_error_inside_a_stream(bare: bool) -> None:
    async with client(simulator(vendors=[GeminiVendor(bare_errors=bare)])) as official:
        stream = await official.models.generate_content_stream(
            model="gemini-3.8-flash", contents="Hi [[simulate: error_after=2]]"
        )
        with pytest.raises(errors.ServerError, match="The server had an error"):
            assert [chunk async for chunk in stream]


async def test_the_official_client_sees_that_an_answer_was_held_back() -> None:
    async with client(simulator()) as official:
        made = await official.models.generate_content(
            model="gemini-3.8-flash", contents="Hi [[simulate: refusal=1]]"
        )
    assert made.candidates[0].finish_reason is types.FinishReason.SAFETY
    assert made.text is None


async def test_the_official_client_lists_the_models() -> None:
    async with client(simulator()) as official:
        names = [model.name async for model in await official.models.list()]
        one = await official.models.get(model="gemini-3.8-flash")
    assert "models/gemini-4-argon" in names
    assert "models/gemini-2.0-flash" not in names
    assert (one.name, one.output_token_limit) == ("models/gemini-3.8-flash", 65_536)


async def test_the_official_client_counts_tokens_without_a_line_on_the_bill() -> None:
    sim = simulator()
    async with client(sim) as official:
        counted = await official.models.count_tokens(model="gemini-3.8-flash", contents="How long is this?")
    assert counted.total_tokens == count_prompt([("user", "How long is this?")])
    assert sim.ledger.entries == []


def _as_documented(body: dict[str, Any]) -> dict[str, Any]:
    """The client writes the members of one object in snake case, and levels in capitals; the vendor reads both."""
    thinking = body.get("generationConfig", {}).get("thinkingConfig")
    if thinking:
        spelled = types.ThinkingConfig.model_validate(thinking).model_dump(
            by_alias=True, exclude_none=True, mode="json"
        )
        if "thinkingLevel" in spelled:
            spelled["thinkingLevel"] = spelled["thinkingLevel"].lower()
        body["generationConfig"]["thinkingConfig"] = spelled
    return body


@pytest.mark.parametrize("case", sorted(GEMINI.keys() - {"busy", "day-spent", "unknown-model"}))
def test_recorded_chunks_have_the_types_of_the_official_client(case: str) -> None:
    for exchange in recorded(f"gemini/{case}")["exchanges"]:
        for chunk in exchange["reply"]["body"].split("\r\n\r\n"):
            if chunk and "error" not in (told := json.loads(chunk.removeprefix("data: "))):
                types.GenerateContentResponse.model_validate(told)
