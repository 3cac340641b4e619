from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.asked import KEY, collect, provider
from tests.helpers.openai_models import ask
from tests.helpers.scripted import Reply, event_stream

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
PARTS = Usage(in_uncached=7, out_visible=3, prompt_total=7)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "model": "gpt-4o-2024", "choices": choices, "usage": None, **more}


def usage_chunk(**more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "model": "gpt-4o-2024", "choices": [], "usage": USAGE, **more}


async def chat(*chunks: Any, **reply: Any) -> tuple[list[Event], Failure | None]:
    made, _ = provider(Reply(chunks=chunks, **reply))
    return await collect(made, made.plan(ask("gpt-4o")))


async def test_a_chat_is_sent_as_planned_with_its_key_in_the_header() -> None:
    made, transport = provider(Reply(chunks=[event_stream(chunk({"content": "Hi"}, "stop"), usage_chunk())]))
    plan = made.plan(ask("gpt-4o"))
    await collect(made, plan)
    (asked,) = transport.asked
    assert (asked.method, asked.url) == ("POST", "https://api.example/v1/chat/completions")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == plan.body
    assert transport.closed == 1


async def test_a_chat_streams_text_then_usage_then_done() -> None:
    events, failure = await chat(
        event_stream(
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hel"}),
            chunk({"content": "lo"}, service_tier="default"),
            chunk({}, "stop"),
            usage_chunk(),
        )
    )
    usage = Usage(in_uncached=7, out_visible=3, prompt_total=7, service_tier="default")
    assert failure is None
    assert events == [
        TextDelta("Hel"),
        TextDelta("lo"),
        UsageSoFar(usage),
        Done("stop", usage, "gpt-4o-2024", "chatcmpl-1"),
    ]


async def test_text_arrives_before_the_answer_is_complete() -> None:
    gate = asyncio.Event()
    first, rest = event_stream(chunk({"content": "now"}), done=False), event_stream(chunk({}, "stop"))
    made, _ = provider(Reply(chunks=[first, gate, rest]))
    async with asyncio.timeout(10), aclosing(made.stream(made.plan(ask("gpt-4o")), KEY)) as stream:
        assert await anext(stream) == TextDelta("now")
        gate.set()
        assert isinstance([event async for event in stream][-1], Done)


async def test_closing_the_events_closes_the_connection() -> None:
    first = event_stream(chunk({"content": "now"}), done=False)
    made, transport = provider(Reply(chunks=[first, asyncio.Event()]))
    async with asyncio.timeout(10):
        stream = made.stream(made.plan(ask("gpt-4o")), KEY)
        await anext(stream)
        assert transport.closed == 0
        await stream.aclose()
    assert transport.closed == 1


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_events_cut_anywhere_are_read_the_same(size: int) -> None:
    stream = event_stream(chunk({"content": "ü🙂"}), chunk({}, "length"), usage_chunk())
    cut = [stream[at : at + size] for at in range(0, len(stream), size)]
    events, failure = await chat(*cut)
    assert failure is None
    assert events == [TextDelta("ü🙂"), UsageSoFar(PARTS), Done("length", PARTS, "gpt-4o-2024", "chatcmpl-1")]


async def test_a_refusal_is_a_failure_with_its_usage_told_first() -> None:
    events, failure = await chat(
        event_stream(
            chunk({"refusal": "I can't "}), chunk({"refusal": "do that."}), chunk({}, "stop"), usage_chunk()
        )
    )
    assert events == [UsageSoFar(PARTS)]
    assert failure is not None
    assert (failure.kind, failure.detail) == ("content_filtered", "I can't do that.")


async def test_an_answer_that_was_filtered_away_is_a_failure() -> None:
    events, failure = await chat(event_stream(chunk({}, "content_filter"), usage_chunk()))
    assert events == [UsageSoFar(PARTS)]
    assert failure is not None
    assert failure.kind == "content_filtered"


async def test_an_answer_that_was_filtered_midway_keeps_its_text() -> None:
    events, failure = await chat(
        event_stream(chunk({"content": "Well"}), chunk({}, "content_filter"), usage_chunk())
    )
    assert failure is None
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "content_filter"


async def test_reasoning_that_used_up_the_limit_ends_without_text() -> None:
    events, failure = await chat(event_stream(chunk({"content": ""}), chunk({}, "length"), usage_chunk()))
    assert failure is None
    assert events[-1] == Done("length", PARTS, "gpt-4o-2024", "chatcmpl-1")
    assert not any(isinstance(event, TextDelta) for event in events)


async def test_a_stream_without_usage_has_none_rather_than_nothing_used() -> None:
    events, failure = await chat(event_stream(chunk({"content": "Hi"}, "stop")))
    assert failure is None
    assert events[-1] == Done("stop", None, "gpt-4o-2024", "chatcmpl-1")


async def test_a_stream_that_just_ends_may_have_been_billed() -> None:
    events, failure = await chat(event_stream(chunk({"content": "Hal"}), done=False))
    assert events == [TextDelta("Hal")]
    assert isinstance(failure, OutcomeUnknown)
    assert (failure.kind, failure.provider, failure.model) == ("provider_unavailable", "openai", "gpt-4o")


async def test_a_stream_that_breaks_may_have_been_billed() -> None:
    first = event_stream(chunk({"content": "Hal"}), done=False)
    events, failure = await chat(first, httpx.ReadError("reset"))
    assert events == [TextDelta("Hal")]
    assert isinstance(failure, OutcomeUnknown)


async def test_an_error_inside_the_stream_is_the_vendors() -> None:
    error = {"error": {"message": "The server is overloaded.", "type": "server_error", "code": None}}
    events, failure = await chat(event_stream(chunk({"role": "assistant"}), error, done=False))
    assert events == []
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert failure.kind == "provider_unavailable"
    assert "The server is overloaded." in failure.message


async def test_an_error_after_text_may_have_been_billed() -> None:
    error = {"error": {"message": "The server is overloaded.", "type": "server_error"}}
    events, failure = await chat(event_stream(chunk({"content": "Hal"}), error, done=False))
    assert events == [TextDelta("Hal")]
    assert isinstance(failure, OutcomeUnknown)


async def test_an_error_body_in_place_of_a_stream_is_read() -> None:
    body = json.dumps(
        {"error": {"message": "No such model.", "code": "model_not_found", "type": "invalid_request_error"}}
    )
    _, failure = await chat(body.encode(), headers={"content-type": "application/json"})
    assert failure is not None
    assert "No such model." in failure.message


async def test_a_whole_completion_in_place_of_a_stream_is_read() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    body = json.dumps({"id": "c1", "model": "local", "choices": [choice], "usage": USAGE})
    events, failure = await chat(body.encode())
    assert failure is None
    assert events == [TextDelta("Hello"), UsageSoFar(PARTS), Done("stop", PARTS, "local", "c1")]


@pytest.mark.parametrize("data", [b"data: {broken\n\n", b"data: [1]\n\n", b"data: 7\n\n"])
async def test_nonsense_in_the_stream_may_have_been_billed(data: bytes) -> None:
    _, failure = await chat(data)
    assert isinstance(failure, OutcomeUnknown)


async def test_a_page_in_place_of_a_stream_is_no_answer() -> None:
    _, failure = await chat(b"<html>Log in to the hotel network</html>")
    assert isinstance(failure, OutcomeUnknown)


async def test_what_compatible_servers_add_is_understood() -> None:
    events, failure = await chat(
        b": PROCESSING\n\n",
        event_stream(
            chunk({"reasoning_content": "Hmm"}),
            chunk({"reasoning": "m"}),
            chunk({"content": [{"type": "text", "text": "Hi"}]}),
            chunk({"content": None}, "eos"),
            done=False,
        ),
    )
    assert failure is None
    assert events[:3] == [ThinkingDelta("Hmm"), ThinkingDelta("m"), TextDelta("Hi")]
    assert isinstance(events[-1], Done)


async def test_a_refused_request_names_its_model_and_hides_the_key() -> None:
    body = json.dumps(
        {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}}
    )
    made, transport = provider(Reply(401, {"x-request-id": "req_9"}, [body.encode()]))
    _, failure = await collect(made, made.plan(ask("gpt-4o")))
    assert failure is not None
    assert (failure.kind, failure.model, failure.request_id) == ("invalid_api_key", "gpt-4o", "req_9")
    assert KEY not in failure.message + (failure.detail or "")
    assert transport.closed == 1


async def test_a_key_that_can_be_no_header_never_leaves() -> None:
    made, transport = provider()
    with pytest.raises(Failure) as raised:
        await anext(made.stream(made.plan(ask("gpt-4o")), "sk-two\nlines"))
    assert raised.value.kind == "invalid_api_key"
    assert transport.asked == []
