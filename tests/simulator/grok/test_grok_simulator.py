from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.exchange import SimRequest
from tests.helpers.answers import done_of, text_of
from tests.helpers.conversing import question
from tests.helpers.grok import ask, collect, in_process, plan
from tests.helpers.simulated import post, read, simulator

CHAT = "/xai/v1/chat/completions"
RESPONSES = "/xai/v1/responses"
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 10}, "why": {"type": "string", "minLength": 3}},
    "required": ["score"],
}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CHAT, b"{", 400),
        (CHAT, question(model="grok-9"), 404),
        (CHAT, question(model="grok-4.3", stop=["x"]), 400),
        (CHAT, question(model="grok-4.3", presence_penalty=1), 400),
        (CHAT, question(model="grok-4.3", frequency_penalty=1), 400),
        (CHAT, question(model="grok-4.3", store=False), 400),
        (CHAT, question(model="grok-4.3", reasoning_effort="xhigh"), 400),
        (CHAT, question(model="grok-4.20-0309-reasoning", reasoning_effort="high"), 400),
        (CHAT, question(model="grok-4.3", temperature=2.5), 400),
        (CHAT, question(model="grok-4.3", tools=[{"type": "web_search"}]), 400),
        (CHAT, question(model="grok-4.20-multi-agent-0309"), 400),
        (CHAT, question(model="grok-4.3", stream_options={"include_usage": True}), 200),
        (CHAT, question("word " * 900_000, model="grok-build-0.1"), 400),
        (RESPONSES, {"model": "grok-4.3", "input": "Hi", "max_tool_calls": 3}, 400),
        (RESPONSES, {"model": "grok-build-0.1", "input": "Hi", "tools": [{"type": "web_search"}]}, 400),
        (RESPONSES, {"model": "grok-4.3", "input": [{"role": "developer", "content": "Hi"}]}, 400),
        (RESPONSES, {"model": "grok-4.20-multi-agent-0309", "input": "Hi"}, 200),
    ],
)
async def test_what_the_vendor_refuses_is_refused_in_two_strings(path: str, body: Any, status: int) -> None:
    sim = simulator()
    response = await post(sim, path, body)
    told = json.loads(await read(response))
    assert response.status == status
    if status != 200:
        assert set(told) == {"code", "error"}
        assert all(entry.state == "refused" and entry.charged_usd == 0 for entry in sim.ledger.entries)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "xai-1"}, 401),
        ({"authorization": "Bearer sk-invalid-1"}, 400),
        ({"authorization": "Bearer xai-1"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["models", "language-models", "api-key"])
async def test_a_wrong_key_is_a_bad_request_and_a_missing_one_is_not(
    path: str, headers: dict[str, str], status: int
) -> None:
    response = await simulator().handle(SimRequest("GET", f"/xai/v1/{path}", headers))
    assert response.status == status
    await response.aclose()


async def test_our_provider_understands_a_wrong_key() -> None:
    made = in_process(simulator())
    _, failure = await collect(made, ask(), "sk-invalid-secret")
    assert failure is not None
    assert (failure.kind, failure.status) == ("invalid_api_key", 400)
    reason = await made.validate_key("sk-invalid-secret")
    assert reason is not None
    assert "secret" not in reason
    assert await made.validate_key("xai-anything") is None


@pytest.mark.parametrize(
    ("orders", "kind"),
    [
        ("status=400", "provider_rejected"),
        ("status=401", "invalid_api_key"),
        ("status=429", "rate_limited"),
        ("quota=1", "rate_limited"),
        ("status=500", "provider_unavailable"),
        ("status=529", "provider_unavailable"),
        ("refusal=1", "content_filtered"),
    ],
)
@pytest.mark.parametrize("search", [None, 1], ids=["chat", "responses"])
async def test_a_failure_can_be_ordered_in_the_prompt(orders: str, kind: str, search: int | None) -> None:
    request = ask("grok-4.3", f"Hello [[simulate: {orders}]]", web_search_max_uses=search)
    _, failure = await collect(in_process(simulator()), request)
    assert isinstance(failure, Failure)
    assert failure.kind == kind


@pytest.mark.parametrize("orders", ["cut=0", "cut=3", "malformed=1", "error_after=2"])
@pytest.mark.parametrize("search", [None, 1], ids=["chat", "responses"])
async def test_an_ordered_break_leaves_the_bill_unknown(orders: str, search: int | None) -> None:
    sim = simulator()
    request = ask("grok-4.3", f"Hello [[simulate: {orders}]]", web_search_max_uses=search)
    events, failure = await collect(in_process(sim), request)
    assert isinstance(failure, OutcomeUnknown)
    assert not any(isinstance(event, UsageSoFar) for event in events)
    assert len(sim.ledger.entries) == 1


async def test_a_hint_to_wait_is_obeyed_and_then_it_works() -> None:
    sim = simulator()
    request = ask("grok-4.3", "[[simulate: status=429 retry_after=1 times=2]] Reply with exactly: ok")
    events, _ = await collect(in_process(sim), request)
    assert text_of(events) == "ok"
    assert [entry.status for entry in sim.ledger.entries] == [429, 429, 200]


@pytest.mark.parametrize("model", ["grok-4.3", "grok-4.20-multi-agent-0309"])
@pytest.mark.parametrize("schema", [SCHEMA, {**SCHEMA, "additionalProperties": True}])
async def test_a_schema_is_satisfied_in_its_own_form_and_in_words(model: str, schema: dict[str, Any]) -> None:
    events, _ = await collect(
        in_process(simulator()), ask(model, "Judge.", json_mode=True, json_schema=schema)
    )
    value = json.loads(text_of(events))
    if "additionalProperties" in schema:
        jsonschema.validate(value, schema)
    assert value["score"] >= 10


async def test_json_without_a_schema_comes_in_words_too() -> None:
    request = ask("grok-4.20-multi-agent-0309", "Judge.", json_mode=True)
    events, _ = await collect(in_process(simulator()), request)
    assert json.loads(text_of(events))["simulated"] is True


async def test_a_long_beginning_comes_from_the_cache_and_is_charged_as_such() -> None:
    sim, long = simulator(), "word " * 2_000
    made = in_process(sim)
    await collect(made, ask("grok-4.3", long + "one?"))
    events, _ = await collect(made, ask("grok-4.3", long + "two?"))
    usage = done_of(events).usage
    assert usage is not None
    assert (usage.cache_read, usage.cache_write_short) == (2_432, 0)
    first, second = (entry.charged_usd for entry in sim.ledger.entries)
    assert first is not None
    assert second is not None
    assert second < first
    assert usage.charged_usd == second


async def test_a_redirected_model_names_the_one_that_answered() -> None:
    body = dict(plan("grok-4.3").body) | {"model": "grok-3", "stream": False}
    answer = json.loads(await read(await post(simulator(), CHAT, body)))
    assert answer["model"] == "grok-4.3"


async def test_tokens_are_counted_and_cost_nothing() -> None:
    sim = simulator()
    counted = await read(await post(sim, "/xai/v1/tokenize-text", {"model": "grok-4.3", "text": "12345678"}))
    assert len(json.loads(counted)["token_ids"]) == 2
    assert sim.ledger.entries == []
    response = await post(sim, "/xai/v1/tokenize-text", {"model": "grok-4.3"})
    assert response.status == 422
    await response.aclose()
