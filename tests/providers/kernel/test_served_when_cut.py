"""A stream that is cut off: what is known of its usage comes with the model that was answering."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.providers.base import ChatRequest, ModelCapabilities, Turn
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.registry import Registry
from tests.helpers.scripted import Reply, event_stream, scripted_edge

COMPLETION: Mapping[str, Any] = {"id": "c1", "model": "other", "usage": {"prompt_tokens": 7}}
CASES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "openai": [{**COMPLETION, "choices": [{"delta": {"content": "Hal"}}]}],
    "grok": [{**COMPLETION, "choices": [{"delta": {"content": "Hal"}}]}],
    "anthropic": [
        {"type": "message_start", "message": {"id": "c1", "model": "other", "usage": {"input_tokens": 7}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hal"}},
    ],
    "gemini": [
        {
            "responseId": "c1",
            "modelVersion": "other",
            "candidates": [{"content": {"parts": [{"text": "Hal"}]}}],
            "usageMetadata": {"promptTokenCount": 7},
        }
    ],
}


@pytest.mark.parametrize("provider", CASES)
async def test_a_stream_that_is_cut_off_has_told_who_was_answering(provider: str) -> None:
    edge, _, _ = scripted_edge(Reply(chunks=[event_stream(*CASES[provider], done=False)]))
    vendor, transcript = Registry(edge, {}).get(provider), StreamAccumulator()
    plan = vendor.plan(ChatRequest("asked", (Turn("user", "Hi"),), ModelCapabilities()))

    async def read() -> None:
        async for event in vendor.stream(plan, "sk-test"):
            transcript.take(event)

    async with asyncio.timeout(60):
        with pytest.raises(OutcomeUnknown):
            await read()

    assert (transcript.text, transcript.served_model, transcript.response_id) == ("Hal", "other", "c1")
    assert transcript.usage is not None
    assert transcript.usage.prompt_total == 7
