"""What the streams of all chat completions have in common (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.bodies import data_event
from sidecar.simulator.exchange import Completion, Frame

CHUNK = "chat.completion.chunk"
DONE = b"data: [DONE]\n\n"


def usage_chunk(head: Mapping[str, Any], usage: Mapping[str, Any]) -> Frame:
    """Return the chunk without choices that has the counts, behind all others."""
    return Frame(data_event({**head, "choices": [], "usage": usage}))


def broken_chunk(completion: Completion) -> bytes:
    """Return an event whose JSON ends too early."""
    return b'data: {"id": "' + completion.id.encode() + b'", "choices": [{"delta": {"cont\n\n'
