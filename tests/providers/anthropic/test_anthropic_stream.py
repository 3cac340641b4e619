from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.continuation import MOST_CONTINUATIONS
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import collect
from tests.helpers.anthropic_asking import events_of, plan, provider
from tests.helpers.scripted import Reply

START = {"input_tokens": 7, "output_tokens": 1, "service_tier": "standard"}
BEGUN = Usage(in_uncached=7, out_visible=1, prompt_total=7, service_tier="standard")
ENDED = Usage(in_uncached=7, out_visible=3, prompt_total=7, service_tier="standard")
CITED = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "a"}
RESULT = {"type": "web_search_result", "url": "https://b.example", "title": "B", "encrypted_content": "x"}


def start(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-sonnet-5-5",
        "content": [],
        "usage": usage or START,
    }
    return {"type": "message_start", "message": message}


def block(index: int = 0, kind: str = "text", **members: Any) -> dict[str, Any]:
    given = {"type": kind, **({"text": ""} if kind == "text" else {}), **members}
    return {"type": "content_block_start", "index": index, "content_block": given}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def text(words: str, index: int = 0) -> dict[str, Any]:
    return delta("text_delta", index, text=words)


def end(stop: str = "end_turn", output: int = 3, **members: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": stop, **members},
        "usage": {"output_tokens": output},
    }


STOP = {"type": "message_stop"}
PING = {"type": "ping"}


async def chat(*chunks: Any, **reply: Any) -> tuple[list[Event], Failure | None]:
    made, _ = provider(Reply(chunks=chunks, **reply))
    return await collect(made, plan())


async def test_an_answer_streams_thoughts_then_text_then_done() -> None:
    events, failure = await chat(
        events_of(
            start(),
            block(0, "thinking", thinking="", signature=""),
            PING,
            delta("thinking_delta", thinking="Hmm"),
            delta("signature_delta", signature="c2ln"),
            {"type": "content_block_stop", "index": 0},
            block(1, "redacted_thinking", data="secret"),
            {"type": "content_block_stop", "index": 1},
            block(2, "thinking", thinking="", signature=""),
            delta("thinking_delta", 2, thinking="So"),
            block(3),
            text("Hel", 3),
            {"type": "something_new", "index": 3},
            text("lo", 3),
            end(),
            STOP,
        )
    )
    assert failure is None
    assert events == [
        UsageSoFar(BEGUN),
        ThinkingDelta("Hmm\n\nSo"),
        TextDelta("Hello"),
        UsageSoFar(ENDED),
        Done("stop", ENDED, "claude-sonnet-5-5", "msg_1"),
    ]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"output_tokens": 9}, Usage(in_uncached=7, cache_write_long=4, out_visible=9, prompt_total=11)),
        (
            {"input_tokens": 20, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}},
            Usage(in_uncached=20, cache_write_long=4, out_visible=4, out_reasoning=5, prompt_total=24),
        ),
        (
            {"output_tokens": 9, "server_tool_use": {"web_search_requests": 2}},
            Usage(in_uncached=7, cache_write_long=4, out_visible=9, searches=2, prompt_total=11),
        ),
    ],
)
async def test_usage_is_known_from_the_first_event_and_replaced_by_the_last(
    usage: dict[str, Any], expected: Usage
) -> None:
    first = {
        "input_tokens": 7,
        "output_tokens": 1,
        "cache_creation_input_tokens": 4,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4},
    }
    events, _ = await chat(events_of(start(first), block(), text("Hi"), {**end(), "usage": usage}, STOP))
    assert events[0] == UsageSoFar(Usage(in_uncached=7, cache_write_long=4, out_visible=1, prompt_total=11))
    assert isinstance(events[-1], Done)
    assert events[-1].usage == expected


@pytest.mark.parametrize(
    ("blocks", "cited"),
    [
        ([block(citations=[]), delta("citations_delta", citation=CITED), text("A.")], ["https://a.example"]),
        ([block(citations=[CITED, CITED]), text("A.")], ["https://a.example"]),
        (
            [
                block(citations=[]),
                delta("citations_delta", citation={"type": "search_result_location", "source": "s:1"}),
            ],
            ["s:1"],
        ),
        ([block(citations=[]), delta("citations_delta", citation={"type": "char_location"}), text("A.")], []),
        (
            [block(0, "web_search_tool_result", content=[RESULT]), block(1), text("A.", 1)],
            ["https://b.example"],
        ),
        (
            [
                block(0, "web_search_tool_result", content=[RESULT]),
                block(1, citations=[]),
                delta("citations_delta", 1, citation=CITED),
            ],
            ["https://a.example"],
        ),
        (
            [
                block(0, "web_search_tool_result", content={"error_code": "unavailable"}),
                block(1),
                text("A.", 1),
            ],
            [],
        ),
    ],
)
async def test_what_the_text_cites_is_told_else_what_was_found(blocks: list[Any], cited: list[str]) -> None:
    events, failure = await chat(events_of(start(), *blocks, end(), STOP))
    assert failure is None
    assert isinstance(events[-1], Done)
    assert [citation.url for citation in events[-1].citations] == cited


@pytest.mark.parametrize("before", [(), (block(),)], ids=["nothing", "a block without a word"])
async def test_a_refusal_before_any_output_is_a_failure_that_costs_nothing(
    before: tuple[dict[str, Any], ...],
) -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    events, failure = await chat(events_of(start(), *before, end("refusal", stop_details=details), STOP))
    assert failure is not None
    assert (failure.kind, failure.detail) == ("content_filtered", "bio: No.")
    assert not isinstance(failure, OutcomeUnknown)
    free = Usage(
        in_uncached=7, out_visible=3, prompt_total=7, service_tier="standard", charged_usd=Decimal(0)
    )
    assert events == [UsageSoFar(BEGUN), UsageSoFar(ENDED), UsageSoFar(free)]


async def test_a_refusal_after_thoughts_is_a_failure_that_is_billed() -> None:
    thought = block(0, "thinking", thinking="Hmm", signature="")
    events, failure = await chat(events_of(start(), thought, end("refusal"), STOP))
    assert failure is not None
    assert failure.kind == "content_filtered"
    assert events[-1] == UsageSoFar(ENDED)


async def test_a_whole_message_in_place_of_a_stream_is_read() -> None:
    content = [{"type": "thinking", "thinking": "Hmm", "signature": "s"}, {"type": "text", "text": "Hello"}]
    usage = {"input_tokens": 7, "output_tokens": 3, "service_tier": "standard"}
    message = {
        "type": "message",
        "id": "m",
        "model": "x",
        "content": content,
        "stop_reason": "end_turn",
        "usage": usage,
    }
    events, failure = await chat(json.dumps(message).encode())
    assert failure is None
    assert events == [
        ThinkingDelta("Hmm"),
        TextDelta("Hello"),
        UsageSoFar(ENDED),
        Done("stop", ENDED, "x", "m"),
    ]


SEARCHING = (
    block(0, "thinking", thinking="", signature=""),
    delta("thinking_delta", thinking="Hmm"),
    delta("signature_delta", signature="c2ln"),
    block(1, "redacted_thinking", data="secret"),
    block(2, "text"),
    block(3, "server_tool_use", id="srv_1", name="web_search", input={}),
    delta("input_json_delta", 3, partial_json=""),
    delta("input_json_delta", 3, partial_json='{"query": '),
    delta("input_json_delta", 3, partial_json='"sky"}'),
    block(4, "web_search_tool_result", tool_use_id="srv_1", content=[RESULT]),
    block(5, citations=[]),
    delta("citations_delta", 5, citation=CITED),
    text("First", 5),
)


async def test_a_paused_turn_is_gone_on_with_and_its_usage_added_up() -> None:
    searched = {"output_tokens": 30, "server_tool_use": {"web_search_requests": 1}}
    paused = events_of(start(), *SEARCHING, {**end("pause_turn"), "usage": searched}, STOP)
    rest = events_of(start({"input_tokens": 50, "output_tokens": 1}), block(), text(" then."), end(), STOP)
    made, transport = provider(Reply(chunks=[paused]), Reply(chunks=[rest]))
    asked = plan(web_search_max_uses=5, max_output_tokens=1_000)
    events, failure = await collect(made, asked)
    assert failure is None
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["First", " then."]
    usage = Usage(in_uncached=57, out_visible=33, searches=1, prompt_total=57, service_tier="standard")
    assert events[-1] == Done(
        "stop", usage, "claude-sonnet-5-5", "msg_1", (Citation("https://a.example", "A"),)
    )
    first, second = (one.body for one in transport.asked)
    assert first == asked.body
    assert second["messages"][:-1] == first["messages"]
    assert second["messages"][-1] == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hmm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "secret"},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "sky"}},
            {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [RESULT]},
            {"type": "text", "text": "First", "citations": [CITED]},
        ],
    }
    assert (second["max_tokens"], second["tools"][0]["max_uses"]) == (970, 4)
    assert transport.closed == 2


async def test_a_turn_that_pauses_for_ever_is_given_up_as_too_long() -> None:
    paused = events_of(start(), block(), text("On "), end("pause_turn"), STOP)
    replies = [Reply(chunks=[paused]) for _ in range(MOST_CONTINUATIONS + 1)]
    made, transport = provider(*replies)
    events, failure = await collect(made, plan(web_search_max_uses=5))
    assert failure is None
    assert len(transport.asked) == MOST_CONTINUATIONS + 1
    assert len(transport.asked[-1].body["messages"]) == 2
    assert len(transport.asked[-1].body["messages"][-1]["content"]) == MOST_CONTINUATIONS
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "length"
    assert events[-1].usage is not None
    assert events[-1].usage.out_total == 3 * (MOST_CONTINUATIONS + 1)


async def test_a_pause_that_used_up_the_limit_is_not_gone_on_with() -> None:
    made, transport = provider(
        Reply(chunks=[events_of(start(), block(), text("On"), end("pause_turn", 100), STOP)])
    )
    events, _ = await collect(made, plan(web_search_max_uses=5, max_output_tokens=100))
    assert len(transport.asked) == 1
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "length"


async def test_an_answer_whose_continuation_is_refused_ends_with_what_there_is_of_it() -> None:
    paused = events_of(start(), block(), text("On"), end("pause_turn"), STOP)
    made, _ = provider(Reply(chunks=[paused]), Reply(400))
    events, failure = await collect(made, plan(web_search_max_uses=5))
    assert failure is None
    assert isinstance(events[-1], Done)
    assert (events[-1].finish_reason, events[-1].usage) == ("length", ENDED)
    assert "not whole" in events[-1].notes[0]


async def test_a_continuation_that_fails_leaves_the_usage_of_what_ran() -> None:
    paused = events_of(start(), block(), text("On"), end("pause_turn"), STOP)
    made, _ = provider(Reply(chunks=[paused]), Reply(401))
    events, failure = await collect(made, plan(web_search_max_uses=5))
    assert failure is not None
    assert events[-1] == UsageSoFar(ENDED)
