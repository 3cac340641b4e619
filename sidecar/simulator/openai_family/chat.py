"""What the streams of all chat completions have in common (pure)."""

from __future__ import annotations

from sidecar.simulator.exchange import Completion

DONE = b"data: [DONE]\n\n"


def broken_chunk(completion: Completion) -> bytes:
    """Return an event whose JSON ends too early."""
    return b'data: {"id": "' + completion.id.encode() + b'", "choices": [{"delta": {"cont\n\n'
