"""What OpenAI's client meets at such servers alone: their habits. The rest is in the conformance suite."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.answers import first_text, text_of
from tests.helpers.compatible import ask
from tests.helpers.late import Late
from tests.helpers.simulated import (
    A_TENTH_OF_A_SECOND,
    on_loopback,
    pieces_until_noticed,
    simulator,
)
from tests.providers.conformance.official import strictly
from tests.providers.conformance.official_openai import CompatibleClient, said

if TYPE_CHECKING:
    import openai
    import openai.types.chat
else:
    openai = Late("openai")

client = CompatibleClient().client


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
    strictly(openai.types.chat.ChatCompletion, made)


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
        strictly(openai.types.chat.ChatCompletionChunk, chunk)


@pytest.mark.parametrize("shape", ["object", "text", "string", "detail", "located", "message", "html"])
async def test_the_client_is_refused_in_every_shape(shape: str) -> None:
    async with client(simulator()) as official:
        with pytest.raises(openai.APIStatusError) as raised:
            await official.chat.completions.create(
                model="llama", messages=said(f"[[compatible: refuse=402 error={shape}]] Hi")
            )
    assert raised.value.status_code == 402


@pytest.mark.parametrize("address", ["/compatible", "/compatible/v1"])
@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str, address: str) -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
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
