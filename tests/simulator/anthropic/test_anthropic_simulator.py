from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from sidecar.chat.json_output.validate import read_reply
from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import Done, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.anthropic.capabilities import habits
from sidecar.simulator.anthropic.request import AnthropicRequest, read_request
from sidecar.simulator.anthropic.usage import counted
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import Completion, SimRequest
from sidecar.simulator.transport import simulated_transport
from tests.helpers.answers import collect
from tests.helpers.anthropic_asking import (
    ALWAYS,
    BETWEEN,
    BUDGET,
    EITHER,
    QUIET,
    SERVED,
    THINKS,
    on_simulator,
    plan,
)
from tests.helpers.models import traits
from tests.helpers.simulated import (
    A_TENTH_OF_A_SECOND,
    no_wait,
    on_loopback,
    pieces_until_noticed,
    read,
    simulator,
)
from tests.providers.conformance.recordings import ANTHROPIC, outcome

HEADERS = {"x-api-key": "sk-ant-simulated", "anthropic-version": "2023-06-01"}
LONG = "word " * 4_000


async def post(sim: Simulator, body: dict[str, Any] | bytes, **headers: str) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await sim.handle(SimRequest("POST", "/anthropic/v1/messages", {**HEADERS, **told}, content))
    return response.status, json.loads(await read(response))


def question(text: str = "Why?", model: str = BETWEEN, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 2_000, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("model", SERVED)
async def test_what_streams_is_what_comes_whole_and_the_counts_agree(model: str) -> None:
    events, failure = await collect(on_simulator(simulator()), plan(model, "Why?", max_output_tokens=2_000))
    _, whole = await post(simulator(), question(model=model))
    assert failure is None
    done = events[-1]
    assert isinstance(done, Done)
    assert done.usage is not None
    assert (
        "".join(event.text for event in events if isinstance(event, TextDelta))
        == whole["content"][-1]["text"]
    )
    assert done.usage.out_total == whole["usage"]["output_tokens"]
    assert done.usage.prompt_total == whole["usage"]["input_tokens"]
    assert done.served_model == model


@pytest.mark.parametrize(
    ("model", "thinking", "thinks", "shown"),
    [
        (ALWAYS, None, True, False),
        (BETWEEN, None, True, False),
        (THINKS, {"type": "disabled"}, False, False),
        (THINKS, {"type": "adaptive", "display": "summarized"}, True, True),
        (QUIET, None, False, False),
        (QUIET, {"type": "adaptive"}, True, False),
        (EITHER, None, False, False),
        (EITHER, {"type": "adaptive"}, True, True),
        (BUDGET, None, False, False),
        (BUDGET, {"type": "enabled", "budget_tokens": 1_024}, True, True),
    ],
)
async def test_each_model_thinks_and_shows_it_as_it_is_told(
    model: str, thinking: dict[str, Any] | None, thinks: bool, shown: bool
) -> None:
    more: dict[str, Any] = {"thinking": thinking} if thinking else {}
    status, whole = await post(simulator(), question(model=model, **more))
    assert status == 200, whole
    assert (whole["usage"]["output_tokens_details"]["thinking_tokens"] > 0) is thinks
    blocks = [block["thinking"] for block in whole["content"] if block["type"] == "thinking"]
    assert (bool(blocks), any(blocks)) == (thinks, shown)


async def test_thoughts_arrive_where_they_are_asked_for() -> None:
    events, _ = await collect(on_simulator(simulator()), plan(BUDGET, thinking=True))
    assert any(isinstance(event, ThinkingDelta) for event in events)


async def test_only_what_is_marked_is_cached_and_for_as_long_as_it_says() -> None:
    sim = simulator()
    plain = (await post(sim, question(LONG)))[1]["usage"]
    assert (plain["cache_creation_input_tokens"], plain["cache_read_input_tokens"]) == (0, 0)
    mark = {"type": "ephemeral", "ttl": "1h"}
    system = [{"type": "text", "text": "other " * 4_000, "cache_control": mark}]
    first = (await post(sim, question(system=system)))[1]["usage"]
    again = (await post(sim, question(system=system)))[1]["usage"]
    written = first["cache_creation_input_tokens"]
    assert first["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written}
    assert (again["cache_read_input_tokens"], again["cache_creation_input_tokens"]) == (written, 0)
    assert written > 1_024


def test_counting_twice_changes_nothing() -> None:
    budget = {"type": "enabled", "budget_tokens": 1_024}
    for asked in (question(model=BUDGET), question(model=BUDGET, thinking=budget)):
        ask = read_request(asked)
        made = counted(ask, _made())
        assert counted(ask, made) == made


def test_a_pause_spends_only_what_came_before_it() -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    ask = read_request(question("pause 1 time", tools=tools))
    assert isinstance(ask, AnthropicRequest)
    assert ask.paused
    assert counted(ask, _made()).usage.out_visible == 0


def _made() -> Completion:
    usage = Usage(in_uncached=5, cache_read=3, cache_write_short=2, out_visible=4, prompt_total=10)
    return Completion(id="x", created_s=0, served_model=BUDGET, text="four", finish="stop", usage=usage)


@pytest.mark.parametrize("model", SERVED)
def test_its_own_table_of_models_agrees_with_the_catalogue(model: str) -> None:
    known, habit = traits("anthropic", model), habits(model)
    sort = known.extra["thinking"]
    assert ("adaptive" in habit.thinking) is (sort != "budget")
    assert ("enabled" in habit.thinking) is ("budget" in sort)
    assert habit.effort is ("reasoning" in known.features)
    assert habit.temperature is ("budget" in sort)


@pytest.mark.parametrize("options", [{}, {"web_search_max_uses": 2}])
async def test_json_is_satisfied_whichever_way_it_is_asked(options: dict[str, Any]) -> None:
    schema = {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {"type": "string"}},
            "n": {"type": ["integer", "null"]},
        },
        "required": ["tags", "n"],
    }
    made = plan(text="Judge it", json_mode=True, json_schema=schema, **options)
    events, failure = await collect(on_simulator(simulator()), made)
    assert failure is None
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    jsonschema.validate(read_reply(text, schema), schema)


async def test_json_without_a_schema_is_asked_in_words_and_given() -> None:
    events, _ = await collect(on_simulator(simulator()), plan(text="Judge it", json_mode=True))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert json.loads(text)["simulated"] is True


@pytest.mark.parametrize(
    ("orders", "kind"),
    [
        ("status=400", "provider_rejected"),
        ("status=401", "invalid_api_key"),
        ("status=402", "rate_limited"),
        ("status=404", "provider_rejected"),
        ("status=413", "context_length_exceeded"),
        ("status=429", "rate_limited"),
        ("quota=1", "rate_limited"),
        ("status=500", "provider_unavailable"),
        ("status=529", "provider_unavailable"),
        ("refusal=1", "content_filtered"),
        ("error_after=0", "provider_unavailable"),
    ],
)
async def test_a_failure_can_be_ordered_in_the_prompt(orders: str, kind: str) -> None:
    sim = simulator()
    events, failure = await collect(on_simulator(sim), plan(text=f"Hello [[simulate: {orders}]]"))
    assert failure is not None
    assert failure.kind == kind
    assert not any(isinstance(event, TextDelta) for event in events)
    asked_again = orders in ("status=429", "status=500", "status=529")
    assert len(sim.ledger.entries) == (5 if asked_again else 1)


@pytest.mark.parametrize("orders", ["cut=0", "cut=3", "malformed=1", "error_after=2"])
async def test_an_ordered_break_leaves_the_bill_unknown(orders: str) -> None:
    sim = simulator()
    events, failure = await collect(on_simulator(sim), plan(text=f"Hello [[simulate: {orders}]]"))
    assert isinstance(failure, OutcomeUnknown)
    assert len(sim.ledger.entries) == 1
    assert sim.ledger.entries[0].state in ("cut", "failed")
    assert isinstance(events[0], UsageSoFar) if orders != "cut=0" else events == []


async def test_a_failure_that_passes_is_waited_out() -> None:
    sim = simulator()
    text = "[[simulate: status=529 retry_after=1 times=2]] Reply with exactly: ok"
    events, failure = await collect(on_simulator(sim), plan(text=text))
    assert failure is None
    assert TextDelta("ok") in events
    assert [entry.state for entry in sim.ledger.entries] == ["refused", "refused", "finished"]


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"x_api_key": ""}, 401, "x-api-key header is required"),
        ({"x_api_key": "sk-invalid-1"}, 401, "invalid x-api-key"),
        ({"x_api_key": "", "authorization": "Bearer sk-ant-1"}, 200, ""),
        ({"anthropic_version": "1999-01-01"}, 400, "anthropic-version"),
    ],
)
async def test_keys_and_versions_are_judged_by_their_headers(
    headers: dict[str, str], status: int, words: str
) -> None:
    got, body = await post(simulator(), question(), **headers)
    assert got == status
    if words:
        assert words in body["error"]["message"]
        assert body["type"] == "error"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        {"model": BETWEEN, "max_tokens": 9},
        {"model": BETWEEN, "messages": [{"role": "user", "content": "a"}]},
        question(colour="blue"),
        question(system=[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "2h"}}]),
        question(system=[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5),
        question(
            system=[
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
                {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            ]
        ),
        question(tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 0}]),
        question(output_config={"effort": "none"}),
        question("word " * 1_000_000),
    ],
)
async def test_nonsense_is_refused(body: dict[str, Any] | bytes) -> None:
    status, answer = await post(simulator(), body)
    assert (status, answer["type"]) == (400, "error")


async def test_a_prompt_that_is_too_long_says_so_to_the_person() -> None:
    _, failure = await collect(on_simulator(simulator()), plan(BUDGET, "word " * 200_000))
    assert failure is not None
    assert failure.kind == "context_length_exceeded"


async def test_an_unknown_model_is_named() -> None:
    made = plan("claude-nine", traits=traits("anthropic", BETWEEN))
    _, failure = await collect(on_simulator(simulator()), made)
    assert failure is not None
    assert (failure.kind, "model claude-nine" in failure.message) == ("provider_rejected", True)


async def test_counting_tokens_costs_nothing_and_is_not_in_the_ledger() -> None:
    sim = simulator()
    body = {"model": BETWEEN, "messages": [{"role": "user", "content": "Why?"}]}
    path = "/anthropic/v1/messages/count_tokens"
    response = await sim.handle(SimRequest("POST", path, HEADERS, json.dumps(body).encode()))
    assert json.loads(await read(response)) == {"input_tokens": 8}
    refused = await sim.handle(
        SimRequest("POST", path, HEADERS, json.dumps({**body, "max_tokens": 1}).encode())
    )
    assert refused.status == 400
    await refused.aclose()
    assert sim.ledger.entries == []


async def test_a_key_is_judged_without_cost() -> None:
    sim = simulator()
    assert await on_simulator(sim).validate_key("sk-ant-1") is None
    assert await on_simulator(sim).validate_key("sk-invalid-1") is not None
    assert sim.ledger.entries == []


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str) -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient()
        made = Anthropic(edge, f"{base}/anthropic")
        stream = made.stream(plan(QUIET, "Talk [[simulate: tokens=5000 pace_ms=20]]"), "sk-ant-1")
        arrived = [await anext(stream), await anext(stream), await anext(stream)]
        if how == "close":
            await stream.aclose()
        else:
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        await edge.aclose()
    assert sim.ledger.entries[-1].state == "cancelled"
    _, told, text = arrived
    assert isinstance(told, UsageSoFar)
    assert told.usage.prompt_total > 0
    assert isinstance(text, TextDelta)
    assert "".join(sim.ledger.entries[-1].sent).startswith(text.text)


async def test_a_client_that_leaves_between_two_requests_of_a_paused_turn_is_noticed() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient(sleep=no_wait)
        made = Anthropic(edge, f"{base}/anthropic")
        asked = plan(text="Search and pause 1 time. [[simulate: pace_ms=20]]", web_search_max_uses=2)
        async with aclosing(made.stream(asked, "sk-ant-1")) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        await edge.aclose()
    assert [entry.state for entry in sim.ledger.entries] == ["finished", "cancelled"]


@pytest.mark.parametrize(
    "case", [case for case in sorted(ANTHROPIC) if case not in ("stream-error", "spent")]
)
async def test_the_ledger_charges_what_the_reply_is_priced_at(case: str) -> None:
    sim = simulator()
    told = await outcome(f"anthropic/{case}", simulated_transport(sim))
    charged = [entry.charged_usd for entry in sim.ledger.entries]
    assert None not in charged
    assert sum(usd for usd in charged if usd is not None) == Decimal(told["costUSD"])
