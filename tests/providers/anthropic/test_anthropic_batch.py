"""Anthropic's message batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.batch import AnthropicBatch
from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.anthropic_asking import ALWAYS, BASE, BETWEEN, BUDGET, QUIET, ask
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit
from tests.helpers.simulated import NOW_MS, no_wait, on_loopback, simulator

PLANNER = Anthropic(HttpClient(), BASE)
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n", "why"],
    "additionalProperties": False,
}


def adapter_on(sim: Simulator) -> AnthropicBatch:
    return AnthropicBatch(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), BASE)


@asynccontextmanager
async def reached(sim: Simulator, how: str) -> AsyncIterator[AnthropicBatch]:
    """The adapter, in process or over loopback."""
    async with asyncio.timeout(60):
        if how == "in process":
            yield adapter_on(sim)
            return
        async with on_loopback(sim) as base:
            edge = HttpClient(sleep=no_wait)
            yield AnthropicBatch(edge, f"{base}/anthropic/")
            await edge.aclose()


def exactly(count: int, prefix: str = "row", model: str = BETWEEN) -> dict[str, ChatRequest]:
    return {f"{prefix}-{n}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(count)
    rows["row-0"] = ask(BETWEEN, f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows


async def test_rows_of_every_kind_and_of_several_models_go_into_one_batch() -> None:
    rows = {
        "plain": ask(BETWEEN, "Reply with exactly: plain", system="Be brief.", max_output_tokens=900),
        "schema": ask(ALWAYS, "Judge.", json_schema=SCHEMA),
        "search": ask(BUDGET, "Reply with exactly: found", web_search_max_uses=2),
        "thought": ask(QUIET, "Reply with exactly: thought", thinking=True),
    }
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(rows)
    assert came["plain"].text == "plain"
    assert json.loads(came["schema"].text).keys() == {"n", "why"}
    assert came["thought"].thinking
    done = came["search"].done
    assert done is not None
    assert done.usage is not None
    assert done.usage.searches == 1
    assert len(done.citations) == 1
    assert {id_: outcome.done.served_model for id_, outcome in came.items() if outcome.done} == {
        "plain": BETWEEN,
        "schema": ALWAYS,
        "search": BUDGET,
        "thought": QUIET,
    }


def test_a_line_is_the_message_as_it_would_be_sent_alone_but_for_the_stream() -> None:
    plan = PLANNER.plan(ask(BETWEEN, "two\nlines", system="Be brief.", cache_ttl="1h"))
    line = AnthropicBatch(HttpClient(), BASE).line("a", plan)
    assert b"\n" not in line
    params = {name: value for name, value in plan.body.items() if name != "stream"}
    assert json.loads(line) == {"custom_id": "a", "params": params}


async def test_a_batch_that_breaks_down_fails_every_row() -> None:
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert {outcome.failure.kind for outcome in came.values() if outcome.failure} == {"provider_unavailable"}
    assert len(came) == 4


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_a_create_whose_answer_was_lost_is_in_doubt_until_the_batch_ends_and_is_then_found(
    how: str,
) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        part = part_of(adapter, PLANNER, led("create_cut=1"))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        doubt = await adapter.find(KEY, part)
        assert (doubt.state, doubt.certain) == (None, False)
        (bill,) = billed(sim)
        assert bill["id"] in doubt.note
        await finished(adapter, bill["id"])
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.certain
        assert found.state.native_id == bill["id"]
        assert len(await outcomes(adapter, found.state)) == 4
    assert [each["creates"] for each in billed(sim)] == [1]


async def test_another_batch_of_as_many_rows_is_told_apart_by_its_ids_when_it_has_ended() -> None:
    adapter = adapter_on(simulator())
    other = await submit(adapter, part_of(adapter, PLANNER, exactly(3, "other")))
    ours = part_of(adapter, PLANNER, exactly(3, "ours"))
    assert not (await adapter.find(KEY, ours)).certain
    await finished(adapter, other.native_id)
    found = await adapter.find(KEY, ours)
    assert (found.state, found.certain) == (None, True)


async def test_a_batch_of_another_size_or_of_last_week_is_not_ours() -> None:
    now = NOW_MS
    sim = simulator(now_ms=lambda: now)
    adapter = adapter_on(sim)
    await submit(adapter, part_of(adapter, PLANNER, exactly(2)))
    part = part_of(adapter, PLANNER, exactly(3), since=NOW_MS)
    assert (await adapter.find(KEY, part)).certain
    week = 7 * 24 * 3_600 * 1_000
    part = part_of(adapter, PLANNER, exactly(2), since=NOW_MS + week)
    assert (await adapter.find(KEY, part)).certain


async def test_an_id_that_is_used_twice_is_refused_for_certain() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = part_of(adapter, PLANNER, exactly(1))
    with pytest.raises(Failure) as raised:
        await adapter.create(KEY, replace(part, lines=[*part.lines, *part.lines]))
    assert raised.value.kind == "provider_rejected"
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []


def test_the_limits_are_the_vendors() -> None:
    limits = AnthropicBatch(HttpClient(), BASE).limits
    assert (limits.rows, limits.one_model) == (100_000, False)
    assert limits.bytes < 256_000_000
