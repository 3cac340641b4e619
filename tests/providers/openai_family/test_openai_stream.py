from __future__ import annotations

from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event, TextDelta, ThinkingDelta
from tests.helpers.answers import collect, done_of
from tests.helpers.openai_models import KEY, ask, scripted
from tests.helpers.scripted import Reply, event_stream


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


async def chat(*chunks: Any) -> tuple[list[Event], Failure | None]:
    made, _ = scripted(Reply(chunks=chunks))
    return await collect(made, made.plan(ask("gpt-4o")), KEY)


async def test_the_tier_that_served_the_answer_is_part_of_its_usage() -> None:
    last = {"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    events, failure = await chat(event_stream(chunk({"content": "Hi"}, "stop", service_tier="default"), last))
    assert failure is None
    usage = done_of(events).usage
    assert usage is not None
    assert usage.service_tier == "default"


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
    assert events[:2] == [ThinkingDelta("Hmmm"), TextDelta("Hi")]
    assert isinstance(events[-1], Done)
