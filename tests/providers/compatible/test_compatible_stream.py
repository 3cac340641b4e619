from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import done_of, text_of, thinking_of
from tests.helpers.compatible import ABLE, ask, scripted
from tests.helpers.grok import collect
from tests.helpers.scripted import Reply, event_stream

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
PARTS = Usage(in_uncached=7, out_visible=3, prompt_total=7)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "model": "llama-3",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
        **more,
    }


async def chat(*chunks: Any, **reply: Any) -> tuple[list[Event], Failure | None]:
    made, _, _ = scripted(Reply(chunks=chunks, **reply), retries=0)
    return await collect(made, ask())


@pytest.mark.parametrize(
    ("chunks", "usage"),
    [
        ([chunk({"content": "Hi"}, "stop")], None),
        ([chunk({"content": "Hi"}, "stop", usage=None)], None),
        ([chunk({"content": "Hi"}, "stop", usage=USAGE)], PARTS),
        ([chunk({"content": "Hi"}, "stop"), {"id": "c", "choices": [], "usage": USAGE}], PARTS),
        ([chunk({"content": "Hi"}, "stop"), {"id": "c", "usage": USAGE}], PARTS),
        ([chunk({"content": "Hi"}, "stop", usage={"prompt_tokens": 0, "completion_tokens": 0})], None),
        (
            [chunk({"content": "Hi"}, "stop", usage={**USAGE, "prompt_cache_hit_tokens": 4})],
            Usage(in_uncached=3, cache_read=4, out_visible=3, prompt_total=7),
        ),
    ],
)
async def test_usage_is_found_wherever_it_stands_and_never_invented(chunks: list[Any], usage: Any) -> None:
    events, failure = await chat(event_stream(*chunks))
    assert failure is None
    assert done_of(events).usage == usage
    assert [event.usage for event in events if isinstance(event, UsageSoFar)] == ([usage] if usage else [])


@pytest.mark.parametrize(
    "deltas",
    [
        [{"reasoning_content": "Hm"}, {"content": "Hi"}],
        [{"reasoning": "Hm", "content": ""}, {"content": "Hi", "reasoning": None}],
        [{"reasoning": {"text": "Hm"}}, {"content": "Hi"}],
        [{"reasoning": {"content": "Hm"}}, {"content": "Hi"}],
        [{"reasoning": [{"summary": "H"}, {"text": "m"}]}, {"content": "Hi"}],
        [
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
            {"content": "Hi"},
        ],
        [{"content": [{"type": "reasoning", "text": "Hm"}, {"type": "text", "text": "Hi"}]}],
        [
            {"content": "<thi"},
            {"content": "nk>H"},
            {"content": "m</th"},
            {"content": "ink>\n\nH"},
            {"content": "i"},
        ],
        [{"reasoning_content": "Hm", "reasoning": "Hm"}, {"content": "Hi"}],
    ],
)
async def test_thinking_is_known_in_every_form(deltas: list[dict[str, Any]]) -> None:
    events, failure = await chat(event_stream(*map(chunk, deltas), chunk({}, "stop")))
    assert failure is None
    assert (thinking_of(events), text_of(events)) == ("Hm", "Hi")


@pytest.mark.parametrize("content", [None, "", [], [None, 7], {"type": "tool_use", "text": "no"}])
async def test_content_that_says_nothing_is_nothing(content: Any) -> None:
    events, failure = await chat(event_stream(chunk({"content": content}), chunk({"content": "Hi"}, "stop")))
    assert failure is None
    assert events[0] == TextDelta("Hi")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("eos", "stop"),
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("insufficient_system_resource", "error"),
        ("abort", "error"),
        ("", "stop"),
    ],
)
async def test_other_words_for_the_end_are_understood(word: str, reason: str) -> None:
    events, failure = await chat(event_stream(chunk({"content": "Hi"}, word)))
    assert failure is None
    assert done_of(events).finish_reason == reason


async def test_a_stream_without_an_end_is_cut_and_keeps_what_was_thought() -> None:
    events, failure = await chat(event_stream(chunk({"content": "<think>Hm </thi"}), done=False))
    assert isinstance(failure, OutcomeUnknown)
    assert events == [ThinkingDelta("Hm "), ThinkingDelta("</thi")]


async def test_comments_keep_the_stream_alive() -> None:
    events, failure = await chat(
        b": keep-alive\n\n: PROCESSING\n\n", event_stream(chunk({"content": "Hi"}, "stop"))
    )
    assert failure is None
    assert text_of(events) == "Hi"


@pytest.mark.parametrize("finish", ["stop", "", None])
async def test_a_whole_completion_in_place_of_a_stream_is_read(finish: str | None) -> None:
    message = {"role": "assistant", "content": "<think>Hm</think>Hi"}
    body = {
        "id": "c",
        "model": "llama-3",
        "choices": [{"message": message, "finish_reason": finish}],
        "usage": USAGE,
    }
    events, failure = await chat(json.dumps(body).encode())
    assert failure is None
    assert events == [
        ThinkingDelta("Hm"),
        TextDelta("Hi"),
        UsageSoFar(PARTS),
        Done("stop", PARTS, "llama-3", "c"),
    ]


async def test_pages_beside_the_text_are_cited() -> None:
    events, _ = await chat(event_stream(chunk({"content": "Hi"}, "stop", citations=["https://a.example"])))
    assert done_of(events).citations == (Citation("https://a.example"),)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": "It broke."}, "provider_unavailable"),
        ({"error": {"message": "It broke.", "code": 502}}, "provider_unavailable"),
        (
            {"error": {"message": "It broke.", "code": 402}, "choices": [{"finish_reason": "error"}]},
            "rate_limited",
        ),
        ({"object": "error", "message": "It broke.", "code": 400}, "provider_rejected"),
        ({"detail": "It broke."}, "provider_unavailable"),
        ({"message": "It broke.", "type": "server_error"}, "provider_unavailable"),
    ],
)
async def test_an_error_inside_a_stream_is_seen_in_every_shape(error: dict[str, Any], kind: str) -> None:
    _, failure = await chat(event_stream(chunk({"content": ""}), error, done=False))
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert failure.kind == kind
    _, failure = await chat(event_stream(chunk({"content": "Hi"}), error, done=False))
    assert isinstance(failure, OutcomeUnknown)


async def test_a_named_error_event_is_an_error() -> None:
    _, failure = await chat(b'event: error\ndata: {"msg": "It broke."}\n\n')
    assert failure is not None
    assert "It broke." in failure.message


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, b'"It says so."', "provider_rejected", "It says so."),
        (400, b"It says so.", "provider_rejected", "It says so."),
        (400, b'{"error": "It says so."}', "provider_rejected", "It says so."),
        (422, b'{"detail": "It says so."}', "provider_rejected", "It says so."),
        (
            422,
            b'{"detail": [{"loc": ["body", "messages"], "msg": "It says so."}]}',
            "provider_rejected",
            "It says so.",
        ),
        (
            400,
            b'{"object": "error", "message": "It says so.", "code": 400}',
            "provider_rejected",
            "It says so.",
        ),
        (
            401,
            b'{"error": {"message": "No auth credentials found", "code": 401}}',
            "invalid_api_key",
            "No auth",
        ),
        (402, b'{"error": {"message": "Insufficient credits", "code": 402}}', "rate_limited", "credit"),
    ],
)
async def test_a_refusal_is_read_in_every_shape(status: int, body: bytes, kind: str, words: str) -> None:
    made, transport, _ = scripted(Reply(status, {}, [body]), retries=0)
    _, failure = await collect(made, ask())
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message
    assert "<" not in failure.message
    assert (failure.provider, failure.model) == ("lab", "llama")
    assert len(transport.asked) == 1


HELLO = Reply(chunks=[event_stream(chunk({"content": "Hi"}, "stop"))])


async def test_a_refused_field_is_left_out_and_the_question_put_again() -> None:
    refused = [
        Reply(422, {}, [b'{"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs"}]}']),
        Reply(400, {}, [b'{"error": "temperature is not supported"}']),
    ]
    made, transport, waits = scripted(*refused, HELLO, HELLO)
    events, failure = await collect(made, ask(temperature=0.5))
    assert failure is None
    assert text_of(events) == "Hi"
    bodies = [asked.body for asked in transport.asked]
    assert [body.keys() & {"stream_options", "temperature"} for body in bodies] == [
        {"stream_options", "temperature"},
        {"temperature"},
        set(),
    ]
    assert waits.seconds == []
    # That usage is not reported holds for every question; a temperature may be refused for its value.
    plan = made.plan(ask(temperature=0.5))
    assert "stream_options" not in plan.body
    assert "temperature" in plan.body
    # Whether the cost is known is for the answer to say: a server may tell its usage all the same.
    assert plan.notes == ()


async def test_a_schema_falls_back_to_json_mode_and_then_to_words() -> None:
    refused = Reply(400, {}, [b'{"error": "response_format is not supported"}'])
    made, transport, _ = scripted(refused, refused, HELLO)
    _, failure = await collect(made, ask(traits=ABLE, json_mode=True, json_schema=SCHEMA))
    assert failure is None
    forms = [(asked.body.get("response_format") or {}).get("type") for asked in transport.asked]
    assert forms == ["json_schema", "json_object", None]
    assert all("JSON Schema" in asked.body["messages"][0]["content"] for asked in transport.asked)


async def test_the_version_in_the_path_is_found_and_remembered() -> None:
    made, transport, _ = scripted(Reply(404, {}, [b"404 page not found"]), HELLO, HELLO, url="http://lab:1")
    for _ in range(2):
        _, failure = await collect(made, ask())
        assert failure is None
    assert [asked.url for asked in transport.asked] == [
        "http://lab:1/v1/chat/completions",
        "http://lab:1/chat/completions",
        "http://lab:1/chat/completions",
    ]


async def test_an_address_where_nothing_is_says_so() -> None:
    made, transport, _ = scripted(
        Reply(404), Reply(404, {}, [b'{"detail": "Not Found"}']), url="http://lab:1"
    )
    _, failure = await collect(made, ask())
    assert failure is not None
    assert "not at this address" in failure.message
    assert len(transport.asked) == 2


async def test_an_unknown_model_is_not_looked_for_elsewhere() -> None:
    body = b'{"error": {"message": "model \'llama\' not found, try pulling it first"}}'
    made, transport, _ = scripted(Reply(404, {}, [body]), url="http://lab:1")
    _, failure = await collect(made, ask())
    assert failure is not None
    assert "try pulling it first" in failure.message
    assert len(transport.asked) == 1


@pytest.mark.parametrize(
    ("url", "replies", "reason", "asked"),
    [
        ("http://lab/v1", [Reply(404)], None, ["http://lab/v1/models"]),
        (
            "http://lab",
            [Reply(404), Reply(200, chunks=[b"[]"])],
            None,
            ["http://lab/v1/models", "http://lab/models"],
        ),
        (
            "http://lab",
            [Reply(405), Reply(401)],
            "refused the API key",
            ["http://lab/v1/models", "http://lab/models"],
        ),
    ],
)
async def test_a_key_is_judged_where_the_server_has_a_list_of_models(
    url: str, replies: list[Reply], reason: str | None, asked: list[str]
) -> None:
    made, transport, _ = scripted(*replies, url=url)
    said = await made.validate_key("sk-1")
    assert said is None if reason is None else said is not None and reason in said
    assert [each.url for each in transport.asked] == asked
