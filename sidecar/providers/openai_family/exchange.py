"""One question over HTTP to a server that speaks OpenAI's protocol: send it, read the answer, judge a key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from sidecar.providers.base import Event
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.exchange import AnswerExchange
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.kernel.second_attempts import Another, Attempt
from sidecar.providers.kernel.vendor import Asked


async def exchange(
    api: VendorClient,
    attempt: Attempt,
    headers: Mapping[str, str],
    asked: Asked,
    reader: Reader,
    *,
    another: Another,
    pacer: RequestPacer | None = None,
) -> AsyncGenerator[Event, None]:
    """Send the question and yield events until Done. Closing the iterator closes the connection.

    Raises Failure when nothing was run, OutcomeUnknown when something may have been.
    """
    made = AnswerExchange(api, asked, reader, headers, another=another, pacer=pacer)
    async with aclosing(made.request(attempt)) as events:
        async for event in events:
            yield event
    for event in made.ending():
        yield event


async def judge_key(api: VendorClient, url: str, asked: Asked) -> str | None:
    """Return None when the server at this free address takes the key, else why not.

    Raises Failure when nobody can tell.
    """
    refused = await api.key_refusal(url, asked)
    # A key restricted to some calls is refused here, and yet it works for chats.
    if refused is None or (refused.status == 403 and "scope" in (refused.detail or "").lower()):
        return None
    return refused.message
