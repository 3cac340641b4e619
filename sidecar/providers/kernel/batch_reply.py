"""A reply that came whole, out of a batch, as the outcome of its row (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.errors import Failure
from sidecar.providers.base import BatchResult, Done, Event, TextDelta, ThinkingDelta, Usage, UsageSoFar


def outcome_of(
    custom_id: str, events: Iterable[Event], *, model: object = None, response_id: object = None
) -> BatchResult:
    """What a reader made of the reply, whose model and id are taken where they are texts.

    An answer that was refused has its failure and, because it may be billed, its `done` with the usage too.
    """
    text: list[str] = []
    thinking: list[str] = []
    usage: Usage | None = None
    done: Done | None = None
    failure: Failure | None = None
    try:
        for event in events:
            match event:
                case TextDelta():
                    text.append(event.text)
                case ThinkingDelta():
                    thinking.append(event.text)
                case UsageSoFar():
                    usage = event.usage
                case Done():
                    done = event
    except Failure as raised:
        failure = raised
        if usage is not None:
            done = Done(
                "content_filter" if failure.kind == "content_filtered" else "error",
                usage,
                model if isinstance(model, str) else None,
                response_id if isinstance(response_id, str) else None,
            )
    return BatchResult(custom_id, "".join(text), "".join(thinking), done, failure)
