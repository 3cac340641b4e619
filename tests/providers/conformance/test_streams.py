"""An answer as it comes: whole, stopped, cut, broken, refused. The same for every vendor."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Begun, Citation, Done, Event, TextDelta, ThinkingDelta, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import (
    DEADLINE_SECONDS,
    collect,
    done_of,
    everything,
    text_of,
    thinking_of,
    usage_of,
)
from tests.helpers.scripted import Chunk, Reply
from tests.providers.conformance.vendor import ANSWER_ID, COUNTS, KEY, ORIGIN, PAGE_TITLE, PAGE_URL, Vendor


async def read(vendor: Vendor, *chunks: Chunk, **reply: Any) -> tuple[list[Event], Failure | None]:
    provider, _ = vendor.scripted(Reply(chunks=chunks, **reply), retries=0)
    return await collect(provider, vendor.plan(), KEY)


def pieces(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


async def test_a_question_is_sent_as_planned_with_its_key_in_a_header(vendor: Vendor) -> None:
    provider, transport = vendor.scripted(Reply(chunks=[vendor.stream("Hi")]))
    plan = vendor.plan()
    await collect(provider, plan, KEY)
    (asked,) = transport.asked
    assert (asked.method, asked.url, asked.body) == ("POST", ORIGIN + vendor.path, plan.body)
    assert asked.headers.items() >= vendor.key_header(KEY).items()
    carrying = [name for name, value in asked.headers.items() if KEY in value]
    assert carrying == [name for name, value in vendor.key_header(KEY).items() if KEY in value]
    assert asked.headers["content-type"] == "application/json"
    assert transport.closed == 1


async def test_without_a_key_there_is_no_header_for_one(vendor: Vendor) -> None:
    provider, transport = vendor.scripted(Reply(chunks=[vendor.stream("Hi")]))
    await collect(provider, vendor.plan(), "")
    keyed = {name for name, value in vendor.key_header(KEY).items() if KEY in value}
    assert not keyed & transport.asked[0].headers.keys()


@pytest.mark.parametrize("key", ["sk-two\nlines", "schlüssel"])
async def test_a_key_that_can_be_no_header_never_leaves(vendor: Vendor, key: str) -> None:
    provider, transport = vendor.scripted()
    _, failure = await collect(provider, vendor.plan(), key)
    assert failure is not None
    assert (failure.kind, failure.provider) == ("invalid_api_key", vendor.provider)
    try:
        told = await provider.validate_key(key)
    except Failure as refused:
        told = refused.message
    assert told is not None
    assert "characters that no key has" in told
    assert transport.asked == []


async def test_the_vendor_s_id_of_the_answer_comes_before_anything_that_it_says(vendor: Vendor) -> None:
    provider, _ = vendor.scripted(Reply(chunks=[vendor.stream("Hel", "lo")]))
    events, _ = await everything(provider, vendor.plan(), KEY)
    assert isinstance(events[0], Begun)
    assert events[0].response_id == ANSWER_ID
    assert sum(isinstance(event, Begun) for event in events) == 1


async def test_only_the_usage_of_the_whole_answer_is_final(vendor: Vendor) -> None:
    events, _ = await read(vendor, vendor.stream("Hel", "lo"))
    told = [event.final for event in events if isinstance(event, UsageSoFar)]
    assert told == [False] * (len(told) - 1) + [True]


async def test_text_comes_piece_by_piece_then_the_usage_then_the_end(vendor: Vendor) -> None:
    events, failure = await read(
        vendor, vendor.begin() + vendor.text("Hel"), vendor.text("lo") + vendor.end()
    )
    assert failure is None
    usage = vendor.parts(COUNTS)
    done = Done("stop", usage, vendor.served, ANSWER_ID)
    assert [event for event in events if not isinstance(event, UsageSoFar)] == [
        TextDelta("Hel"),
        TextDelta("lo"),
        done,
    ]
    assert events[-2:] == [UsageSoFar(usage), done]


async def test_words_that_arrive_together_are_one_event(vendor: Vendor) -> None:
    events, _ = await read(vendor, vendor.stream("Hel", "lo", " there"))
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("Hello there")]


async def test_thinking_comes_before_the_text_and_is_not_part_of_it(vendor: Vendor) -> None:
    stream = vendor.begin() + vendor.thought("Hm") + vendor.text("Hello") + vendor.end()
    events, failure = await read(vendor, stream)
    assert failure is None
    assert [event for event in events if isinstance(event, (TextDelta, ThinkingDelta))] == [
        ThinkingDelta("Hm"),
        TextDelta("Hello"),
    ]


async def test_text_arrives_before_the_answer_is_complete(vendor: Vendor) -> None:
    gate = asyncio.Event()
    provider, _ = vendor.scripted(Reply(chunks=[vendor.begin() + vendor.text("now"), gate, vendor.end()]))
    events = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for event in provider.stream(vendor.plan(), KEY):
            events.append(event)
            if event == TextDelta("now"):
                gate.set()
    assert done_of(events).finish_reason == "stop"


async def test_a_stop_before_the_headers_leaves_nothing_behind(vendor: Vendor) -> None:
    provider, transport = vendor.scripted(asyncio.Event(), Reply(chunks=[vendor.stream("Hi")]))
    task = asyncio.create_task(collect(provider, vendor.plan(), KEY))
    async with asyncio.timeout(DEADLINE_SECONDS):
        await transport.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(transport.asked) == 1


@pytest.mark.parametrize("words", [(), ("now",)], ids=["before the first word", "in the middle"])
@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_stop_closes_the_connection(vendor: Vendor, how: str, words: tuple[str, ...]) -> None:
    begun = vendor.begin() + b"".join(map(vendor.text, words))
    provider, transport = vendor.scripted(Reply(chunks=[begun, asyncio.Event()]))
    events: list[Event] = []

    async def consume() -> None:
        async for event in provider.stream(vendor.plan(), KEY):
            events.append(event)

    async with asyncio.timeout(DEADLINE_SECONDS):
        if how == "close" and words:
            stream = provider.stream(vendor.plan(), KEY)
            while not text_of(events):
                events.append(await anext(stream))
            assert transport.closed == 0
            await stream.aclose()
        else:
            task = asyncio.create_task(consume())
            await transport.waiting.wait()
            assert transport.closed == 0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert text_of(events) == "".join(words)
    assert transport.closed == 1


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_events_cut_anywhere_are_read_the_same(vendor: Vendor, size: int) -> None:
    stream = vendor.stream("ü🙂", reason="length")
    events, failure = await read(vendor, *pieces(stream, size))
    assert failure is None
    assert text_of(events) == "ü🙂"
    assert events[-1] == Done("length", vendor.parts(COUNTS), vendor.served, ANSWER_ID)


async def test_an_answer_without_usage_has_none_rather_than_nothing_used(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.stream("Hi", counts=None))
    assert failure is None
    assert events == [TextDelta("Hi"), Done("stop", None, vendor.served, ANSWER_ID)]


async def test_thinking_that_used_up_the_limit_ends_without_text(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.stream(reason="length"))
    assert failure is None
    assert done_of(events) == Done("length", vendor.parts(COUNTS), vendor.served, ANSWER_ID)
    assert text_of(events) == ""


@pytest.mark.parametrize("broken", [(), (httpx.ReadError("reset"),)], ids=["ends", "breaks"])
async def test_a_stream_that_is_cut_may_have_been_billed(vendor: Vendor, broken: tuple[Chunk, ...]) -> None:
    events, failure = await read(vendor, vendor.begin() + vendor.thought("Hm") + vendor.text("Hal"), *broken)
    assert (thinking_of(events), text_of(events)) == ("Hm", "Hal")
    assert isinstance(failure, OutcomeUnknown)
    assert (failure.kind, failure.provider, failure.model) == (
        "provider_unavailable",
        vendor.provider,
        vendor.model,
    )


async def test_an_answer_that_never_begins_may_have_been_billed_and_is_not_asked_for_again(
    vendor: Vendor,
) -> None:
    provider, transport = vendor.scripted(httpx.ReadError("reset"))
    events, failure = await collect(provider, vendor.plan(), KEY)
    assert events == []
    assert isinstance(failure, OutcomeUnknown)
    assert failure.model == vendor.model
    assert len(transport.asked) == 1


async def test_an_error_inside_a_stream_before_any_text_is_the_vendors_no(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.begin() + vendor.broken("It is overloaded."))
    assert events == []
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert (failure.kind, failure.status) == ("provider_unavailable", None)
    assert "It is overloaded." in failure.message


async def test_an_error_after_text_may_have_been_billed(vendor: Vendor) -> None:
    stream = vendor.begin() + vendor.text("Hal") + vendor.broken("It is overloaded.")
    events, failure = await read(vendor, stream)
    assert text_of(events) == "Hal"
    assert isinstance(failure, OutcomeUnknown)
    assert (failure.kind, failure.model) == ("provider_unavailable", vendor.model)
    assert "It is overloaded." in failure.message


async def test_an_error_body_in_place_of_a_stream_is_read(vendor: Vendor) -> None:
    _, failure = await read(
        vendor, vendor.refusal(500, "The field foo is odd."), headers={"content-type": "application/json"}
    )
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert "The field foo is odd." in failure.message


async def test_a_whole_answer_in_place_of_a_stream_is_read(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.whole("Hello"))
    assert failure is None
    assert text_of(events) == "Hello"
    assert events[-1] == Done("stop", vendor.parts(COUNTS), vendor.served, ANSWER_ID)
    assert usage_of(events) == vendor.parts(COUNTS)


@pytest.mark.parametrize("data", [b"data: {broken\n\n", b"data: [1]\n\n", b"data: 7\n\n"])
async def test_what_cannot_be_read_may_have_been_billed(vendor: Vendor, data: bytes) -> None:
    _, failure = await read(vendor, data)
    assert isinstance(failure, OutcomeUnknown)


async def test_a_web_page_in_place_of_an_answer_ran_nothing(vendor: Vendor) -> None:
    events, failure = await read(vendor, b"<html>Log in</html>")
    assert events == []
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert "web page" in failure.message
    assert "base URL" in failure.message


async def test_an_answer_in_which_the_model_says_no_is_a_failure_with_its_usage_told_first(
    vendor: Vendor,
) -> None:
    events, failure = await read(vendor, vendor.declined())
    assert usage_of(events) == vendor.parts(COUNTS)
    assert text_of(events) == ""
    assert failure is not None
    assert (failure.kind, failure.provider, failure.model) == (
        "content_filtered",
        vendor.provider,
        vendor.model,
    )
    assert failure.detail == vendor.declined_because


async def test_an_answer_that_was_filtered_away_is_a_failure(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.begin() + vendor.end("content_filter"))
    assert usage_of(events) is not None
    assert failure is not None
    assert failure.kind == "content_filtered"


async def test_an_answer_that_was_filtered_midway_keeps_its_text(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.stream("Well", reason="content_filter"))
    assert failure is None
    assert text_of(events) == "Well"
    assert done_of(events).finish_reason == "content_filter"


async def test_a_page_is_cited_once(vendor: Vendor) -> None:
    events, failure = await read(vendor, vendor.cited())
    assert failure is None
    page = Citation(PAGE_URL, PAGE_TITLE)
    assert [event for event in events if isinstance(event, Citation)] == [page]
    assert done_of(events).citations == (page,)


async def test_a_search_is_counted(vendor: Vendor) -> None:
    events, _ = await read(vendor, vendor.cited())
    usage = done_of(events).usage
    assert usage is not None
    assert usage.searches == 1


async def test_a_request_that_was_refused_names_its_model_and_hides_the_key(vendor: Vendor) -> None:
    body = vendor.refusal(401, f"The key {KEY} is wrong.")
    provider, transport = vendor.scripted(Reply(401, {vendor.request_id_header: "req_9"}, [body]))
    _, failure = await collect(provider, vendor.plan(), KEY)
    assert failure is not None
    assert (failure.kind, failure.model, failure.request_id) == ("invalid_api_key", vendor.model, "req_9")
    assert KEY not in json.dumps([failure.message, failure.data()])
    assert transport.closed == 1
