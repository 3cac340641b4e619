"""What is no bug of ours is never called one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import claude_events, serving, stream
from tests.field.lab import ask, sidecar, vendor_environment


@field("trust", "an event of OpenAI's Responses whose `type` is a list")
async def test_an_event_whose_type_is_a_list_is_passed_over(tmp_path: Path) -> None:
    response = {
        "id": "r1",
        "object": "response",
        "status": "completed",
        "model": "gpt-6-sol",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Good morning"}],
            }
        ],
        "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
    }
    events = [{"type": ["response.created"]}, {"type": "response.completed", "response": response}]
    async with (
        serving(stream(*events)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        assert (await ask(process, model="openai/gpt-6-sol", options={"enableWebSearch": True}))[
            "answer"
        ] == "Good morning"


@field("trust", "an Anthropic text block with `citations: true`")
@pytest.mark.parametrize("odd", [True, 1, "page", {"a": 1}, [True]])
async def test_a_text_block_with_odd_citations_is_a_text_block(odd: Any, tmp_path: Path) -> None:
    events = list(claude_events("Good morning"))
    events[1] = {**events[1], "content_block": {"type": "text", "text": "", "citations": odd}}
    async with (
        serving(stream(*events)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        assert (await ask(process, model="anthropic/claude-sonnet-5"))["answer"] == "Good morning"
