"""What a message of a chat completion, whole or a piece, says and thinks, in every form that servers have (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import TextDelta, ThinkingDelta
from sidecar.providers.kernel.json_values import as_list, as_text

# Several may hold the same thought; the first that holds anything is it.
_THOUGHTS = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thought",
    "thinking_blocks",
    "reasoning_details",
)
_THINKING_PARTS = frozenset({"thinking", "reasoning", "reasoning_text", "thought", "reasoning.text"})


def spoken(message: Mapping[str, Any]) -> Iterator[TextDelta | ThinkingDelta]:
    """Yield the thinking, then the text and what is thought between it."""
    thought = next(filter(None, (_thought(message.get(name)) for name in _THOUGHTS)), "")
    if thought:
        yield ThinkingDelta(thought)
    content = message.get("content")
    for part in as_list(content) if isinstance(content, list) else [{"text": content}]:
        if isinstance(part, str):
            yield TextDelta(part)
        elif isinstance(part, Mapping) and (
            as_text(part.get("type")) in _THINKING_PARTS or part.get("thought") is True
        ):
            yield ThinkingDelta(_thought(part.get("thinking")) or _thought(part))
        elif isinstance(part, Mapping):
            yield TextDelta(as_text(part.get("text")))


def _thought(value: Any) -> str:
    """Thinking as text, as an object that holds text, or as a list of such objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_thought, value))
    if isinstance(value, Mapping):
        inside = (
            _thought(value.get(name)) for name in ("text", "content", "summary", "thinking", "reasoning")
        )
        return next(filter(None, inside), "")
    return ""
