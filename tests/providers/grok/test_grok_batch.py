"""xAI's batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest
from sidecar.providers.grok.batch import GrokBatch
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit, uploaded
from tests.helpers.grok import ask
from tests.helpers.simulated import NOW_MS, no_wait, post, read, simulator

BASE = "https://api.x.ai/v1"
PLANNER = Grok(HttpClient(), BASE)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def adapter_on(sim: Simulator, **edge: Any) -> GrokBatch:
    return GrokBatch(HttpClient(lambda: simulated_transport(sim), sleep=no_wait, **edge), f"{BASE}/")


def exactly(count: int, model: str = "grok-4.3") -> dict[str, ChatRequest]:
    return {f"row-{n:03d}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(count)
    rows["row-000"] = ask(text=f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows


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


async def test_a_refused_answer_is_a_failure_that_was_billed() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    _, came = await run(adapter, part_of(adapter, PLANNER, {"a": ask(text="Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    assert came["a"].done is not None
    assert came["a"].done.usage is not None
    assert came["a"].done.usage.charged_usd == Decimal(billed(sim)[0]["chargedUSD"]) > 0


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


async def test_a_model_without_batches_is_refused_and_nothing_is_run() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly(2, "grok-4.6")))
    with pytest.raises(Failure, match="not supported for batch processing") as raised:
        await adapter.create(KEY, part)
    assert raised.value.status == 400
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []


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
