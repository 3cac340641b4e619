"""OpenAI's batches against the simulator: in the process, and where it matters over a real connection."""

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
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import BatchAdapter, ChatRequest
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit, uploaded
from tests.helpers.openai_models import ask
from tests.helpers.simulated import NOW_MS, no_wait, on_loopback, simulator

PLANNER = OpenAI(HttpClient(), "https://api.example/v1")
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n", "why"],
    "additionalProperties": False,
}


def adapter_on(sim: Simulator) -> OpenAIBatch:
    edge = HttpClient(lambda: simulated_transport(sim), sleep=no_wait)
    return OpenAIBatch(edge, "https://api.openai.com/v1/")


@asynccontextmanager
async def reached(sim: Simulator, how: str) -> AsyncIterator[OpenAIBatch]:
    """The adapter, in process or over loopback."""
    async with asyncio.timeout(20):
        if how == "in process":
            yield adapter_on(sim)
            return
        async with on_loopback(sim) as base:
            edge = HttpClient(sleep=no_wait)
            yield OpenAIBatch(edge, f"{base}/v1")
            await edge.aclose()


def exactly(model: str, count: int) -> dict[str, ChatRequest]:
    return {f"row-{n}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, model: str = "gpt-5", count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(model, count)
    rows["row-0"] = ask(model, f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_every_row_comes_back_under_its_own_id(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        state, came = await run(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 25)))
    assert (state.word, state.total, state.completed, state.failed) == ("completed", 25, 25, 0)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        f"row-{n}": f"answer {n}" for n in range(25)
    }
    for outcome in came.values():
        assert outcome.failure is None
        assert outcome.done is not None
        assert outcome.done.finish_reason == "stop"
        assert outcome.done.served_model == "gpt-5"
        assert outcome.done.usage is not None


async def test_results_come_in_another_order_than_the_rows() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    state = await finished(
        adapter, (await submit(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 9)))).native_id
    )
    ids = [outcome.custom_id for outcome in await outcomes(adapter, state)]
    assert sorted(ids) == [f"row-{n}" for n in range(9)]
    assert ids != sorted(ids)


async def test_rows_of_every_kind_go_into_one_file() -> None:
    """A file goes to one endpoint, and these need two when they are asked alone."""
    rows = {
        "plain": ask("gpt-6.1-sol", "Reply with exactly: plain", system="Be brief.", max_output_tokens=900),
        "schema": ask("gpt-6.1-sol", "Judge.", json_schema=SCHEMA),
        "mode": ask("gpt-6.1-sol", "Judge.", json_mode=True, effort="low"),
        "search": ask("gpt-6.1-sol", "Reply with exactly: found", web_search_max_uses=2),
        "max": ask("gpt-6.1-sol", "Reply with exactly: thought", effort="max"),
    }
    paths = {PLANNER.plan(request).path for request in rows.values()}
    assert paths == {"/chat/completions", "/responses"}
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(rows)
    assert came["plain"].text == "plain"
    assert json.loads(came["schema"].text).keys() == {"n", "why"}
    assert json.loads(came["mode"].text)["simulated"] is True
    assert came["max"].text == "thought"
    done = came["search"].done
    assert done is not None
    assert done.usage is not None
    assert done.usage.searches == 1
    assert len(done.citations) == 1


async def test_a_row_of_chat_completions_is_asked_the_same_in_a_batch() -> None:
    request = ask(
        "gpt-5.1", "Judge.", system="Be brief.", json_schema=SCHEMA, effort="low", max_output_tokens=50
    )
    plan = PLANNER.plan(request)
    assert plan.path == "/chat/completions"
    line = json.loads(adapter_on(simulator()).line("a", plan))
    assert line == {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/responses",
        "body": {
            "store": False,
            "model": "gpt-5.1",
            "input": plan.body["messages"],
            "max_output_tokens": 50,
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", **plan.body["response_format"]["json_schema"]}},
        },
    }


async def test_a_line_has_no_line_end_and_no_stream() -> None:
    adapter = adapter_on(simulator())
    for model in ("gpt-4o", "gpt-6.1-sol"):
        line = adapter.line("a", PLANNER.plan(ask(model, "two\nlines\r\n\u2028", web_search_max_uses=1)))
        assert b"\n" not in line
        assert not {"stream", "stream_options"} & json.loads(line)["body"].keys()


async def test_failed_rows_come_from_the_error_file_with_their_cause() -> None:
    rows = {
        "fine": ask("gpt-5", "Reply with exactly: fine"),
        "spent": ask("gpt-5", "Hi [[simulate: quota=1]]"),
        "down": ask("gpt-5", "Hi [[simulate: status=503]]"),
        "broken": ask("gpt-5", "Hi [[simulate: cut=1]]"),
        "wrong": ask("gpt-5", "Hi [[simulate: status=400]]"),
    }
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.word, state.completed, state.failed) == ("completed", 1, 4)
    kinds = {id_: outcome.failure.kind for id_, outcome in came.items() if outcome.failure}
    assert kinds == {
        "spent": "rate_limited",
        "down": "provider_unavailable",
        "broken": "provider_unavailable",
        "wrong": "provider_rejected",
    }
    assert all(outcome.done is None for id_, outcome in came.items() if id_ != "fine")
    assert {
        row["customId"]: row["chargedUSD"] for row in billed(sim)[0]["rows"] if row["customId"] in kinds
    } == (dict.fromkeys(kinds, "0"))


async def test_a_batch_in_which_every_row_failed_has_only_an_error_file() -> None:
    adapter = adapter_on(simulator())
    rows = {f"row-{n}": ask("gpt-5", "Hi [[simulate: status=500]]") for n in range(3)}
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert state.handles.keys() == {"error_file_id"}
    assert all(outcome.failure is not None for outcome in came.values())


async def test_a_refused_answer_is_a_failure_that_was_billed() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, {"a": ask("gpt-5", "Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "content_filter"
    assert came["a"].done.usage is not None
    assert Decimal(billed(sim)[0]["chargedUSD"]) > 0


async def test_an_answer_cut_at_its_limit_says_so() -> None:
    adapter = adapter_on(simulator())
    rows = {"a": ask("gpt-4o", "Reply with exactly: " + "long " * 50, max_output_tokens=5)}
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"


async def test_what_an_expired_batch_had_done_is_kept_and_the_rest_never_ran() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_expires=1")))
    assert state.word == "expired"
    assert {id_: outcome.never_ran for id_, outcome in came.items()} == {
        "row-0": None,
        "row-1": None,
        "row-2": "expired",
        "row-3": "expired",
    }
    assert came["row-1"].text == "answer 1"
    assert [row["chargedUSD"] for row in billed(sim)[0]["rows"][2:]] == ["0", "0"]


async def test_one_row_can_expire_among_others() -> None:
    adapter = adapter_on(simulator())
    rows = exactly("gpt-5", 3)
    rows["row-1"] = ask("gpt-5", "Hi [[simulate: expires=1]]")
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert state.word == "expired"
    assert [came[f"row-{n}"].never_ran for n in range(3)] == [None, "expired", None]


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_what_a_cancelled_batch_had_done_is_kept(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        made = await submit(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 4)))
        assert (await adapter.check(KEY, made.native_id)).word == "in_progress"
        await adapter.cancel(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        state = await finished(adapter, made.native_id)
        came = {outcome.custom_id: outcome for outcome in await outcomes(adapter, state)}
        await adapter.cancel(KEY, made.native_id)
    assert state.word == "cancelled"
    assert [came[f"row-{n}"].never_ran for n in range(4)] == [None, None, "cancelled", "cancelled"]
    assert came["row-0"].text == "answer 0"
    assert billed(sim)[0]["state"] == "cancelled"


async def test_a_batch_cancelled_before_any_row_ran_has_nothing_to_fetch_but_who_never_ran() -> None:
    adapter = adapter_on(simulator())
    made = await submit(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 2)))
    await adapter.cancel(KEY, made.native_id)
    state = await finished(adapter, made.native_id)
    assert [outcome.never_ran for outcome in await outcomes(adapter, state)] == ["cancelled", "cancelled"]


async def test_a_batch_goes_through_the_vendors_words() -> None:
    adapter = adapter_on(simulator())
    made = await submit(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 4)))
    states = [made, *[await adapter.check(KEY, made.native_id) for _ in range(4)]]
    assert [state.word for state in states] == [
        "validating",
        "in_progress",
        "finalizing",
        "completed",
        "completed",
    ]
    assert [state.ended for state in states] == [False, False, False, True, True]
    assert [state.completed for state in states] == [0, 2, 4, 4, 4]
    assert (states[-1].created_at, states[-1].ended_at) == (NOW_MS, NOW_MS)


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_a_create_whose_answer_was_lost_is_found_again(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        part = await uploaded(adapter, part_of(adapter, PLANNER, led("create_cut=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.certain
        came = await outcomes(adapter, await finished(adapter, found.state.native_id))
    assert len(came) == 4
    (bill,) = billed(sim)
    assert (bill["creates"], bill["tag"], bill["id"]) == (1, "part-1", found.state.native_id)
    assert bill["customIds"] == [f"row-{n}" for n in range(4)]


@pytest.mark.parametrize("how", ["in process", "loopback"])
async def test_a_create_that_never_arrived_is_certainly_absent_and_can_be_sent_again(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        part = await uploaded(adapter, part_of(adapter, PLANNER, led("create_lost=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert (found.state, found.certain) == (None, True)
        await adapter.create(KEY, part)
        assert (await adapter.find(KEY, part)).state is not None
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_another_batch_is_not_taken_for_ours() -> None:
    adapter = adapter_on(simulator())
    await submit(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 2), tag="part-1"))
    other = await uploaded(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 2), tag="part-2"))
    assert (await adapter.find(KEY, other)).state is None


async def test_a_batch_is_found_by_its_file_where_its_tag_is_gone() -> None:
    adapter = adapter_on(simulator())
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 2)))
    made = await adapter.create(KEY, part)
    found = await adapter.find(KEY, replace(part, tag="lost"))
    assert found.state is not None
    assert found.state.native_id == made.native_id


async def test_a_part_whose_file_was_never_uploaded_has_certainly_no_batch() -> None:
    adapter = adapter_on(simulator())
    found = await adapter.find(KEY, part_of(adapter, PLANNER, exactly("gpt-5", 2)))
    assert (found.state, found.certain) == (None, True)


async def test_absence_is_not_certain_where_the_key_does_not_even_see_the_file() -> None:
    adapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly("gpt-5", 2), input_file_id="file-of-another-project")
    found = await adapter.find(KEY, part)
    assert (found.state, found.certain) == (None, False)
    assert "key" in found.note


async def test_a_batch_is_found_behind_two_hundred_others() -> None:
    adapter = adapter_on(simulator())
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 1)))
    made = await adapter.create(KEY, part)
    for _ in range(205):
        await adapter.create(KEY, replace(part, tag="other"))
    assert (await adapter.find(KEY, replace(part, input_file_id=None))).state is not None
    assert made.metadata == {"abai_part": "part-1"}


async def test_a_batch_that_fails_validation_says_why_and_costs_nothing() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    rows = {"a": ask("gpt-5", "Hi"), "b": ask("gpt-4o", "Hi")}
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.word, state.ended, came) == ("failed", True, {})
    assert state.error is not None
    assert "line 2" in state.error
    assert "same model" in state.error
    assert billed(sim)[0]["chargedUSD"] == "0"


async def test_a_batch_that_fails_as_ordered_has_an_error() -> None:
    adapter = adapter_on(simulator())
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert (state.word, came) == ("failed", {})
    assert state.error


async def test_a_wrong_key_is_said_at_every_step() -> None:
    adapter: BatchAdapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly("gpt-5", 1), input_file_id="file-1")
    for asked in (
        adapter.upload("sk-invalid-1", part),
        adapter.create("sk-invalid-1", part),
        adapter.find("sk-invalid-1", part),
        adapter.check("sk-invalid-1", "batch_1"),
        adapter.cancel("sk-invalid-1", "batch_1"),
    ):
        with pytest.raises(Failure) as raised:
            await asked
        assert raised.value.kind == "invalid_api_key"
        assert raised.value.provider == "openai"
        assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize(
    ("model", "prompt", "cached", "written", "output"),
    [
        # Dollars for a million in a batch, from the vendor's page. gpt-4o has no cached rate in batches: the
        # standard one holds. The first two charge nothing for writing the cache.
        ("gpt-5", "0.625", "0.0625", "0", "5"),
        ("gpt-4o", "1.25", "1.25", "0", "5"),
        ("gpt-6.1-sol", "1", "0.05", "1.25", "5"),
    ],
)
async def test_a_batch_costs_its_own_price_to_the_last_digit(
    model: str, prompt: str, cached: str, written: str, output: str
) -> None:
    long = "A sentence that is the same in every row. " * 200
    rows = {f"row-{n}": ask(model, f"Reply with exactly: {n}", system=long) for n in range(3)}
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    catalogue = Catalogue.load(None)
    entry = catalogue.reported("openai", model)
    assert entry is not None
    price = catalogue.price_entry(entry, date(2026, 11, 23))
    total = Decimal(0)
    reads = 0
    for outcome in came.values():
        assert outcome.done is not None
        usage = outcome.done.usage
        assert usage is not None
        priced = pricing.cost(usage, price, batch=True)
        assert isinstance(priced, pricing.Cost)
        by_hand = (
            usage.in_uncached * Decimal(prompt)
            + usage.cache_read * Decimal(cached)
            + usage.cache_write_short * Decimal(written)
            + usage.out_total * Decimal(output)
        ) / Decimal(10**6)
        assert priced.total_usd == by_hand
        total += by_hand
        reads += usage.cache_read
    assert reads > 0
    assert Decimal(billed(sim)[0]["chargedUSD"]) == total
    assert Decimal(sim.ledger.wire()["totalChargedUSD"]) == total


def test_the_limits_are_the_vendors() -> None:
    limits = OpenAIBatch(HttpClient(), "https://api.example/v1").limits
    assert (limits.rows, limits.bytes, limits.one_model) == (50_000, 200_000_000, True)
