"""What OpenAI's client sees that no other vendor has; the rest is in the conformance suite."""

from __future__ import annotations

from tests.helpers.simulated import simulator
from tests.providers.conformance.official_openai import OpenAIOnChat

client = OpenAIOnChat().client


async def test_the_official_client_reads_what_a_completion_used() -> None:
    sim = simulator()
    async with client(sim) as official:
        made = await official.chat.completions.create(
            model="gpt-5", messages=[{"role": "user", "content": "Reply with exactly: four"}]
        )
    assert made.usage is not None
    assert made.usage.completion_tokens_details is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


async def test_the_official_client_reads_what_a_response_used_and_did() -> None:
    async with client(simulator()) as official:
        made = await official.responses.create(
            model="gpt-5", input="Reply with exactly: four", tools=[{"type": "web_search"}], store=False
        )
    assert made.usage is not None
    assert made.usage.output_tokens_details.reasoning_tokens > 0
    assert [item.type for item in made.output] == ["reasoning", "web_search_call", "message"]


async def test_the_official_client_accumulates_our_stream_of_events() -> None:
    async with (
        client(simulator()) as official,
        official.responses.stream(model="gpt-5", input="Reply with exactly: one two three") as stream,
    ):
        final = await stream.get_final_response()
    assert final.output_text == "one two three"
