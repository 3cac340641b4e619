"""The Gemini provider and the simulator with a real connection in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sidecar.providers.base import Event, TextDelta, UsageSoFar
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.registry import Registry
from sidecar.simulator.core import Simulator
from sidecar.simulator.counting import count_tokens
from sidecar.simulator.registry import environment
from tests.helpers.answers import collect, text_of
from tests.helpers.gemini import KEY, ask
from tests.helpers.simulated import A_TENTH_OF_A_SECOND, no_wait, on_loopback, pieces_until_noticed, simulator

MODEL = "gemini-3.8-flash"


@asynccontextmanager
async def over_loopback(sim: Simulator) -> AsyncIterator[Gemini]:
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient(sleep=no_wait)
        try:
            yield Gemini(edge, f"{base}/gemini")
        finally:
            await edge.aclose()


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str) -> None:
    sim = simulator()
    async with over_loopback(sim) as made:
        plan = made.plan(ask(MODEL, "Talk [[simulate: tokens=5000 pace_ms=20]]"))
        stream = made.stream(plan, KEY)
        arrived: list[Event] = []
        while sum(isinstance(event, TextDelta) for event in arrived) < 3:
            arrived.append(await anext(stream))
        if how == "close":
            await stream.aclose()
        else:
            # The usage that came with the last text is given at once; the wait is for what follows.
            arrived.append(await anext(stream))
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        entry = sim.ledger.entries[-1]
        told = [event.usage for event in arrived if isinstance(event, UsageSoFar)][-1]
        assert "".join(entry.sent).startswith(text_of(arrived))
        assert entry.usage is not None
        assert (told.prompt_total, told.out_reasoning) == (
            entry.usage.prompt_total,
            entry.usage.out_reasoning,
        )
        assert 0 < told.out_visible <= entry.usage.out_visible
        assert entry.charged_usd is not None
        assert entry.charged_usd > 0


async def test_a_client_that_leaves_while_it_waits_for_the_first_word_is_noticed() -> None:
    sim = simulator()
    async with over_loopback(sim) as made:
        plan = made.plan(ask(MODEL, "Talk [[simulate: slow_first_ms=60000]]"))
        task = asyncio.ensure_future(anext(made.stream(plan, KEY)))
        while not sim.ledger.entries:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND


async def test_a_stream_that_is_cut_tells_what_it_has_used() -> None:
    sim = simulator()
    async with over_loopback(sim) as made:
        events, failure = await collect(made, made.plan(ask(MODEL, "Hi [[simulate: cut=4]]")))
    usage = [event.usage for event in events if isinstance(event, UsageSoFar)][-1]
    assert isinstance(failure, OutcomeUnknown)
    assert len(sim.ledger.entries) == 1
    assert usage.out_visible == count_tokens(text_of(events)) > 0


async def test_refusals_are_retried_over_a_real_connection() -> None:
    sim = simulator()
    async with over_loopback(sim) as made:
        plan = made.plan(ask(MODEL, "[[simulate: status=503 times=3]] Reply with exactly: ok"))
        events, failure = await collect(made, plan)
    assert failure is None
    assert text_of(events) == "ok"
    assert [entry.status for entry in sim.ledger.entries] == [503, 503, 503, 200]


async def test_the_simulators_own_variables_lead_the_registry_to_it() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        told = environment(base)
        edge = HttpClient()
        made = Registry(edge, told).get("gemini")
        assert made.name == "gemini"
        events, failure = await collect(
            made, made.plan(ask(MODEL, "Reply with exactly: ok")), told["GEMINI_API_KEY"]
        )
        await edge.aclose()
    assert failure is None
    assert text_of(events) == "ok"
