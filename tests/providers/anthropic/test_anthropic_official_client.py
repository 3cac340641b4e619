"""The vendor's own client judges both sides: what we send, and what the simulator answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, ModelInfo, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from pydantic import BaseModel, TypeAdapter

from sidecar.providers.base import Done, Turn
from sidecar.simulator.core import Simulator
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
    Recorded,
    on_simulator,
    over,
    plan,
)
from tests.helpers.simulated import on_loopback, simulator

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "why": {"type": ["string", "null"]}},
    "required": ["n"],
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
    {"effort": "max", "thinking": True},
    {"thinking": True, "max_output_tokens": 2_000, "temperature": 0.5},
    {"json_mode": True},
    {"json_schema": SCHEMA},
    {"json_schema": {"type": "object"}},
    {"web_search_max_uses": 3, "effort": "high", "max_output_tokens": 500},
    {"web_search_max_uses": 3, "json_schema": SCHEMA, "system": "Be brief."},
    {"cache_ttl": "1h", "system": "Be brief.", "web_search_max_uses": 1},
    {"cache_ttl": "5m", "turns": (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))},
]
ASK: dict[str, Any] = {
    "model": BETWEEN,
    "max_tokens": 1_000,
    "messages": [{"role": "user", "content": "Reply with exactly: one two three"}],
}
EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
BODY: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsStreaming)


@asynccontextmanager
async def client(sim: Simulator, **options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The unmodified client on the simulator's server."""
    async with asyncio.timeout(20), on_loopback(sim) as base:
        key = options.pop("api_key", "sk-ant-simulated")
        async with anthropic.AsyncAnthropic(
            base_url=f"{base}/anthropic", api_key=key, max_retries=0, **options
        ) as made:
            yield made


def named(options: dict[str, Any]) -> str:
    return "-".join(options) or "bare"


def _read(value: Any) -> None:
    """An iterable is only checked as it is read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            _read(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for inner in value:
            _read(inner)


def _check_body(body: Mapping[str, Any]) -> None:
    # The newest client asks for a version of the API without temperatures; the version that we ask for has them.
    rest = {name: value for name, value in body.items() if name != "temperature"}
    assert isinstance(body.get("temperature", 0.5), float)
    # A TypedDict takes members that it does not know; the vendor would not.
    known: Any = MessageCreateParamsStreaming
    assert rest.keys() <= known.__required_keys__ | known.__optional_keys__
    _read(BODY.validate_python(rest))


@pytest.mark.parametrize("model", SERVED)
@pytest.mark.parametrize("options", OPTIONS, ids=named)
async def test_every_body_has_the_types_of_the_official_client_and_is_taken(
    model: str, options: dict[str, Any]
) -> None:
    made = plan(model, **options)
    _check_body(made.body)
    events, failure = await collect(on_simulator(simulator()), made)
    assert failure is None, failure
    assert events


async def test_a_continuation_has_the_types_of_the_official_client_too() -> None:
    transport = Recorded(simulated_transport(simulator()))
    made = over(transport)
    asked = plan(text="Search, and pause 2 times.", web_search_max_uses=3, thinking=True, system="Be brief.")
    events, failure = await collect(made, asked)
    assert failure is None
    assert isinstance(events[-1], Done)
    assert len(transport.bodies) == 3
    for body in transport.bodies:
        _check_body(body)


async def test_the_official_client_reads_a_message() -> None:
    async with client(simulator()) as official:
        made = await official.messages.create(
            **ASK, thinking={"type": "adaptive", "display": "summarized"}, tools=[_search()]
        )
    assert [block.type for block in made.content] == [
        "thinking",
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    text = made.content[-1]
    assert isinstance(text, anthropic.types.TextBlock)
    assert text.text == "one two three"
    assert text.citations is not None
    assert text.citations[0].type == "web_search_result_location"
    assert made.stop_reason == "end_turn"
    assert made.usage.server_tool_use is not None
    assert made.usage.server_tool_use.web_search_requests == 1
    assert made.usage.output_tokens_details is not None
    assert 0 < made.usage.output_tokens_details.thinking_tokens < made.usage.output_tokens
    assert made._request_id == "req_sim000001"
    _strictly(Message, made)


async def test_the_official_client_reads_a_stream_of_events() -> None:
    async with client(simulator()) as official:
        stream = await official.messages.create(
            **ASK, thinking={"type": "adaptive", "display": "summarized"}, tools=[_search()], stream=True
        )
        events = [event async for event in stream]
    for event in events:
        EVENTS.validate_python(json.loads(event.model_dump_json(exclude_unset=True)))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 4


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]},
        {
            "system": [
                {"type": "text", "text": "x" * 9_000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
            ]
        },
        {"output_config": {"effort": "low"}},
    ],
)
async def test_the_official_client_accumulates_a_stream_to_the_same_message(options: dict[str, Any]) -> None:
    async with client(simulator()) as official:
        whole = await official.messages.create(**ASK, **options)
    async with client(simulator()) as official, official.messages.stream(**ASK, **options) as stream:
        final = await stream.get_final_message()
    streamed, written = json.loads(final.model_dump_json()), json.loads(whole.model_dump_json())
    for block in streamed["content"]:
        block.pop("parsed_output", None)
    assert streamed["content"] == written["content"]
    assert streamed["usage"] == written["usage"]
    assert (final.stop_reason, final.id, final.model) == (whole.stop_reason, whole.id, whole.model)


async def test_the_official_client_counts_both_lifetimes_of_the_cache() -> None:
    sim = simulator()
    for ttl, member in (("5m", "ephemeral_5m_input_tokens"), ("1h", "ephemeral_1h_input_tokens")):
        mark = {"type": "ephemeral", "ttl": ttl}
        system: Any = [{"type": "text", "text": f"{ttl} " * 4_000, "cache_control": mark}]
        async with client(sim) as official:
            first = (await official.messages.create(**ASK, system=system)).usage
            again = (await official.messages.create(**ASK, system=system)).usage
        assert first.cache_creation is not None
        written = first.cache_creation_input_tokens
        assert written
        assert getattr(first.cache_creation, member) == written
        assert (again.cache_read_input_tokens, again.cache_creation_input_tokens) == (written, 0)
        assert first.input_tokens == again.input_tokens


async def test_the_official_client_parses_a_schema() -> None:
    class Verdict(BaseModel):
        score: int
        reasons: list[str]

    async with client(simulator()) as official:
        made = await official.messages.parse(
            model=BETWEEN,
            max_tokens=500,
            messages=[{"role": "user", "content": "Judge."}],
            output_format=Verdict,
        )
    assert isinstance(made.parsed_output, Verdict)


async def test_the_official_client_counts_tokens_as_the_message_does() -> None:
    sim = simulator()
    async with client(sim) as official:
        counted = await official.messages.count_tokens(
            model=BETWEEN, messages=ASK["messages"], system="Be brief."
        )
        made = await official.messages.create(**ASK, system="Be brief.")
    assert counted.input_tokens == made.usage.input_tokens


async def test_the_official_client_lists_the_models() -> None:
    async with client(simulator()) as official:
        rows = [model async for model in official.models.list(limit=1_000)]
        one = await official.models.retrieve(BETWEEN)
    assert {ALWAYS, BETWEEN, BUDGET} <= {row.id for row in rows}
    assert one.id == BETWEEN
    for row in rows:
        _strictly(ModelInfo, row)


@pytest.mark.parametrize(
    ("orders", "error", "kind"),
    [
        ("status=400", anthropic.BadRequestError, "invalid_request_error"),
        ("status=401", anthropic.AuthenticationError, "authentication_error"),
        ("status=402", anthropic.PaymentRequiredError, "billing_error"),
        ("status=403", anthropic.PermissionDeniedError, "permission_error"),
        ("status=404", anthropic.NotFoundError, "not_found_error"),
        ("status=409", anthropic.ConflictError, "conflict_error"),
        ("status=413", anthropic.ContentTooLargeError, "request_too_large"),
        ("status=429 retry_after=3", anthropic.RateLimitError, "rate_limit_error"),
        ("quota=1", anthropic.RateLimitError, "rate_limit_error"),
        ("status=500", anthropic.InternalServerError, "api_error"),
        ("status=504", anthropic.GatewayTimeoutError, "timeout_error"),
        ("status=529", anthropic.OverloadedError, "overloaded_error"),
    ],
)
async def test_the_official_client_knows_every_refusal(
    orders: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    async with client(simulator()) as official:
        with pytest.raises(error) as raised:
            await official.messages.create(
                model=BETWEEN,
                max_tokens=9,
                messages=[{"role": "user", "content": f"Hi [[simulate: {orders}]]"}],
            )
    assert raised.value.type == kind
    assert raised.value.request_id == "req_sim000001"
    assert raised.value.error_code == ("enforced_spend_limit_reached" if orders == "quota=1" else None)
    if "retry_after" in orders:
        assert raised.value.response.headers["retry-after"] == "3"


async def test_the_official_client_is_refused_with_a_wrong_key() -> None:
    async with client(simulator(), api_key="sk-invalid-key") as official:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await official.models.list()


async def test_the_official_client_raises_an_error_inside_a_stream() -> None:
    prompt = "Hi [[simulate: error_after=2]]"
    async with client(simulator()) as official:
        stream = await official.messages.create(
            model=BETWEEN, max_tokens=999, messages=[{"role": "user", "content": prompt}], stream=True
        )
        with pytest.raises(anthropic.APIStatusError) as raised:
            [event async for event in stream]
    assert raised.value.type == "api_error"


async def test_the_official_client_sees_a_refusal_and_a_pause() -> None:
    async with client(simulator()) as official:
        refused = await official.messages.create(
            model=BETWEEN, max_tokens=99, messages=[{"role": "user", "content": "Hi [[simulate: refusal=1]]"}]
        )
        paused = await official.messages.create(
            model=BETWEEN,
            max_tokens=999,
            messages=[{"role": "user", "content": "Search and pause 1 time."}],
            tools=[_search()],
        )
        resumed = await official.messages.create(
            model=BETWEEN,
            max_tokens=999,
            messages=[{"role": "user", "content": "Search and pause 1 time."}, paused.to_param()],
            tools=[_search()],
        )
    assert (refused.stop_reason, refused.content) == ("refusal", [])
    assert refused.stop_details is not None
    assert refused.stop_details.category == "general_harms"
    assert (paused.stop_reason, resumed.stop_reason) == ("pause_turn", "end_turn")
    for made in (refused, paused, resumed):
        _strictly(Message, made)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (ALWAYS, {"thinking": {"type": "disabled"}}),
        (ALWAYS, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        (BETWEEN, {"thinking": {"type": "disabled"}}),
        (THINKS, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        (QUIET, {"temperature": 0.5}),
        (BUDGET, {"thinking": {"type": "adaptive"}}),
        (BUDGET, {"thinking": {"type": "enabled", "budget_tokens": 1_000}}),
        (BUDGET, {"thinking": {"type": "enabled", "budget_tokens": 5_000}}),
        (BUDGET, {"thinking": {"type": "enabled", "budget_tokens": 1_024}, "temperature": 0.5}),
        (BUDGET, {"output_config": {"effort": "low"}}),
        (BUDGET, {"temperature": 1.5}),
        (EITHER, {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
        (BETWEEN, {"messages": [{"role": "user", "content": "  "}]}),
        (BETWEEN, {"messages": [{"role": "developer", "content": "a"}]}),
        (BETWEEN, {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
        (BETWEEN, {"max_tokens": 0}),
    ],
)
async def test_the_simulator_refuses_what_the_vendor_does(model: str, body: dict[str, Any]) -> None:
    async with client(simulator()) as official:
        with pytest.raises(anthropic.BadRequestError):
            await official.messages.create(**{**ASK, "model": model}, extra_body=body)


def _search() -> Any:
    return {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}


def _strictly(kind: type[Any], value: Any) -> None:
    """The client builds its models without checking them; here they are checked."""
    kind.model_validate(json.loads(value.model_dump_json(exclude_unset=True)))
