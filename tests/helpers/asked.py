"""The OpenAI provider on a script, and everything that one question to it gave."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Event, PreparedCall
from sidecar.providers.openai.provider import OpenAI
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge

KEY = "sk-test-key-123456"


def provider(*script: Reply | Exception, **edge: Any) -> tuple[OpenAI, ScriptedTransport]:
    http, transport, _ = scripted_edge(*script, **edge)
    return OpenAI(http, "https://api.example/v1/"), transport


async def collect(asked: OpenAI, plan: PreparedCall) -> tuple[list[Event], Failure | None]:
    events: list[Event] = []
    try:
        async with asyncio.timeout(10), aclosing(asked.stream(plan, KEY)) as stream:
            async for event in stream:
                events.append(event)
    except Failure as failure:
        return events, failure
    return events, None
