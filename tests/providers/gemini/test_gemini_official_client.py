"""What Google's client sees that no other vendor has; the rest is in the conformance suite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sidecar.simulator.counting import count_prompt, count_tokens
from sidecar.simulator.gemini.routes import GeminiVendor
from tests.helpers.gemini import plan
from tests.helpers.late import Late
from tests.helpers.simulated import simulator
from tests.providers.conformance.official_gemini import GooglesClient
from tests.providers.conformance.recordings import GEMINI, recorded

if TYPE_CHECKING:
    from google import genai
    from google.genai import errors, types
else:
    genai, errors, types = (Late(f"google.genai{each}") for each in ("", ".errors", ".types"))

GOOGLE = GooglesClient()
client = GOOGLE.client

# The client builds its session in a way that its network library frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")


@pytest.mark.parametrize("model", ["gemini-4-argon", "gemini-3.1-pro-preview", "gemini-2.5-flash"])
@pytest.mark.parametrize("options", GOOGLE.options, ids=lambda options: "-".join(options) or "bare")
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


@pytest.mark.parametrize("bare", [False, True])
async def test_the_official_client_raises_an_error_inside_a_stream(bare: bool) -> None:
    async with client(simulator(vendors=[GeminiVendor(bare_errors=bare)])) as official:
        stream = await official.models.generate_content_stream(
            model="gemini-3.8-flash", contents="Hi [[simulate: error_after=2]]"
        )
        with pytest.raises(errors.ServerError, match="The server had an error"):
            assert [chunk async for chunk in stream]


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
