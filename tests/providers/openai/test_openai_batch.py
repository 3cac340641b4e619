"""OpenAI's batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import json
from dataclasses import replace

from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, part_of, run, uploaded
from tests.helpers.openai_models import ask
from tests.helpers.simulated import no_wait, simulator

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


def exactly(model: str, count: int) -> dict[str, ChatRequest]:
    return {f"row-{n}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


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


async def test_a_batch_in_which_every_row_failed_has_only_an_error_file() -> None:
    adapter = adapter_on(simulator())
    rows = {f"row-{n}": ask("gpt-5", "Hi [[simulate: status=500]]") for n in range(3)}
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert state.handles.keys() == {"error_file_id"}
    assert all(outcome.failure is not None for outcome in came.values())


async def test_one_row_can_expire_among_others() -> None:
    adapter = adapter_on(simulator())
    rows = exactly("gpt-5", 3)
    rows["row-1"] = ask("gpt-5", "Hi [[simulate: expires=1]]")
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert state.word == "expired"
    assert [came[f"row-{n}"].never_ran for n in range(3)] == [None, "expired", None]


async def test_a_batch_is_found_by_its_file_where_its_tag_is_gone() -> None:
    adapter = adapter_on(simulator())
    part = await uploaded(adapter, part_of(adapter, PLANNER, exactly("gpt-5", 2)))
    made = await adapter.create(KEY, part)
    found = await adapter.find(KEY, replace(part, tag="lost"))
    assert found.state is not None
    assert found.state.native_id == made.native_id


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
    rows = {"a": ask("gpt-5", "Hi [[simulate: batch_fails=1]]")}
    state, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert (state.word, came) == ("failed", {})
    assert state.error


def test_the_limits_are_the_vendors() -> None:
    limits = OpenAIBatch(HttpClient(), "https://api.example/v1").limits
    assert (limits.rows, limits.bytes, limits.one_model) == (50_000, 200_000_000, True)
