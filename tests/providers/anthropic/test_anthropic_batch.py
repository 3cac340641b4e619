"""Anthropic's message batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from sidecar.errors import Failure
from sidecar.money import pricing
from sidecar.providers.anthropic.batch import AnthropicBatch
from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import BatchAdapter, ChatRequest
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.anthropic_asking import ALWAYS, BASE, BETWEEN, BUDGET, QUIET, ask, catalogue
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
    async with asyncio.timeout(20):
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


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_every_row_comes_back_under_its_own_id(how: str) -> None:
    async with reached(simulator(), how) as adapter:
        state, came = await run(adapter, part_of(adapter, PLANNER, exactly(25)))
    assert (state.word, state.total, state.completed, state.failed) == ("ended", 25, 25, 0)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        f"row-{n}": f"answer {n}" for n in range(25)
    }
    for outcome in came.values():
        assert outcome.failure is None
        assert outcome.done is not None
        assert (outcome.done.finish_reason, outcome.done.served_model) == ("stop", BETWEEN)
        assert outcome.done.usage is not None
        assert outcome.done.usage.service_tier == "batch"


async def test_results_come_in_another_order_than_the_rows() -> None:
    adapter = adapter_on(simulator())
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(9)))
    ids = [outcome.custom_id for outcome in await outcomes(adapter, await finished(adapter, made.native_id))]
    assert sorted(ids) == [f"row-{n}" for n in range(9)]
    assert ids != sorted(ids)


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


async def test_failed_rows_have_the_kind_of_their_cause_and_cost_nothing() -> None:
    rows = {
        "fine": ask(BETWEEN, "Reply with exactly: fine"),
        "spent": ask(BETWEEN, "Hi [[simulate: quota=1]]"),
        "down": ask(BETWEEN, "Hi [[simulate: status=529]]"),
        "broken": ask(BETWEEN, "Hi [[simulate: cut=1]]"),
        "wrong": ask(BETWEEN, "Hi [[simulate: status=400]]"),
    }
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.completed, state.failed) == (1, 4)
    kinds = {id_: outcome.failure.kind for id_, outcome in came.items() if outcome.failure}
    assert kinds == {
        "spent": "rate_limited",
        "down": "provider_unavailable",
        "broken": "provider_unavailable",
        "wrong": "provider_rejected",
    }
    charged = {row["customId"]: row["chargedUSD"] for row in billed(sim)[0]["rows"]}
    assert [charged[id_] for id_ in kinds] == ["0"] * 4


async def test_a_refusal_before_any_output_is_a_failure_that_is_free() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, {"a": ask(BETWEEN, "Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    assert came["a"].done is not None
    assert came["a"].done.usage is not None
    assert came["a"].done.usage.charged_usd == 0
    assert billed(sim)[0]["chargedUSD"] == "0"


async def test_what_an_expired_batch_had_done_is_kept_and_the_rest_never_ran() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_expires=1")))
    assert (state.word, state.completed, state.failed) == ("ended", 2, 2)
    assert [came[f"row-{n}"].never_ran for n in range(4)] == [None, None, "expired", "expired"]
    assert came["row-1"].text == "answer 1"
    assert [row["chargedUSD"] for row in billed(sim)[0]["rows"][2:]] == ["0", "0"]


async def test_a_batch_that_breaks_down_fails_every_row() -> None:
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert {outcome.failure.kind for outcome in came.values() if outcome.failure} == {"provider_unavailable"}
    assert len(came) == 4


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_what_a_cancelled_batch_had_done_is_kept(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
        await adapter.check(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        state = await finished(adapter, made.native_id)
        came = {outcome.custom_id: outcome for outcome in await outcomes(adapter, state)}
        await adapter.cancel(KEY, made.native_id)
    assert [came[f"row-{n}"].never_ran for n in range(4)] == [None, None, "cancelled", "cancelled"]
    assert came["row-0"].text == "answer 0"
    assert (state.completed, state.failed) == (2, 2)


async def test_nothing_but_the_total_is_told_before_the_end() -> None:
    adapter = adapter_on(simulator())
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
    states = [made, *[await adapter.check(KEY, made.native_id) for _ in range(3)]]
    assert [state.word for state in states] == ["in_progress", "in_progress", "in_progress", "ended"]
    assert [state.total for state in states] == [4] * 4
    assert [state.completed for state in states] == [None, None, None, 4]
    assert [state.results_ready for state in states] == [False, False, False, True]
    assert (states[-1].created_at, states[-1].ended_at) == (NOW_MS, NOW_MS)


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


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_a_create_that_never_arrived_is_certainly_absent_and_can_be_sent_again(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        part = part_of(adapter, PLANNER, led("create_lost=1"))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert (found.state, found.certain) == (None, True)
        await adapter.create(KEY, part)
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_another_batch_of_as_many_rows_is_told_apart_by_its_ids_when_it_has_ended() -> None:
    adapter = adapter_on(simulator())
    other = await submit(adapter, part_of(adapter, PLANNER, exactly(3, "other")))
    ours = part_of(adapter, PLANNER, exactly(3, "ours"))
    assert not (await adapter.find(KEY, ours)).certain
    await finished(adapter, other.native_id)
    found = await adapter.find(KEY, ours)
    assert (found.state, found.certain) == (None, True)


async def test_a_batch_that_is_another_parts_leaves_no_doubt_while_it_runs() -> None:
    adapter = adapter_on(simulator())
    other = await submit(adapter, part_of(adapter, PLANNER, exactly(3, "other")))
    ours = replace(part_of(adapter, PLANNER, exactly(3, "ours")), others=frozenset({other.native_id}))
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


async def test_a_batch_is_found_behind_two_hundred_others() -> None:
    adapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(2))
    made = await submit(adapter, part)
    await finished(adapter, made.native_id)
    for number in range(205):
        await submit(adapter, part_of(adapter, PLANNER, exactly(1, f"other{number}")))
    found = await adapter.find(KEY, part)
    assert found.state is not None
    assert found.state.native_id == made.native_id


async def test_a_wrong_key_is_said_at_every_step() -> None:
    adapter: BatchAdapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(1))
    for asked in (
        adapter.create("sk-invalid-1", part),
        adapter.find("sk-invalid-1", part),
        adapter.check("sk-invalid-1", "msgbatch_1"),
        adapter.cancel("sk-invalid-1", "msgbatch_1"),
    ):
        with pytest.raises(Failure) as raised:
            await asked
        assert raised.value.kind == "invalid_api_key"
        assert raised.value.provider == "anthropic"
        assert not isinstance(raised.value, OutcomeUnknown)


async def test_an_id_that_is_used_twice_is_refused_for_certain() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = part_of(adapter, PLANNER, exactly(1))
    with pytest.raises(Failure) as raised:
        await adapter.create(KEY, replace(part, lines=[*part.lines, *part.lines]))
    assert raised.value.kind == "provider_rejected"
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []


@pytest.mark.parametrize(
    ("model", "prompt", "cached", "written", "output"),
    [
        # Dollars for a million in a batch, with the one-hour cache: everything is halved, cache included.
        (BETWEEN, "1", "0.05", "2", "5"),
        (BUDGET, "0.5", "0.05", "1", "2.5"),
    ],
)
async def test_a_batch_costs_its_own_price_to_the_last_digit(
    model: str, prompt: str, cached: str, written: str, output: str
) -> None:
    long = "A sentence that is the same in every row. " * 500
    rows = {f"row-{n}": ask(model, f"Reply with exactly: {n}", system=long, cache_ttl="1h") for n in range(3)}
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    entry = catalogue().reported("anthropic", model)
    assert entry is not None
    price = catalogue().price_entry(entry, date(2026, 11, 23))
    total = Decimal(0)
    reads = writes = 0
    for outcome in came.values():
        assert outcome.done is not None
        usage = outcome.done.usage
        assert usage is not None
        priced = pricing.cost(usage, price, batch=True)
        assert isinstance(priced, pricing.Cost)
        by_hand = (
            usage.in_uncached * Decimal(prompt)
            + usage.cache_read * Decimal(cached)
            + usage.cache_write_long * Decimal(written)
            + usage.out_total * Decimal(output)
        ) / Decimal(10**6)
        assert priced.total_usd == by_hand
        total += by_hand
        reads, writes = reads + usage.cache_read, writes + usage.cache_write_long
    assert reads > 0
    assert writes > 0
    assert Decimal(billed(sim)[0]["chargedUSD"]) == total


def test_the_limits_are_the_vendors() -> None:
    limits = AnthropicBatch(HttpClient(), BASE).limits
    assert (limits.rows, limits.one_model) == (100_000, False)
    assert limits.bytes < 256_000_000
