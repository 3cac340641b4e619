"""What Anthropic's client sees that no other vendor has; the rest is in the conformance suite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.providers.base import Done
from sidecar.simulator.transport import simulated_transport
from tests.helpers.answers import collect
from tests.helpers.anthropic_asking import (
    ALWAYS,
    BETWEEN,
    BUDGET,
    EITHER,
    QUIET,
    THINKS,
    Recorded,
    over,
    plan,
)
from tests.helpers.late import Late
from tests.helpers.simulated import simulator
from tests.providers.conformance import official_anthropic
from tests.providers.conformance.official import strictly
from tests.providers.conformance.official_anthropic import AnthropicsClient

if TYPE_CHECKING:
    import anthropic
else:
    anthropic = Late("anthropic")

ANTHROPIC = AnthropicsClient()
client = ANTHROPIC.client

ASK: dict[str, Any] = {
    "model": BETWEEN,
    "max_tokens": 1_000,
    "messages": [{"role": "user", "content": "Reply with exactly: one two three"}],
}


async def test_a_continuation_has_the_types_of_the_official_client_too() -> None:
    transport = Recorded(simulated_transport(simulator()))
    made = over(transport)
    asked = plan(text="Search, and pause 2 times.", web_search_max_uses=3, thinking=True, system="Be brief.")
    events, failure = await collect(made, asked)
    assert failure is None
    assert isinstance(events[-1], Done)
    assert len(transport.bodies) == 3
    for body in transport.bodies:
        ANTHROPIC.check("/messages", body)


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
    strictly(anthropic.types.Message, made)


async def test_the_official_client_reads_a_stream_of_events() -> None:
    async with client(simulator()) as official:
        stream = await official.messages.create(
            **ASK, thinking={"type": "adaptive", "display": "summarized"}, tools=[_search()], stream=True
        )
        events = [event async for event in stream]
    for event in events:
        official_anthropic.events().validate_python(json.loads(event.model_dump_json(exclude_unset=True)))
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


async def test_the_official_client_counts_tokens_as_the_message_does() -> None:
    sim = simulator()
    async with client(sim) as official:
        counted = await official.messages.count_tokens(
            model=BETWEEN, messages=ASK["messages"], system="Be brief."
        )
        made = await official.messages.create(**ASK, system="Be brief.")
    assert counted.input_tokens == made.usage.input_tokens


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
        strictly(anthropic.types.Message, made)


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
