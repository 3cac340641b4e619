"""All that one question to a provider gave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from sidecar.errors import Failure
from sidecar.providers.base import (
    Begun,
    Done,
    Event,
    PreparedCall,
    Provider,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)

KEY = "sk-test-key-123456"
DEADLINE_SECONDS = 60.0


async def collect(
    provider: Provider, plan: PreparedCall, key: str = KEY
) -> tuple[list[Event], Failure | None]:
    """Every event of one answer but for its beginning, and what ended it if that was a Failure."""
    events, failure = await everything(provider, plan, key)
    return [event for event in events if not isinstance(event, Begun)], failure


async def everything(
    provider: Provider, plan: PreparedCall, key: str = KEY
) -> tuple[list[Event], Failure | None]:
    """Every event of one answer, and what ended it if that was a Failure."""
    events: list[Event] = []
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), aclosing(provider.stream(plan, key)) as stream:
            async for event in stream:
                events.append(event)
    except Failure as failure:
        return events, failure
    return events, None


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def thinking_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ThinkingDelta))


def done_of(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done), events
    return events[-1]


def usage_of(events: list[Event]) -> Usage | None:
    """The last that was told of it, before the end or without one."""
    told = [event.usage for event in events if isinstance(event, UsageSoFar)]
    return told[-1] if told else None


async def first_text(stream: AsyncGenerator[Event, None]) -> TextDelta:
    """The first text of an answer, whatever is told of it before."""
    async for event in stream:
        if isinstance(event, TextDelta):
            return event
    raise AssertionError("the answer has no text")
