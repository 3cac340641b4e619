"""One question over HTTP to a server that speaks OpenAI's protocol: send it, read the answer, judge a key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Event
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.events import Reader, ending, events_of
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to put the question."""

    url: str
    body: Mapping[str, Any]


Another = Callable[[Attempt, Failure], Attempt | None]
"""Another way to put a question that was refused, and so certainly did not run; None to leave it at that."""


async def exchange(
    api: VendorClient,
    attempt: Attempt,
    headers: Mapping[str, str],
    asked: Asked,
    reader: Reader,
    *,
    pacer: RequestPacer | None = None,
    another: Another | None = None,
) -> AsyncGenerator[Event, None]:
    """Send the question and yield events until Done. Closing the iterator closes the connection.

    Raises Failure when nothing was run, OutcomeUnknown when something may have been.
    """
    while True:
        accepted = False
        try:
            async with api.answer(attempt.url, asked, attempt.body, headers=headers, pacer=pacer) as answer:
                accepted = True
                async with aclosing(events_of(answer, SseParser(), reader)) as events:
                    async for event in events:
                        yield event
            for event in ending(reader):
                yield event
            return
        except Failure as failure:
            asked.named(failure)
            refused = not accepted and not isinstance(failure, OutcomeUnknown)
            next_attempt = another(attempt, failure) if another is not None and refused else None
            if next_attempt is None:
                raise
            attempt = next_attempt


async def judge_key(api: VendorClient, url: str, asked: Asked) -> str | None:
    """Return None when the server at this free address takes the key, else why not.

    Raises Failure when nobody can tell.
    """
    refused = await api.key_refusal(url, asked)
    # A key restricted to some calls is refused here, and yet it works for chats.
    if refused is None or (refused.status == 403 and "scope" in (refused.detail or "").lower()):
        return None
    return refused.message
