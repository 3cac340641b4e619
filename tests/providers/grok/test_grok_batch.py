"""xAI's batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import BatchAdapter, ChatRequest, Usage
from sidecar.providers.grok.batch import GrokBatch
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.registry import Registry
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit, uploaded
from tests.helpers.grok import ask, priced
from tests.helpers.simulated import NOW_MS, no_wait, on_loopback, post, read, simulator

BASE = "https://api.x.ai/v1"
PLANNER = Grok(HttpClient(), BASE)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
both_ways = pytest.mark.parametrize("how", ["in process", "loopback"])


def adapter_on(sim: Simulator, **edge: Any) -> GrokBatch:
    return GrokBatch(HttpClient(lambda: simulated_transport(sim), sleep=no_wait, **edge), f"{BASE}/")


@asynccontextmanager
async def reached(sim: Simulator, how: str) -> AsyncIterator[GrokBatch]:
    """The adapter, in process or over loopback."""
    async with asyncio.timeout(20):
        if how == "in process":
            yield adapter_on(sim)
            return
        async with on_loopback(sim) as base:
            edge = HttpClient(sleep=no_wait)
            yield GrokBatch(edge, f"{base}/xai/v1")
            await edge.aclose()


def exactly(count: int, model: str = "grok-4.3") -> dict[str, ChatRequest]:
    return {f"row-{n:03d}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(count)
    rows["row-000"] = ask(text=f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows


@both_ways
async def test_every_row_comes_back_under_its_own_id(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        # More than one page of them.
        state, came = await run(adapter, part_of(adapter, PLANNER, exactly(230)))
    assert (state.word, state.total, state.completed, state.failed) == ("completed", 230, 230, 0)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        f"row-{n:03d}": f"answer {n}" for n in range(230)
    }
    for outcome in came.values():
        assert outcome.failure is None
        assert outcome.done is not None
        assert (outcome.done.finish_reason, outcome.done.served_model) == ("stop", "grok-4.3")
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_results_come_sorted_by_id_whatever_the_order_of_the_rows() -> None:
    adapter = adapter_on(simulator())
    rows = dict(reversed(exactly(9).items()))
    made = await submit(adapter, part_of(adapter, PLANNER, rows))
    ids = [outcome.custom_id for outcome in await outcomes(adapter, await finished(adapter, made.native_id))]
    assert ids == sorted(rows)
    assert ids != list(rows)


async def test_rows_of_every_kind_go_into_one_batch() -> None:
    rows = {
        "plain": ask(text="Reply with exactly: plain", system="Be brief.", max_output_tokens=900),
        "schema": ask(text="Judge.", json_schema=SCHEMA),
        "mode": ask(text="Judge.", json_mode=True, effort="low"),
        "cached": ask(text="Reply with exactly: cached", cache_ttl="5m"),
    }
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(rows)
    assert came["plain"].text == "plain"
    assert json.loads(came["schema"].text).keys() == {"n"}
    assert json.loads(came["mode"].text)["simulated"] is True
    assert came["cached"].text == "cached"
    assert came["plain"].thinking


def test_a_line_is_the_row_as_it_would_be_asked_alone_but_whole() -> None:
    plan = PLANNER.plan(ask(text="two\nlines\r\n\u2028", json_schema=SCHEMA))
    line = adapter_on(simulator()).line("a", plan)
    assert b"\n" not in line
    body = {name: value for name, value in plan.body.items() if name not in ("stream", "stream_options")}
    assert json.loads(line) == {"batch_request_id": "a", "batch_request": {"chat_get_completion": body}}


def test_a_row_that_searches_the_web_is_refused_with_what_to_do() -> None:
    plan = PLANNER.plan(ask(web_search_max_uses=1))
    with pytest.raises(Failure, match="web search") as raised:
        adapter_on(simulator()).line("a", plan)
    assert raised.value.kind == "unsupported"


async def test_failed_rows_have_their_cause() -> None:
    rows = {
        "fine": ask(text="Reply with exactly: fine"),
        "spent": ask(text="Hi [[simulate: quota=1]]"),
        "down": ask(text="Hi [[simulate: status=503]]"),
        "broken": ask(text="Hi [[simulate: cut=1]]"),
    }
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.completed, state.failed) == (1, 3)
    kinds = {id_: outcome.failure.kind for id_, outcome in came.items() if outcome.failure}
    assert kinds == {
        "spent": "rate_limited",
        "down": "provider_unavailable",
        "broken": "provider_unavailable",
    }
    assert all(outcome.done is None for id_, outcome in came.items() if id_ != "fine")
    charged = {row["customId"]: row["chargedUSD"] for row in billed(sim)[0]["rows"]}
    assert {id_: charged[id_] for id_ in kinds} == dict.fromkeys(kinds, "0")


async def test_a_refused_answer_is_a_failure_that_was_billed() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, {"a": ask(text="Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    assert came["a"].done is not None
    assert came["a"].done.usage is not None
    assert came["a"].done.usage.charged_usd == Decimal(billed(sim)[0]["chargedUSD"]) > 0


async def test_an_answer_cut_at_its_limit_says_so() -> None:
    rows = {"a": ask(text="Reply with exactly: " + "long " * 50, max_output_tokens=5, effort="none")}
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"


@both_ways
async def test_what_a_cancelled_batch_had_done_is_kept_and_the_rest_never_ran(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
        assert (await adapter.check(KEY, made.native_id)).word == "processing"
        await adapter.cancel(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        state = await finished(adapter, made.native_id)
        came = {outcome.custom_id: outcome for outcome in await outcomes(adapter, state)}
        await adapter.cancel(KEY, made.native_id)
    assert state.word == "cancelled"
    assert [came[f"row-{n:03d}"].never_ran for n in range(4)] == [None, None, "cancelled", "cancelled"]
    assert came["row-000"].text == "answer 0"
    assert billed(sim)[0]["state"] == "cancelled"


async def test_after_a_cancel_what_was_running_has_some_seconds_to_end() -> None:
    now = [NOW_MS]
    sim = simulator(now_ms=lambda: now[0])
    adapter = adapter_on(sim, now_ms=lambda: now[0])
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
    await adapter.cancel(KEY, made.native_id)
    first = await adapter.check(KEY, made.native_id)
    now[0] += 5_000
    later = await adapter.check(KEY, made.native_id)
    assert (first.ended, first.results_ready) == (True, False)
    assert (later.ended, later.results_ready) == (True, True)


async def test_a_batch_that_outlives_its_results_has_expired_and_keeps_what_was_done() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_expires=1")))
    assert (state.word, state.ended, state.completed) == ("expired", True, 2)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        "row-000": "answer 0",
        "row-001": "answer 1",
    }


async def test_a_batch_that_the_vendor_stops_says_why() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert (state.word, state.ended) == ("cancelled", True)
    assert state.error
    assert {outcome.never_ran for outcome in came.values()} == {"cancelled"}
    assert billed(sim)[0]["chargedUSD"] == "0"


async def test_a_batch_goes_from_empty_to_completed() -> None:
    adapter = adapter_on(simulator())
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(4)))
    assert part.input_file_id is not None
    empty = await adapter.check(KEY, part.input_file_id)
    made = await adapter.create(KEY, part)
    states = [empty, made, *[await adapter.check(KEY, made.native_id) for _ in range(3)]]
    assert [state.word for state in states] == [
        "empty",
        "processing",
        "processing",
        "completed",
        "completed",
    ]
    assert [state.ended for state in states] == [False, False, False, True, True]
    assert [state.completed for state in states] == [0, 0, 2, 4, 4]
    assert states[-1].created_at == NOW_MS


@both_ways
async def test_rows_whose_arrival_was_not_confirmed_are_found_again(how: str) -> None:
    sim = simulator()
    async with reached(sim, how) as adapter:
        part = await uploaded(adapter, part_of(adapter, PLANNER, led("create_cut=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.certain
        # The id of the container may be lost as well: its name is there.
        by_name = await adapter.find(KEY, replace(part, input_file_id=None))
        assert by_name.state is not None
        assert by_name.state.native_id == found.state.native_id
        came = await outcomes(adapter, await finished(adapter, found.state.native_id))
    assert len(came) == 4
    (bill,) = billed(sim)
    assert (bill["creates"], bill["tag"], bill["id"]) == (1, "part-1", found.state.native_id)
    assert bill["customIds"] == [f"row-{n:03d}" for n in range(4)]


@both_ways
async def test_rows_that_never_arrived_are_certainly_absent_and_can_be_sent_again(how: str) -> None:
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


async def test_rows_that_are_sent_twice_are_run_once() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(4)))
    first = await adapter.create(KEY, part)
    second = await adapter.create(KEY, part)
    assert first.native_id == second.native_id
    await finished(adapter, first.native_id)
    (bill,) = billed(sim)
    assert len(bill["rows"]) == 4


async def test_rows_that_the_vendor_has_and_does_not_show_are_added_where_they_are_and_run_once() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(4)))
    # They arrived, and the vendor's numbers have yet to show it: the part is sent again, from its beginning.
    await adapter.create(KEY, part)
    again = await uploaded(adapter, part)
    assert again.input_file_id == part.input_file_id
    state = await adapter.create(KEY, again)
    await finished(adapter, state.native_id)
    (bill,) = billed(sim)
    assert len(bill["rows"]) == 4


async def test_a_container_that_is_gone_or_cancelled_gives_way_to_a_new_one() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(1)))
    assert part.input_file_id is not None
    await adapter.cancel(KEY, part.input_file_id)
    for earlier in (part.input_file_id, "batch_of_nobody"):
        other = await uploaded(adapter, replace(part, input_file_id=earlier))
        assert other.input_file_id not in (None, earlier)


async def test_rows_that_are_there_in_other_words_are_left_as_they_are() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(2)))
    await adapter.create(KEY, part)
    others = {id_: ask(text="Something else") for id_ in exactly(2)}
    changed = part_of(adapter, PLANNER, others, input_file_id=part.input_file_id)
    state = await adapter.create(KEY, changed)
    assert (state.native_id, state.total) == (part.input_file_id, 2)
    came = await outcomes(adapter, await finished(adapter, state.native_id))
    assert [outcome.text for outcome in came] == ["answer 0", "answer 1"]


async def test_an_empty_container_is_no_batch() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(2)))
    for looked_for in (part, replace(part, input_file_id=None)):
        found = await adapter.find(KEY, looked_for)
        assert (found.state, found.certain) == (None, True)
    assert billed(sim) == []


async def test_the_full_one_of_several_containers_is_ours_also_behind_two_hundred_others() -> None:
    adapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(2))
    made = await submit(adapter, part)
    await adapter.upload(KEY, part)
    for _ in range(205):
        await adapter.upload(KEY, replace(part, tag="other"))
    found = await adapter.find(KEY, part)
    assert found.state is not None
    assert found.state.native_id == made.native_id


async def test_absence_is_not_certain_where_the_key_does_not_see_the_container() -> None:
    adapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(2), input_file_id="batch_of_another_team")
    found = await adapter.find(KEY, part)
    assert (found.state, found.certain) == (None, False)
    assert "key" in found.note


async def test_a_model_without_batches_is_refused_and_nothing_is_run() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(2, "grok-4.7")))
    with pytest.raises(Failure, match="not supported for batch processing") as raised:
        await adapter.create(KEY, part)
    assert raised.value.status == 400
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []


async def test_a_wrong_key_is_said_at_every_step() -> None:
    adapter: BatchAdapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(1), input_file_id="batch_1")
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
        assert raised.value.provider == "grok"
        assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize("model", ["grok-4.3", "grok-4.20-0309-reasoning", "grok-4.20-0309-non-reasoning"])
async def test_a_batch_costs_its_own_price_to_the_last_digit(model: str) -> None:
    """A fifth less than alone, cached input included: 1, 0.16 and 2 dollars for a million."""
    long = "A sentence that is the same in every row. " * 200
    rows = {f"row-{n}": ask(model, f"Reply with exactly: {n}", system=long) for n in range(3)}
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    total = Decimal(0)
    reads = 0
    for outcome in came.values():
        assert outcome.done is not None
        usage = outcome.done.usage
        assert usage is not None
        by_hand = usage.in_uncached + usage.cache_read * Decimal("0.16") + usage.out_total * 2
        assert usage.charged_usd == by_hand / Decimal(10**6)
        assert priced(_uncharged(usage), model, batch=True) == usage.charged_usd
        total += usage.charged_usd
        reads += usage.cache_read
    assert reads > 0
    assert Decimal(billed(sim)[0]["chargedUSD"]) == total


def _uncharged(usage: Usage) -> Usage:
    return replace(usage, charged_usd=None)


async def test_a_part_fits_into_one_call() -> None:
    limits = adapter_on(simulator()).limits
    assert limits.rows <= 50_000
    assert limits.bytes + 1_000 < 25_000_000
    assert limits.row_bytes is not None
    assert limits.row_bytes <= limits.bytes


async def test_a_call_that_adds_more_is_refused() -> None:
    sim = simulator()
    made = json.loads(await read(await post(sim, "/xai/v1/batches", {"name": "n"})))
    path = f"/xai/v1/batches/{made['batch_id']}/requests"
    assert (await post(sim, path, b" " * 25_000_001)).status == 413


def test_the_registry_knows_the_adapter() -> None:
    assert isinstance(Registry(HttpClient(), {}).batch("grok"), GrokBatch)
