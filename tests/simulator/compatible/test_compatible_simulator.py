"""The simulated server of a person's own: each habit, through the real provider."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.compatible.quirks import Quirks, read_quirks
from sidecar.simulator.exchange import Refused
from tests.helpers.answers import done_of, text_of, thinking_of
from tests.helpers.compatible import ABLE, CHAT, PLAIN, ask, in_process
from tests.helpers.conversing import question
from tests.helpers.grok import collect
from tests.helpers.simulated import post, read, simulator

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 10}},
    "required": ["score"],
}


@pytest.mark.parametrize("think", ["reasoning_content", "reasoning", "object", "parts", "tags"])
async def test_thinking_arrives_in_every_form(think: str) -> None:
    request = ask(f"[[compatible: think={think}]] Reply with exactly: four")
    events, failure = await collect(in_process(simulator()), request)
    assert failure is None
    assert text_of(events) == "four"
    assert thinking_of(events).startswith("[simulated llama]")


@pytest.mark.parametrize(
    ("usage", "known"), [("chunk", True), ("content", True), ("zero", False), ("missing", False)]
)
@pytest.mark.parametrize("whole", ["0", "1"])
async def test_usage_arrives_in_every_place_or_not_at_all(usage: str, known: bool, whole: str) -> None:
    request = ask(f"[[compatible: usage={usage} whole={whole}]] Hi")
    events, failure = await collect(in_process(simulator()), request)
    assert failure is None
    assert (done_of(events).usage is not None) is known


@pytest.mark.parametrize(
    ("habits", "finish"),
    [
        ("content=parts", "stop"),
        ("content=null", "stop"),
        ("comments=1", "stop"),
        ("whole=1 think=tags", "stop"),
        ("whole=1 think=object", "stop"),
        ("done=0", "stop"),
        ("finish=eos", "stop"),
        ("finish=", "stop"),
        ("finish=insufficient_system_resource", "error"),
    ],
)
async def test_every_habit_gives_the_same_answer(habits: str, finish: str) -> None:
    request = ask(f"[[compatible: {habits}]] Reply with exactly: one two three")
    events, failure = await collect(in_process(simulator()), request)
    assert failure is None
    assert text_of(events) == "one two three"
    assert done_of(events).finish_reason == finish


@pytest.mark.parametrize("shape", ["object", "text", "string", "detail", "located", "message", "html"])
@pytest.mark.parametrize(("status", "kind"), [(402, "rate_limited"), (529, "provider_unavailable")])
async def test_every_shape_of_a_refusal_is_understood(shape: str, status: int, kind: str) -> None:
    sim = simulator()
    _, failure = await collect(in_process(sim), ask(f"[[compatible: refuse={status} error={shape}]] Hi"))
    assert failure is not None
    assert (failure.kind, failure.status) == (kind, status)
    assert {entry.state for entry in sim.ledger.entries} == {"refused"}


@pytest.mark.parametrize("shape", ["object", "text", "string", "detail", "located", "message"])
async def test_a_field_that_a_server_dislikes_is_left_out(shape: str) -> None:
    sim = simulator()
    habits = f"[[compatible: dislikes=stream_options+temperature error={shape}]]"
    events, failure = await collect(in_process(sim), ask(f"{habits} Reply with exactly: ok", temperature=0.5))
    assert failure is None
    assert text_of(events) == "ok"
    assert [entry.status for entry in sim.ledger.entries] == [400, 400, 200]


@pytest.mark.parametrize("habits", ["json=schema", "json=object"])
@pytest.mark.parametrize("traits", [PLAIN, ABLE], ids=["plain", "able"])
async def test_a_schema_is_satisfied_whatever_the_server_knows(habits: str, traits: Any) -> None:
    request = ask(f"[[compatible: {habits}]] Judge.", traits, json_mode=True, json_schema=SCHEMA)
    events, failure = await collect(in_process(simulator()), request)
    assert failure is None
    jsonschema.validate(json.loads(text_of(events)), SCHEMA)


async def test_a_server_that_ignores_the_format_answers_in_prose() -> None:
    request = ask("[[compatible: json=ignored]] Judge.", ABLE, json_mode=True)
    events, failure = await collect(in_process(simulator()), request)
    assert failure is None
    assert text_of(events).startswith("[simulated llama]")


@pytest.mark.parametrize("orders", ["cut=0", "cut=3", "malformed=1", "error_after=2"])
async def test_an_ordered_break_leaves_the_bill_unknown(orders: str) -> None:
    sim = simulator()
    _, failure = await collect(in_process(sim), ask(f"Hello [[simulate: {orders}]]"))
    assert isinstance(failure, OutcomeUnknown)
    assert len(sim.ledger.entries) == 1


async def test_any_model_answers_but_one_that_is_missing() -> None:
    sim = simulator()
    _, failure = await collect(in_process(sim), ask(model="missing-llama"))
    assert failure is not None
    assert failure.status == 404
    assert "not found" in failure.message
    events, _ = await collect(in_process(sim), ask(model="org/any:model"))
    assert done_of(events).served_model == "org/any:model"
    assert sim.ledger.entries[-1].charged_usd == Decimal("0.000106")


async def test_no_key_is_needed_and_some_are_refused() -> None:
    made = in_process(simulator())
    events, _ = await collect(made, ask("Reply with exactly: ok"), "")
    assert text_of(events) == "ok"
    assert await made.validate_key("") is None
    assert await made.validate_key("sk-invalid-secret") is not None


async def test_a_habit_that_does_not_exist_is_refused() -> None:
    response = await post(simulator(), CHAT, question("[[compatible: colour=blue]] Hi"))
    assert response.status == 400
    assert b"colour=blue" in await read(response)
    with pytest.raises(Refused):
        read_quirks("[[compatible: think=loudly]]")


def test_habits_are_read_from_the_mark() -> None:
    assert read_quirks("Hi") == Quirks()
    assert read_quirks("[[compatible: dislikes=a+b refuse=402 done=0]] Hi") == Quirks(
        dislikes=frozenset({"a", "b"}), refuse=402, done=False
    )
