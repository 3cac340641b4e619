from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.asked import collect, provider
from tests.helpers.openai_models import ask
from tests.helpers.scripted import Reply, event_stream

PARTS = Usage(in_uncached=7, out_visible=3, prompt_total=7)
REPORTED = {"input_tokens": 7, "output_tokens": 3}


async def responses(*values: dict[str, Any]) -> tuple[list[Event], Failure | None]:
    made, transport = provider(Reply(chunks=[event_stream(*values, done=False)]))
    plan = made.plan(ask("gpt-5", web_search_max_uses=2))
    answer = await collect(made, plan)
    assert transport.asked[0].url == "https://api.example/v1/responses"
    return answer


async def test_a_response_streams_thinking_text_citations_and_usage() -> None:
    annotation = {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "start_index": 0,
        "end_index": 1,
    }
    final = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-5-2025",
        "status": "completed",
        "service_tier": "default",
        "usage": REPORTED,
        "output": [
            {"type": "web_search_call", "action": {"type": "search"}},
            {
                "type": "message",
                "content": [{"type": "output_text", "text": "Hello", "annotations": [annotation]}],
            },
        ],
    }
    events, failure = await responses(
        {
            "type": "response.created",
            "response": {"id": "resp_1", "model": "gpt-5-2025", "status": "in_progress"},
        },
        {"type": "response.reasoning_summary_part.added"},
        {"type": "response.reasoning_summary_text.delta", "delta": "First"},
        {"type": "response.reasoning_summary_part.added"},
        {"type": "response.reasoning_summary_text.delta", "delta": "Second"},
        {"type": "response.web_search_call.searching"},
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
        {"type": "response.output_text.annotation.added", "annotation": annotation},
        {"type": "response.completed", "response": final},
    )
    usage = Usage(in_uncached=7, out_visible=3, prompt_total=7, searches=1, service_tier="default")
    cited = Citation("https://a.example", "A")
    assert failure is None
    assert events == [
        ThinkingDelta("First"),
        ThinkingDelta("\n\n"),
        ThinkingDelta("Second"),
        TextDelta("Hel"),
        TextDelta("lo"),
        cited,
        UsageSoFar(usage),
        Done("stop", usage, "gpt-5-2025", "resp_1", (cited,)),
    ]


async def test_text_that_only_the_whole_response_holds_is_not_lost() -> None:
    part = {"type": "output_text", "text": "Hello", "annotations": []}
    final = {"status": "completed", "usage": REPORTED, "output": [{"type": "message", "content": [part]}]}
    events, failure = await responses({"type": "response.completed", "response": final})
    assert failure is None
    assert events == [UsageSoFar(PARTS), TextDelta("Hello"), Done("stop", PARTS)]


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
async def test_an_incomplete_response_says_why(reason: str, finish: str) -> None:
    final = {
        "status": "incomplete",
        "incomplete_details": {"reason": reason},
        "usage": REPORTED,
        "output": [],
    }
    events, failure = await responses(
        {"type": "response.output_text.delta", "delta": "Hal"},
        {"type": "response.incomplete", "response": final},
    )
    assert failure is None
    assert events[-1] == Done(finish, PARTS)  # type: ignore[arg-type]


async def test_a_failed_response_tells_its_usage_and_then_fails() -> None:
    final = {"status": "failed", "error": {"code": "server_error", "message": "It broke."}, "usage": REPORTED}
    events, failure = await responses(
        {"type": "response.output_text.delta", "delta": "Hal"}, {"type": "response.failed", "response": final}
    )
    assert events == [TextDelta("Hal"), UsageSoFar(PARTS)]
    assert failure is not None
    assert not isinstance(failure, OutcomeUnknown)
    assert (failure.kind, "It broke." in failure.message) == ("provider_unavailable", True)


async def test_a_response_whose_bill_is_unknown_says_so() -> None:
    final = {"status": "failed", "error": {"code": "server_error", "message": "It broke."}, "usage": None}
    _, failure = await responses(
        {"type": "response.output_text.delta", "delta": "Hal"}, {"type": "response.failed", "response": final}
    )
    assert isinstance(failure, OutcomeUnknown)


async def test_an_error_event_of_a_response_is_the_vendors() -> None:
    _, failure = await responses(
        {"type": "error", "code": "rate_limit_exceeded", "message": "Slow.", "param": None}
    )
    assert failure is not None
    assert failure.kind == "rate_limited"


async def test_a_response_that_is_a_refusal_is_a_failure() -> None:
    final = {"status": "completed", "usage": REPORTED, "output": []}
    events, failure = await responses(
        {"type": "response.refusal.delta", "delta": "No."}, {"type": "response.completed", "response": final}
    )
    assert events == [UsageSoFar(PARTS)]
    assert failure is not None
    assert (failure.kind, failure.detail) == ("content_filtered", "No.")


async def test_a_response_without_its_end_may_have_been_billed() -> None:
    _, failure = await responses({"type": "response.output_text.delta", "delta": "Hal"})
    assert isinstance(failure, OutcomeUnknown)
