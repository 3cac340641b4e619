"""Gemini's batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money import pricing
from sidecar.providers.gemini.batch import GeminiBatch
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.registry import Registry
from sidecar.simulator.core import Simulator
from sidecar.simulator.gemini.routes import GeminiVendor
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit
from tests.helpers.gemini import BASE, SCHEMA, ask, catalogue
from tests.helpers.gemini_batches import (
    FLASH,
    PLANNER,
    adapter_on,
    both_sorts,
    both_ways,
    exactly,
    led,
    reached,
)
from tests.helpers.simulated import NOW_MS, simulator


def stopping(*, partial_results: bool) -> Simulator:
    return simulator(vendors=[GeminiVendor(partial_results=partial_results)])


@both_sorts
@both_ways
async def test_every_row_comes_back_under_its_own_id(how: str, sort: str) -> None:
    sim = simulator()
    async with reached(sim, how, sort) as adapter:
        state, came = await run(adapter, part_of(adapter, PLANNER, exactly(25)))
    assert (state.word, state.total, state.completed, state.failed) == ("BATCH_STATE_SUCCEEDED", 25, 25, 0)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        f"row-{n}": f"answer {n}" for n in range(25)
    }
    for outcome in came.values():
        assert outcome.failure is None
        assert outcome.done is not None
        assert (outcome.done.finish_reason, outcome.done.served_model) == ("stop", FLASH)
        assert outcome.done.usage is not None
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_results_of_a_file_come_in_another_order_than_the_rows() -> None:
    adapter = adapter_on(simulator(), "file")
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(9)))
    ids = [outcome.custom_id for outcome in await outcomes(adapter, await finished(adapter, made.native_id))]
    assert sorted(ids) == [f"row-{n}" for n in range(9)]
    assert ids != sorted(ids)


async def test_a_part_goes_with_its_create_request_until_it_is_too_large() -> None:
    adapter = GeminiBatch(HttpClient(lambda: simulated_transport(sim)), BASE)
    sim = simulator()
    small = part_of(adapter, PLANNER, exactly(3))
    assert await adapter.upload(KEY, small) is None
    large = part_of(adapter, PLANNER, {"a": ask(FLASH, "x" * 11_000_000), "b": ask(FLASH, "y" * 11_000_000)})
    assert (await adapter.upload(KEY, large) or "").startswith("files/")


@both_sorts
async def test_rows_of_every_kind_go_into_one_batch(sort: str) -> None:
    rows = {
        "plain": ask(FLASH, "Reply with exactly: plain", system="Be brief.", max_output_tokens=900),
        "schema": ask(FLASH, "Judge.", json_schema=SCHEMA),
        "mode": ask(FLASH, "Judge.", json_mode=True, effort="low"),
        "search": ask(FLASH, "Reply with exactly: found", web_search_max_uses=2),
        "both": ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA),
        "thought": ask(FLASH, "Reply with exactly: thought", thinking=True),
        "odd": ask(FLASH, 'Reply with exactly: "ä\u2028" \\ {"inlinedResponses":[1]}'),
    }
    adapter = adapter_on(simulator(), sort)
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(rows)
    assert came["plain"].text == "plain"
    assert json.loads(came["schema"].text).keys() == {"n"}
    assert json.loads(came["mode"].text)["simulated"] is True
    assert json.loads(came["both"].text).keys() == {"n"}
    assert came["thought"].thinking
    assert came["odd"].text == '"ä\u2028" \\ {"inlinedResponses":[1]}'
    done = came["search"].done
    assert done is not None
    assert done.usage is not None
    assert done.usage.searches == 1
    assert len(done.citations) == 1


async def test_a_row_that_searches_asks_for_its_form_in_words() -> None:
    """Alone it is asked again when a model refuses that; in a batch nobody would know before the end."""
    adapter = adapter_on(stopping(partial_results=True))
    plan = PLANNER.plan(ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA))
    assert "responseJsonSchema" in plan.body["generationConfig"]
    request = json.loads(adapter.line("a", plan))["request"]
    assert "responseJsonSchema" not in request.get("generationConfig", {})
    assert "JSON Schema" in request["systemInstruction"]["parts"][-1]["text"]
    _, came = await run(
        adapter_on(simulator(vendors=[GeminiVendor(json_with_tools=False)])),
        part_of(adapter, PLANNER, {"a": ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA)}),
    )
    assert came["a"].failure is None


def test_a_line_is_the_row_as_it_would_be_asked_alone() -> None:
    adapter = adapter_on(simulator())
    plan = PLANNER.plan(ask(FLASH, "two\nlines\r\n\u2028", system="Be brief.", json_schema=SCHEMA))
    line = adapter.line('a"b', plan)
    assert b"\n" not in line
    assert json.loads(line) == {"key": 'a"b', "request": plan.body}


@both_sorts
async def test_failed_rows_have_their_cause(sort: str) -> None:
    rows = {
        "fine": ask(FLASH, "Reply with exactly: fine"),
        "spent": ask(FLASH, "Hi [[simulate: quota=1]]"),
        "down": ask(FLASH, "Hi [[simulate: status=503]]"),
        "broken": ask(FLASH, "Hi [[simulate: cut=1]]"),
        "wrong": ask(FLASH, "Hi [[simulate: status=400]]"),
    }
    sim = simulator()
    adapter = adapter_on(sim, sort)
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.word, state.completed, state.failed) == ("BATCH_STATE_SUCCEEDED", 1, 4)
    kinds = {id_: outcome.failure.kind for id_, outcome in came.items() if outcome.failure}
    assert kinds == {
        "spent": "rate_limited",
        "down": "provider_unavailable",
        "broken": "provider_unavailable",
        "wrong": "provider_rejected",
    }
    assert all(outcome.done is None for id_, outcome in came.items() if id_ != "fine")
    charged = {row["customId"]: row["chargedUSD"] for row in billed(sim)[0]["rows"]}
    assert {id_: charged[id_] for id_ in kinds} == dict.fromkeys(kinds, "0")


async def test_a_refused_answer_is_a_failure_that_was_billed() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, {"a": ask(FLASH, "Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "content_filter"
    assert came["a"].done.usage is not None
    assert Decimal(billed(sim)[0]["chargedUSD"]) > 0


async def test_an_answer_cut_at_its_limit_says_so() -> None:
    model = "gemini-2.5-flash"
    adapter = adapter_on(simulator())
    rows = {"a": ask(model, "Reply with exactly: " + "long " * 50, max_output_tokens=5, effort="none")}
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"


async def test_an_answer_that_would_be_continued_ends_at_its_length() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=600)])
    adapter = adapter_on(sim)
    rows = {"a": ask("gemini-4-argon", "Write. [[simulate: tokens=900]]", effort="low")}
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert came["a"].failure is None
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"
    assert came["a"].text


@both_sorts
async def test_what_an_expired_batch_had_done_is_kept(sort: str) -> None:
    sim = simulator()
    adapter = adapter_on(sim, sort)
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_expires=1")))
    assert state.word == "BATCH_STATE_EXPIRED"
    assert {id_: outcome.never_ran for id_, outcome in came.items()} == {
        "row-0": None,
        "row-1": None,
        "row-2": "expired",
        "row-3": "expired",
    }
    assert came["row-1"].text == "answer 1"
    assert [row["chargedUSD"] for row in billed(sim)[0]["rows"][2:]] == ["0", "0"]


@both_sorts
@both_ways
async def test_what_a_cancelled_batch_had_done_is_kept(how: str, sort: str) -> None:
    sim = simulator()
    async with reached(sim, how, sort) as adapter:
        made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
        assert (await adapter.check(KEY, made.native_id)).word == "BATCH_STATE_RUNNING"
        await adapter.cancel(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        state = await finished(adapter, made.native_id)
        came = {outcome.custom_id: outcome.text for outcome in await outcomes(adapter, state)}
        await adapter.cancel(KEY, made.native_id)
    assert state.word == "BATCH_STATE_CANCELLED"
    # The vendor says nothing of the rows that it did not run.
    assert came == {"row-0": "answer 0", "row-1": "answer 1"}
    assert billed(sim)[0]["state"] == "cancelled"


@both_sorts
async def test_a_batch_that_was_stopped_and_hands_out_nothing_has_ended_all_the_same(sort: str) -> None:
    adapter = adapter_on(stopping(partial_results=False), sort)
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
    await adapter.check(KEY, made.native_id)
    await adapter.cancel(KEY, made.native_id)
    state = await finished(adapter, made.native_id)
    assert await outcomes(adapter, state) == []


async def test_a_batch_goes_through_the_vendors_words() -> None:
    adapter = adapter_on(simulator())
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
    states = [made, *[await adapter.check(KEY, made.native_id) for _ in range(4)]]
    assert [state.word.removeprefix("BATCH_STATE_") for state in states] == [
        "PENDING",
        "RUNNING",
        "RUNNING",
        "SUCCEEDED",
        "SUCCEEDED",
    ]
    assert [state.ended for state in states] == [False, False, False, True, True]
    assert [state.results_ready for state in states] == [False, False, False, True, True]
    assert [state.completed for state in states] == [0, 2, 4, 4, 4]
    assert (states[-1].created_at, states[-1].ended_at) == (NOW_MS, NOW_MS)


async def test_a_batch_that_fails_as_ordered_has_an_error() -> None:
    adapter = adapter_on(simulator())
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert (state.word, came) == ("BATCH_STATE_FAILED", {})
    assert state.error


@pytest.mark.parametrize(
    ("model", "prompt", "cached", "output"),
    [
        # From the vendor's page: batch prompt, batch cached or else standard cached, batch output, for a million.
        ("gemini-4-argon", "1", "0.05", "5"),
        ("gemini-3.8-flash", "0.375", "0.0375", "1.875"),
        ("gemini-3.5-flash-lite", "0.15", "0.02", "1.25"),
        ("gemini-3.1-pro-preview", "1", "0.2", "6"),
        ("gemini-2.5-flash-lite", "0.05", "0.01", "0.2"),
    ],
)
async def test_a_batch_costs_its_own_price_to_the_last_digit(
    model: str, prompt: str, cached: str, output: str
) -> None:
    long = "A sentence that is the same in every row. " * 500
    rows = {f"row-{n}": ask(model, f"Reply with exactly: {n}", system=long) for n in range(3)}
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    entry = catalogue().price_entry(catalogue().resolve(f"gemini/{model}").model, date(2026, 11, 23))
    total = Decimal(0)
    reads = 0
    for outcome in came.values():
        assert outcome.done is not None
        assert outcome.done.served_model == model
        usage = outcome.done.usage
        assert usage is not None
        priced = pricing.cost(usage, entry, batch=True)
        assert isinstance(priced, pricing.Cost)
        assert priced.total_usd == (
            usage.in_uncached * Decimal(prompt)
            + usage.cache_read * Decimal(cached)
            + usage.out_total * Decimal(output)
        ) / Decimal(10**6)
        total += priced.total_usd
        reads += usage.cache_read
    assert reads > 0
    assert Decimal(billed(sim)[0]["chargedUSD"]) == total
    assert Decimal(sim.ledger.wire()["totalChargedUSD"]) == total


async def test_an_upload_goes_to_the_base_url_and_nowhere_else() -> None:
    """The vendor answers with the address to send to; a proxy in between must still get everything."""
    seen: list[str] = []
    sim = simulator()

    class Watching:
        """A transport that remembers the hosts it was asked for, and asks the vendor itself."""

        def __init__(self) -> None:
            self._inner: Any = simulated_transport(sim)

        async def handle_async_request(self, request: Any) -> Any:
            seen.append(request.url.host)
            request.url = request.url.copy_with(host="generativelanguage.googleapis.com")
            request.headers["host"] = "generativelanguage.googleapis.com"
            return await self._inner.handle_async_request(request)

        async def aclose(self) -> None:
            await self._inner.aclose()

    edge = HttpClient(lambda: Watching())  # type: ignore[arg-type,return-value]
    adapter = GeminiBatch(edge, "https://proxy.example/v1beta", largest_inline=0)
    _, came = await run(adapter, part_of(adapter, PLANNER, exactly(2)))
    assert len(came) == 2
    assert set(seen) == {"proxy.example"}


def test_the_limits_are_within_the_vendors() -> None:
    limits = adapter_on(simulator()).limits
    assert limits.bytes <= 2_000_000_000
    assert limits.one_model


def test_the_registry_knows_the_adapter() -> None:
    assert isinstance(Registry(HttpClient(), {}).batch("gemini"), GeminiBatch)
