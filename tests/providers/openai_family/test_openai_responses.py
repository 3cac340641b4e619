from __future__ import annotations

from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import collect
from tests.helpers.openai_models import KEY, ask, scripted
from tests.helpers.scripted import Reply, event_stream

PARTS = Usage(in_uncached=7, out_visible=3, prompt_total=7)
REPORTED = {"input_tokens": 7, "output_tokens": 3}


async def responses(*values: dict[str, Any]) -> tuple[list[Event], Failure | None]:
    made, transport = scripted(Reply(chunks=[event_stream(*values, done=False)]))
    plan = made.plan(ask("gpt-5", web_search_max_uses=2))
    answer = await collect(made, plan, KEY)
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
        ThinkingDelta("First\n\nSecond"),
        TextDelta("Hello"),
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
