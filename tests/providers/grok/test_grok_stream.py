from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai_family.json_by_prompt import in_words
from tests.helpers.answers import done_of
from tests.helpers.grok import KEY, ask, collect, scripted
from tests.helpers.scripted import Reply, event_stream

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 3,
    "total_tokens": 30,
    "completion_tokens_details": {"reasoning_tokens": 20},
    "cost_in_usd_ticks": 662_500,
}
PARTS = Usage(
    in_uncached=7, out_visible=3, out_reasoning=20, prompt_total=7, charged_usd=Decimal("0.00006625")
)


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "grok-4.3", "choices": [{"index": 0, "delta": delta, **more}]}


LAST = {"id": "c1", "model": "grok-4.3", "choices": [], "usage": USAGE}


async def chat(*chunks: Any, **options: Any) -> tuple[list[Event], Failure | None]:
    made, _ = scripted(Reply(chunks=chunks))
    return await collect(made, ask(**options))


async def test_thinking_comes_first_then_text_usage_and_the_charge() -> None:
    events, failure = await chat(
        event_stream(
            chunk({"role": "assistant", "reasoning_content": "Hm"}),
            chunk({"content": "Hello"}),
            chunk({"content": ""}, finish_reason="stop"),
            LAST,
        )
    )
    assert failure is None
    assert events == [
        ThinkingDelta("Hm"),
        TextDelta("Hello"),
        UsageSoFar(PARTS),
        Done("stop", PARTS, "grok-4.3", "c1"),
    ]


async def test_an_empty_reason_to_end_is_none() -> None:
    events, failure = await chat(event_stream(chunk({"content": "Hi"}, finish_reason="")))
    assert failure is None
    assert done_of(events).finish_reason == "stop"
    events, failure = await chat(event_stream(chunk({"content": "Hi"}, finish_reason=""), done=False))
    assert events == [TextDelta("Hi")]
    assert isinstance(failure, OutcomeUnknown)


async def test_a_stream_that_breaks_after_its_usage_leaves_a_known_part() -> None:
    events, failure = await chat(
        event_stream(chunk({"content": "Hi"}), LAST, done=False), httpx.ReadError("reset")
    )
    assert isinstance(failure, OutcomeUnknown)
    assert events[-1] == UsageSoFar(PARTS)
    assert (failure.provider, failure.model) == ("grok", "grok-4.3")


async def test_an_error_after_thinking_may_have_been_billed() -> None:
    error = {"code": "Internal error", "error": "It broke."}
    events, failure = await chat(event_stream(chunk({"reasoning_content": "Hm"}), error, done=False))
    assert events == [ThinkingDelta("Hm")]
    assert isinstance(failure, OutcomeUnknown)
    assert "It broke." in failure.message


async def test_searches_and_pages_come_from_the_whole_response() -> None:
    response = {
        "id": "r1",
        "object": "response",
        "model": "grok-4.3",
        "status": "completed",
        "output": [],
        "citations": ["https://a.example", {"url": "https://b.example", "title": "B"}],
        "usage": {
            "input_tokens": 7,
            "output_tokens": 23,
            "output_tokens_details": {"reasoning_tokens": 20},
            "server_side_tool_usage_details": {"web_search_calls": 2},
            "cost_in_usd_ticks": 100,
        },
    }
    note = {"type": "url_citation", "url": "https://a.example", "title": "A"}
    events, failure = await chat(
        event_stream(
            {"type": "response.reasoning_text.delta", "delta": "Hm"},
            {"type": "response.output_text.delta", "delta": "Hello"},
            {"type": "response.output_text.annotation.added", "annotation": note},
            {"type": "response.completed", "response": response},
            done=False,
        ),
        web_search_max_uses=5,
    )
    assert failure is None
    done = done_of(events)
    assert done.usage is not None
    assert (done.usage.searches, done.usage.charged_usd) == (2, Decimal("1E-8"))
    assert done.citations == (Citation("https://a.example", "A"), Citation("https://b.example", "B"))
    assert events[:2] == [ThinkingDelta("Hm"), TextDelta("Hello")]


@pytest.mark.parametrize("searching", [False, True])
async def test_a_schema_that_the_vendor_refuses_is_asked_for_in_words(searching: bool) -> None:
    refused = {
        "code": "Client specified an invalid argument",
        "error": "Invalid schema: `pattern` is unknown",
    }
    answer = event_stream(chunk({"content": '{"n":1}'}, finish_reason="stop"), LAST)
    whole = {"object": "response", "status": "completed", "output": [], "usage": {"input_tokens": 1}}
    last = (
        event_stream({"type": "response.completed", "response": whole}, done=False) if searching else answer
    )
    made, transport = scripted(Reply(400, {}, [json.dumps(refused).encode()]), Reply(chunks=[last]))
    options: dict[str, Any] = {"web_search_max_uses": 1} if searching else {}
    request = ask(json_mode=True, json_schema=SCHEMA, system="Be brief.", **options)
    _, failure = await collect(made, request)
    assert failure is None
    first, second = (asked.body for asked in transport.asked)
    form = first["text"]["format"] if searching else first["response_format"]["json_schema"]
    spoken = second["input" if searching else "messages"]
    assert spoken[0]["content"] == f"Be brief.\n\n{in_words(form['schema'])}"
    plain = second["text"]["format"] if searching else second["response_format"]
    assert plain == {"type": "json_object"}


async def test_any_other_refusal_is_not_tried_again() -> None:
    refused = {"code": "Client specified an invalid argument", "error": "Argument not supported: stop."}
    made, transport = scripted(Reply(400, {}, [json.dumps(refused).encode()]))
    _, failure = await collect(made, ask(json_mode=True, json_schema=SCHEMA))
    assert failure is not None
    assert failure.kind == "provider_rejected"
    assert len(transport.asked) == 1


@pytest.mark.parametrize(
    ("replies", "reason", "paths"),
    [
        ([Reply(200, {}, [b'{"api_key_disabled": true}'])], "switched off", ["/api-key"]),
        ([Reply(404), Reply(200, {}, [b'{"data": []}'])], None, ["/api-key", "/models"]),
        ([Reply(403), Reply(403)], "refused the API key", ["/api-key", "/models"]),
    ],
)
async def test_a_key_is_judged_for_nothing(
    replies: list[Reply], reason: str | None, paths: list[str]
) -> None:
    made, transport = scripted(*replies)
    said = await made.validate_key(KEY)
    assert said is None if reason is None else said is not None and reason in said
    assert [asked.url.removeprefix("https://api.x.ai/v1") for asked in transport.asked] == paths
    assert {asked.method for asked in transport.asked} == {"GET"}
