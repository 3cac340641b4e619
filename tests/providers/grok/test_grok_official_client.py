"""What xAI adds to what OpenAI's client knows; the rest is in the conformance suite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sidecar.providers.base import UsageSoFar
from sidecar.providers.grok.provider import Grok
from sidecar.providers.grok.usage import charged_usd
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.answers import done_of, first_text, text_of, thinking_of
from tests.helpers.grok import ask, collect, in_process
from tests.helpers.simulated import (
    A_TENTH_OF_A_SECOND,
    on_loopback,
    pieces_until_noticed,
    simulator,
)
from tests.providers.conformance.official_openai import GrokOnChat

client = GrokOnChat().client


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


async def test_the_official_client_reads_a_response_with_its_searches() -> None:
    async with client(simulator()) as official:
        made = await official.responses.create(
            model="grok-4.3", input="Reply with exactly: four", tools=[{"type": "web_search"}], store=False
        )
    assert made.output_text == "four"
    assert made.usage is not None
    assert made.usage.model_extra is not None
    assert made.usage.model_extra["server_side_tool_usage_details"]["web_search_calls"] == 1


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
    async with asyncio.timeout(60), on_loopback(sim) as base:
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
