"""What any vendor's batch comes to: its rows, each once with what its reader made of its reply, and its stop."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event, TextDelta, TextWasThinking, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.batches import BatchResult, BatchState
from sidecar.providers.kernel.jsonl import read_objects
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked

_log = logging.getLogger(__name__)


def outcome_of(
    custom_id: str, events: Iterable[Event], *, model: object = None, response_id: object = None
) -> BatchResult:
    """Return what a reader made of a reply that came whole, whose model and id are taken where they are texts.

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
                case TextWasThinking():
                    text.clear()
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


async def read_rows(
    pieces: AsyncGenerator[bytes, None],
    outcome: Callable[[Mapping[str, Any]], BatchResult | None],
    native_id: str,
    told: set[str],
) -> AsyncGenerator[BatchResult, None]:
    """Yield what came of the rows in these JSON objects, but for rows whose answer was `told`, which it adds to.

    Of a row's failures the first is told; its answer is told even behind one. A piece that is no JSON, or names no
    row, is logged, and is a result without a `custom_id`, with the reply if there is one; an empty one was too large to
    be read. Raises Failure when the pieces break off.
    """
    failed = set[str]()
    async with aclosing(pieces):
        async for piece in pieces:
            if not piece:
                _log.warning("a result of batch %s is too large to be read", native_id)
                yield BatchResult("", too_large=True)
                continue
            found: Sequence[Mapping[str, Any] | None] = read_objects(piece)
            for value in found or [None]:
                came = None if value is None else outcome(value)
                if came is None:
                    _log.warning("a result of batch %s names no row", native_id)
                    yield BatchResult("")
                elif not came.custom_id:
                    _log.warning("a reply of batch %s names no row", native_id)
                    yield came
                elif came.custom_id not in told:
                    answered = came.failure is None and came.never_ran is None
                    if answered or came.custom_id not in failed:
                        (told if answered else failed).add(came.custom_id)
                        yield came


def unconfirmed(asked: Asked) -> OutcomeUnknown:
    """Return the failure of a creation whose answer is no batch."""
    return OutcomeUnknown(
        "provider_unavailable",
        f"{asked.title}'s answer to the creation of a batch cannot be read. It may have been created.",
        provider=asked.provider,
        model=asked.model,
    )


async def ask_to_stop(
    cancel: Awaitable[object], check: Callable[[], Awaitable[BatchState]], *, stopping: str = ""
) -> None:
    """Await the cancel. A refusal means nothing when the batch has ended, or has the vendor's word `stopping`.

    Raises the Failure of the cancel otherwise, and that of the check.
    """
    try:
        await cancel
    except Failure:
        state = await check()
        if not state.ended and (not stopping or state.word != stopping):
            raise
