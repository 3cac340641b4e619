from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from sidecar.providers.base import TextDelta, Usage
from sidecar.simulator.core import Simulator
from sidecar.simulator.counting import count_tokens
from sidecar.simulator.exchange import SimRequest
from tests.helpers.conversing import CHAT, chat, question
from tests.helpers.openai_models import ask
from tests.helpers.simulated import in_process, post, read, simulator


async def test_a_client_that_leaves_pays_for_what_was_sent() -> None:
    sim = simulator()
    made = in_process(sim)
    stream = made.stream(made.plan(ask("gpt-4o", "Tell me [[simulate: tokens=1000]]")), "sk-simulated")
    async with asyncio.timeout(60):
        text = [event async for event in _first(stream, 3)]
        await stream.aclose()
    (entry,) = sim.ledger.entries
    assert entry.state == "cancelled"
    assert entry.usage is not None
    assert count_tokens("".join(text)) <= entry.usage.out_visible < 50
    assert entry.charged_usd is not None
    assert Decimal(0) < entry.charged_usd < Decimal("0.001")


async def test_a_client_that_leaves_before_the_first_byte_is_noticed() -> None:
    sim = simulator()
    response = await post(sim, CHAT, question(stream=True))
    await response.aclose()
    assert [entry.state for entry in sim.ledger.entries] == ["cancelled"]


async def test_an_answer_that_was_read_to_its_end_is_not_cancelled_by_closing() -> None:
    sim = simulator()
    response = await post(sim, CHAT, question(stream=True))
    async for chunk in response.chunks:
        if b"[DONE]" in chunk:
            break
    await response.aclose()
    assert [entry.state for entry in sim.ledger.entries] == ["finished"]


async def test_the_ledger_adds_up_and_is_served() -> None:
    sim = simulator()
    await chat(sim)
    await chat(sim, model="gpt-5")
    running = await post(sim, CHAT, question(stream=True))
    served = json.loads(await read(await sim.handle(SimRequest("GET", "/__simulator/ledger", {}))))
    assert served["running"] == 1
    assert [row["state"] for row in served["requests"]] == ["finished", "finished", "running"]
    assert served["requests"][0]["prompt"] == "Why is the sky blue?"
    charges = [Decimal(row["chargedUSD"]) for row in served["requests"] if row["chargedUSD"] is not None]
    assert sum(charges) == Decimal(served["totalChargedUSD"]) > 0
    await running.aclose()


async def test_the_charge_is_the_catalogues_price_to_the_last_digit() -> None:
    sim = simulator()
    await chat(sim, "Reply with exactly: four")
    (entry,) = sim.ledger.entries
    assert entry.usage == Usage(in_uncached=13, out_visible=1, prompt_total=13, service_tier="default")
    # gpt-4o: 2.5 and 10 dollars for a million tokens.
    assert entry.charged_usd == Decimal("0.0000425")


async def test_a_ledger_that_nobody_reads_keeps_the_newest_requests_alone() -> None:
    sim = Simulator(pace_ms=0, most_ledger_entries=4)
    for number in range(9):
        await chat(sim, f"Reply with exactly: {number}")
    assert [entry.prompt[-1] for entry in sim.ledger.entries] == ["6", "7", "8"]


async def _first(stream: Any, count: int) -> Any:
    async for event in stream:
        if not isinstance(event, TextDelta):
            continue
        yield event.text
        count -= 1
        if not count:
            return
