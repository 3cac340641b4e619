from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.gemini.provider import MAX_PARTS, Gemini
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import collect, text_of
from tests.helpers.gemini import SCHEMA, ask, chunk, provider, sse
from tests.helpers.scripted import Reply, scripted_edge

MODEL = "gemini-3.8-flash"
USAGE = {"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}
PARTS = Usage(in_uncached=7, out_visible=3, out_reasoning=2, prompt_total=7)
BROKEN = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


async def read(*chunks: Any, model: str = MODEL, **reply: Any) -> tuple[list[Event], Failure | None]:
    made, _ = provider(Reply(chunks=chunks, **reply), retries=0)
    return await collect(made, made.plan(ask(model)))


@pytest.mark.parametrize(
    ("base", "root"),
    [
        ("https://g.example", "https://g.example/v1beta"),
        ("https://g.example/v1/", "https://g.example/v1"),
        ("https://g.example/gemini/v1alpha", "https://g.example/gemini/v1alpha"),
        ("https://v1.example", "https://v1.example/v1beta"),
    ],
)
async def test_the_version_of_the_api_can_be_chosen_by_the_base_url(base: str, root: str) -> None:
    http, transport, _ = scripted_edge(Reply(chunks=[sse(chunk("Hi", "STOP"))]))
    made = Gemini(http, base)
    await collect(made, made.plan(ask(MODEL)))
    assert transport.asked[0].url.startswith(f"{root}/models/")


async def test_thoughts_and_text_stream_and_the_usage_grows_until_done() -> None:
    events, failure = await read(
        sse(
            chunk("Hmm", thought=True, usage={"promptTokenCount": 7, "thoughtsTokenCount": 2}),
            chunk("Hel", usage={"promptTokenCount": 7, "thoughtsTokenCount": 2, "candidatesTokenCount": 1}),
            chunk("lo", "STOP", usage={"promptTokenCount": 7, "candidatesTokenCount": 3}),
        )
    )
    assert failure is None
    assert events == [
        ThinkingDelta("Hmm"),
        UsageSoFar(Usage(in_uncached=7, out_reasoning=2, prompt_total=7)),
        TextDelta("Hel"),
        UsageSoFar(Usage(in_uncached=7, out_visible=1, out_reasoning=2, prompt_total=7)),
        TextDelta("lo"),
        UsageSoFar(PARTS),
        Done("stop", PARTS, "gemini-3.8-flash", "r1"),
    ]


async def test_pages_are_cited_once_and_queries_are_billed() -> None:
    pages = [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {"uri": "https://b.example"}}]
    grounding = {"webSearchQueries": ["x", "y"], "groundingChunks": [*pages, pages[0], {"maps": {}}]}
    events, failure = await read(
        sse(
            chunk("Hi", usage=USAGE, groundingMetadata={"groundingChunks": pages[:1]}),
            chunk("", "STOP", groundingMetadata=grounding),
        )
    )
    done = events[-1]
    assert failure is None
    assert isinstance(done, Done)
    assert done.usage is not None
    assert done.usage.searches == 2
    assert done.citations == (Citation("https://a.example", "A"), Citation("https://b.example"))
    assert [event for event in events if isinstance(event, Citation)] == list(done.citations)


async def test_a_search_is_billed_as_the_model_that_answered_is() -> None:
    last = {**chunk("Hi", "STOP", usage=USAGE), "modelVersion": "gemini-2.5-flash"}
    last["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["x", "y"]}
    events, _ = await read(sse(last))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.usage is not None
    assert (done.usage.searches, done.served_model) == (1, "gemini-2.5-flash")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7}},
            "PROHIBITED_CONTENT",
        ),
        ({**chunk("", "RECITATION", usage={"promptTokenCount": 7})}, "RECITATION"),
    ],
)  # fmt: skip
async def test_what_is_blocked_is_a_failure_with_its_usage_told_first(
    body: dict[str, Any], words: str
) -> None:
    events, failure = await read(sse(body))
    assert events == [UsageSoFar(Usage(in_uncached=7, prompt_total=7))]
    assert failure is not None
    assert (failure.kind, failure.detail, failure.model) == ("content_filtered", words, MODEL)


async def test_a_prompt_that_is_blocked_midway_leaves_the_text() -> None:
    events, failure = await read(sse(chunk("Well"), {"promptFeedback": {"blockReason": "SAFETY"}}))
    assert failure is None
    assert events[-1] == Done("content_filter", None, "gemini-3.8-flash", "r1")


@pytest.mark.parametrize(("text", "kind"), [("", "provider_unavailable"), ("Well", None)])
async def test_an_end_for_no_good_reason_is_a_failure_unless_there_is_text(
    text: str, kind: str | None
) -> None:
    events, failure = await read(sse(chunk(text, "MALFORMED_RESPONSE", usage=USAGE)))
    assert UsageSoFar(PARTS) in events
    if kind is None:
        assert events[-1] == Done("error", PARTS, "gemini-3.8-flash", "r1")
    else:
        assert failure is not None
        assert (failure.kind, failure.detail) == (kind, "MALFORMED_RESPONSE")


async def test_thinking_that_used_up_the_limit_ends_without_text() -> None:
    last = chunk("", "MAX_TOKENS", usage={"promptTokenCount": 7, "thoughtsTokenCount": 9})
    del last["candidates"][0]["content"]
    events, failure = await read(sse(last))
    usage = Usage(in_uncached=7, out_reasoning=9, prompt_total=7)
    assert failure is None
    assert events[-1] == Done("length", usage, "gemini-3.8-flash", "r1")


async def test_a_reason_that_is_none_is_no_end() -> None:
    events, failure = await read(sse(chunk("Hal", "FINISH_REASON_UNSPECIFIED", usage=USAGE)))
    assert events == [TextDelta("Hal"), UsageSoFar(PARTS)]
    assert isinstance(failure, OutcomeUnknown)


BARE = json.dumps(BROKEN, indent=2).encode()


@pytest.mark.parametrize(
    "tail",
    [
        sse(BROKEN),
        BARE,
        BARE + b"\n",
        b"\r\n" + BARE.replace(b"\n", b"\r\n"),
        json.dumps([BROKEN], indent=2).encode(),
        json.dumps(BROKEN).encode() + b"\n\n",
    ],
)
@pytest.mark.parametrize("size", [11, 100_000])
async def test_an_error_inside_the_stream_is_seen_in_every_form(tail: bytes, size: int) -> None:
    stream = sse(chunk("Hal")) + tail
    events, failure = await read(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert events == [TextDelta("Hal")]
    assert isinstance(failure, OutcomeUnknown)
    assert "overloaded" in failure.message


@pytest.mark.parametrize("body", [sse(BROKEN), BARE, json.dumps([BROKEN], indent=2).encode()])
async def test_an_error_in_place_of_a_stream_was_certainly_not_billed(body: bytes) -> None:
    events, failure = await read(body)
    assert events == []
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert failure.kind == "provider_unavailable"


async def test_an_error_behind_a_complete_answer_takes_nothing_back() -> None:
    events, failure = await read(sse(chunk("Hi", "STOP")), BARE)
    assert failure is None
    assert isinstance(events[-1], Done)


@pytest.mark.parametrize("size", [1_000, 100_000])
async def test_a_long_answer_without_an_error_behind_it_is_only_an_answer(size: int) -> None:
    stream = sse(chunk("x" * 200_000), chunk("", "STOP"))
    events, failure = await read(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert failure is None
    assert len(text_of(events)) == 200_000


async def test_an_answer_that_is_a_list_of_chunks_is_read_too() -> None:
    events, failure = await read(json.dumps([chunk("Hel"), chunk("lo", "STOP")], indent=1).encode())
    assert failure is None
    assert text_of(events) == "Hello"
    assert isinstance(events[-1], Done)


def part(text: str, token: str | None = "t") -> Reply:
    members: dict[str, Any] = {"continuationToken": token} if token else {}
    return Reply(chunks=[sse(chunk(text, "CONTINUATION", usage=USAGE, **members))])


async def test_a_long_answer_is_continued_with_the_same_body_and_paid_part_by_part() -> None:
    last = Reply(chunks=[sse(chunk("c"), chunk("", "STOP", usage=USAGE))])
    made, transport = provider(part("a", "t1"), part("b", "t2"), last)
    plan = made.plan(ask("gemini-4-argon", max_output_tokens=200_000))
    events, failure = await collect(made, plan)
    total = Usage(in_uncached=21, out_visible=9, out_reasoning=6, prompt_total=21)
    assert failure is None
    assert text_of(events) == "abc"
    assert events[-1] == Done("stop", total, "gemini-3.8-flash", "r1")
    told = [event.usage.out_total for event in events if isinstance(event, UsageSoFar)]
    assert told == [5, 10, 15]
    assert [asked.body for asked in transport.asked] == [
        plan.body,
        {**plan.body, "continuationToken": "t1"},
        {**plan.body, "continuationToken": "t2"},
    ]
    assert transport.closed == 3


async def test_an_answer_without_an_end_is_ended() -> None:
    made, transport = provider(*(part("a") for _ in range(MAX_PARTS + 1)))
    events, failure = await collect(made, made.plan(ask("gemini-4-argon")))
    assert failure is None
    assert len(transport.asked) == MAX_PARTS
    done = events[-1]
    assert isinstance(done, Done)
    assert done.finish_reason == "length"


async def test_a_continuation_without_a_token_is_an_answer_that_was_too_long() -> None:
    made, _ = provider(part("a", None))
    events, _ = await collect(made, made.plan(ask("gemini-4-argon")))
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "length"


@pytest.mark.parametrize(
    "second", [Reply(400, {}, [BARE]), Reply(chunks=[BARE]), Reply(chunks=[httpx.ReadError("reset")])]
)
async def test_what_fails_after_a_first_part_may_have_been_billed(second: Reply) -> None:
    made, _ = provider(part("a"), second, retries=0)
    events, failure = await collect(made, made.plan(ask("gemini-4-argon")))
    assert text_of(events) == "a"
    assert UsageSoFar(PARTS) in events
    assert isinstance(failure, OutcomeUnknown)
    assert failure.model == "gemini-4-argon"


FORM = {"error": {"code": 400, "message": "Tool use with a response mime type", "status": "INVALID_ARGUMENT"}}
REFUSED = Reply(400, {}, [json.dumps(FORM).encode()])


async def test_a_refused_form_is_put_into_words_once() -> None:
    made, transport = provider(REFUSED, Reply(chunks=[sse(chunk('{"n": 1}', "STOP"))]))
    plan = made.plan(ask(MODEL, json_schema=SCHEMA, web_search_max_uses=1))
    events, failure = await collect(made, plan)
    assert failure is None
    assert text_of(events) == '{"n": 1}'
    first, second = transport.asked
    assert first.body == plan.body
    assert "generationConfig" not in second.body
    assert '"n"' in second.body["systemInstruction"]["parts"][0]["text"]
    assert second.body["tools"] == first.body["tools"]


async def test_a_form_that_is_refused_in_words_too_is_refused() -> None:
    made, transport = provider(REFUSED, REFUSED)
    _, failure = await collect(made, made.plan(ask(MODEL, json_schema=SCHEMA)))
    assert failure is not None
    assert (failure.kind, failure.status, failure.model) == ("provider_rejected", 400, MODEL)
    assert len(transport.asked) == 2


async def test_a_request_without_a_form_is_refused_at_once() -> None:
    made, transport = provider(REFUSED)
    _, failure = await collect(
        made, made.plan(ask(MODEL, web_search_max_uses=1, asked=frozenset({"enableWebSearch"})))
    )
    assert failure is not None
    assert len(transport.asked) == 1
