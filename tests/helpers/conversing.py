"""Short ways to ask a simulator: on its own wire, or through the real provider."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

from sidecar.providers.base import Event
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.core import Simulator
from tests.helpers.openai_models import ask
from tests.helpers.simulated import post, read

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"


def question(text: str = "Why is the sky blue?", model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def chat(sim: Simulator, text: str = "Why is the sky blue?", model: str = "gpt-4o", **more: Any) -> Any:
    return json.loads(await read(await post(sim, CHAT, question(text, model, **more))))


async def answer(
    sim: Simulator, text: str = "Why is the sky blue?", model: str = "gpt-4o", **more: Any
) -> str:
    content = (await chat(sim, text, model, **more))["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content


async def collect(made: OpenAI, text: str, model: str = "gpt-4o", **more: Any) -> list[Event]:
    async with (
        asyncio.timeout(60),
        aclosing(made.stream(made.plan(ask(model, text, **more)), "sk-simulated")) as events,
    ):
        return [event async for event in events]
