"""A batch from its rows to its results, against the simulator: in the process, and over a real connection."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args

import pytest

from sidecar.errors import Failure
from sidecar.providers.guarded import GuardedBatches
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.registry import Registry
from tests.helpers.batches import KEY, billed, finished, outcomes, run, submit
from tests.helpers.models import priced
from tests.helpers.simulated import NOW_MS, simulator
from tests.providers.conformance.batch_vendor import BatchVendor, Way

both_ways = pytest.mark.parametrize("way", get_args(Way))
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n", "why"],
    "additionalProperties": False,
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"text": "Reply with exactly: plain", "system": "Be brief.", "max_output_tokens": 900},
    "schema": {"text": "Judge.", "json_schema": SCHEMA},
    "mode": {"text": "Judge.", "json_mode": True, "effort": "low"},
    "search": {"text": "Reply with exactly: found", "web_search_max_uses": 2},
    "thought": {"text": "Reply with exactly: thought", "thinking": True},
    "cached": {"text": "Reply with exactly: cached", "cache_ttl": "5m"},
}


@both_ways
async def test_every_row_comes_back_under_its_own_id(batches: BatchVendor, way: Way) -> None:
    sim = simulator()
    async with batches.reached(sim, way) as adapter:
        # More than a page of results, where they come in pages.
        state, came = await run(adapter, batches.part(batches.rows(130)))
    assert (state.word, state.total, state.completed, state.failed) == (batches.words[-1], 130, 130, 0)
    assert {id_: outcome.text for id_, outcome in came.items()} == {
        f"row-{number}": f"answer {number}" for number in range(130)
    }
    for outcome in came.values():
        assert outcome.failure is None
        assert outcome.done is not None
        assert (outcome.done.finish_reason, outcome.done.served_model) == ("stop", batches.model)
        assert outcome.done.usage is not None
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_results_come_in_another_order_than_the_rows(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    rows = dict(reversed(batches.rows(9).items()))
    made = await submit(adapter, batches.part(rows))
    ids = [outcome.custom_id for outcome in await outcomes(adapter, await finished(adapter, made.native_id))]
    assert sorted(ids) == sorted(rows)
    assert ids != list(rows)


async def test_rows_of_every_kind_go_into_one_batch(batches: BatchVendor) -> None:
    assert batches.lacks.keys() <= KINDS.keys()
    kinds = {kind: options for kind, options in KINDS.items() if kind not in batches.lacks}
    _, came = await run(
        batches.on(simulator()),
        batches.part({kind: batches.ask(**options) for kind, options in kinds.items()}),
    )
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(kinds)
    assert (came["plain"].text, came["cached"].text) == ("plain", "cached")
    assert json.loads(came["schema"].text).keys() == {"n", "why"}
    if "mode" in came:
        assert json.loads(came["mode"].text)["simulated"] is True
    if "thought" in came:
        assert came["thought"].thinking
    if "search" in came:
        done = came["search"].done
        assert done is not None
        assert done.usage is not None
        assert done.usage.searches == 1
        assert len(done.citations) == 1


@pytest.mark.parametrize("kind", ["plain", "schema"])
def test_a_line_has_no_line_end_and_no_stream(batches: BatchVendor, kind: str) -> None:
    options = {**KINDS[kind], "text": 'two\nlines\r\n\u2028"'}
    (line,) = batches.part({'a"b': batches.ask(**options)}).lines
    assert b"\n" not in line
    assert 'a"b' in json.loads(line).values()
    assert '"stream' not in json.dumps(json.loads(line))
    assert 'two\nlines\r\n\u2028"' in _texts(json.loads(line))


async def test_failed_rows_have_the_kind_of_their_cause_and_cost_nothing(batches: BatchVendor) -> None:
    orders = {"fine": "", "spent": "quota=1", "down": "status=503", "broken": "cut=1", "wrong": "status=400"}
    rows = {id_: batches.ask(f"Hi [[simulate: {order}]]") for id_, order in orders.items()}
    sim = simulator()
    state, came = await run(batches.on(sim), batches.part(rows))
    assert (state.word, state.completed, state.failed) == (batches.words[-1], 1, 4)
    kinds = {id_: outcome.failure.kind for id_, outcome in came.items() if outcome.failure}
    assert kinds == {
        "spent": "rate_limited",
        "down": "provider_unavailable",
        "broken": "provider_unavailable",
        "wrong": batches.wrong_row,
    }
    assert all(came[id_].done is None for id_ in kinds)
    charged = {row["customId"]: row["chargedUSD"] for row in billed(sim)[0]["rows"]}
    assert {id_: charged[id_] for id_ in kinds} == dict.fromkeys(kinds, "0")


async def test_a_batch_in_which_every_row_failed_tells_all_of_them(batches: BatchVendor) -> None:
    rows = {f"row-{number}": batches.ask("Hi [[simulate: status=500]]") for number in range(3)}
    _, came = await run(batches.on(simulator()), batches.part(rows))
    assert came.keys() == rows.keys()
    assert all(outcome.failure is not None for outcome in came.values())


async def test_an_answer_in_which_the_model_says_no_is_a_failure_with_what_it_cost(
    batches: BatchVendor,
) -> None:
    sim = simulator()
    _, came = await run(batches.on(sim), batches.part({"a": batches.ask("Hi [[simulate: refusal=1]]")}))
    assert came["a"].failure is not None
    assert came["a"].failure.kind == "content_filtered"
    done = came["a"].done
    assert done is not None
    assert done.finish_reason == "content_filter"
    assert done.usage is not None
    assert (done.usage.charged_usd == 0) is batches.refusals_are_free
    assert (Decimal(billed(sim)[0]["chargedUSD"]) == 0) is batches.refusals_are_free


async def test_an_answer_cut_at_its_limit_says_so(batches: BatchVendor) -> None:
    model, options = batches.brief
    text = "Reply with exactly: " + "long " * 50
    rows = {"a": batches.ask(text, model=model, max_output_tokens=5, **options)}
    _, came = await run(batches.on(simulator()), batches.part(rows))
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"


async def test_what_an_expired_batch_had_done_is_kept_and_the_rest_never_ran(batches: BatchVendor) -> None:
    sim = simulator()
    state, came = await run(batches.on(sim), batches.part(batches.rows(4, orders="batch_expires=1")))
    assert (state.word, state.ended) == (batches.expired_word, True)
    told = {"row-2": "expired", "row-3": "expired"} if "expired" in batches.tells else {}
    assert {id_: outcome.never_ran for id_, outcome in came.items()} == {"row-0": None, "row-1": None, **told}
    assert (came["row-0"].text, came["row-1"].text) == ("answer 0", "answer 1")
    assert [row["chargedUSD"] for row in billed(sim)[0]["rows"][2:]] == ["0", "0"]


@both_ways
async def test_what_a_cancelled_batch_had_done_is_kept_and_the_rest_never_ran(
    batches: BatchVendor, way: Way
) -> None:
    sim = simulator()
    async with batches.reached(sim, way) as adapter:
        made = await submit(adapter, batches.part(batches.rows(4)))
        assert (await adapter.check(KEY, made.native_id)).word == batches.words[1]
        await adapter.cancel(KEY, made.native_id)
        await adapter.cancel(KEY, made.native_id)
        state = await finished(adapter, made.native_id)
        came = {outcome.custom_id: outcome for outcome in await outcomes(adapter, state)}
        await adapter.cancel(KEY, made.native_id)
    assert state.word == batches.cancelled_word
    told = {"row-2": "cancelled", "row-3": "cancelled"} if "cancelled" in batches.tells else {}
    assert {id_: outcome.never_ran for id_, outcome in came.items()} == {"row-0": None, "row-1": None, **told}
    assert came["row-0"].text == "answer 0"
    assert billed(sim)[0]["state"] == "cancelled"


async def test_a_batch_that_is_cancelled_at_once_brings_no_answer(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    made = await submit(adapter, batches.part(batches.rows(2)))
    await adapter.cancel(KEY, made.native_id)
    came = await outcomes(adapter, await finished(adapter, made.native_id))
    told = ["cancelled", "cancelled"] if "cancelled" in batches.tells else []
    assert [outcome.never_ran for outcome in came] == told


async def test_a_batch_goes_through_the_vendors_words(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    made = await submit(adapter, batches.part(batches.rows(4)))
    states = [made, *[await adapter.check(KEY, made.native_id) for _ in range(4)]]
    assert [state.word for state in states] == list(batches.words)
    assert [state.completed for state in states] == list(batches.completed)
    assert [state.ended for state in states] == [word == batches.words[-1] for word in batches.words]
    assert [state.results_ready for state in states] == [state.ended for state in states]
    assert [state.total for state in states[1:]] == [4] * 4
    assert states[-1].created_at == NOW_MS
    assert states[-1].ended_at == (NOW_MS if batches.tells_the_end else None)


async def test_a_wrong_key_is_said_at_every_step(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    part = batches.lone
    for step in (
        adapter.create("sk-invalid-1", part),
        adapter.find("sk-invalid-1", part),
        adapter.check("sk-invalid-1", "batches/1"),
        adapter.cancel("sk-invalid-1", "batches/1"),
        *([adapter.upload("sk-invalid-1", replace(part, input_file_id=None))] if batches.uploads else []),
    ):
        with pytest.raises(Failure) as raised:
            await step
        assert (raised.value.kind, raised.value.provider) == ("invalid_api_key", batches.provider)
        assert not isinstance(raised.value, OutcomeUnknown)


async def test_a_batch_that_nobody_has_is_not_said_to_be_a_model(batches: BatchVendor) -> None:
    with pytest.raises(Failure) as raised:
        await batches.on(simulator()).check(KEY, "batches/of-nobody")
    assert raised.value.status == 404
    assert "model" not in raised.value.message


async def test_a_batch_costs_its_own_price_to_the_last_digit(batches: BatchVendor) -> None:
    long = "A sentence that is the same in every row. " * 500
    for price in batches.prices:
        ask = {"system": long, "model": price.model, **price.ask}
        rows = {f"row-{number}": batches.ask(f"Reply with exactly: {number}", **ask) for number in range(3)}
        sim = simulator()
        _, came = await run(batches.on(sim), batches.part(rows))
        total, reads, writes = Decimal(0), 0, 0
        for outcome in came.values():
            assert outcome.done is not None
            usage = outcome.done.usage
            assert usage is not None
            by_hand = (
                usage.in_uncached * Decimal(price.prompt)
                + usage.cache_read * Decimal(price.cached)
                + (usage.cache_write_short + usage.cache_write_long) * Decimal(price.written)
                + usage.out_total * Decimal(price.output)
            ) / Decimal(10**6)
            # By the table, and where the vendor says what it charged, by that.
            for told in (usage, replace(usage, charged_usd=None)):
                assert priced(batches.provider, price.model, told, batch=True) == by_hand
            total += by_hand
            reads += usage.cache_read
            writes += usage.cache_write_short + usage.cache_write_long
        assert reads > 0
        assert writes > 0 or price.written == "0"
        assert Decimal(billed(sim)[0]["chargedUSD"]) == total
        assert Decimal(sim.ledger.wire()["totalChargedUSD"]) == total


def test_the_registry_knows_the_adapter(batches: BatchVendor) -> None:
    known = Registry(HttpClient(), {}).batch(batches.provider)
    assert isinstance(known, GuardedBatches)
    assert isinstance(known.inner, type(batches.make(HttpClient(), batches.address)))


def _texts(value: Any) -> list[str]:
    """Every text in a document, and every text inside one that is itself a document of its own."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
