"""What a message of a chat completion, whole or a piece, says and thinks, in every form that servers have (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import TextDelta, ThinkingDelta
from sidecar.providers.kernel.json_values import as_text

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
# What a tool was asked or has found is not what the model says.
_NO_WORDS = frozenset({"tool_use", "tool_call", "tool_result", "function_call", "refusal"})
_THINKING_PARTS = frozenset({"thinking", "reasoning", "reasoning_text", "thought", "reasoning.text"})


def spoken(message: Mapping[str, Any]) -> Iterator[TextDelta | ThinkingDelta]:
    """Yield the thinking, then the text and what is thought between it."""
    thought = next(filter(None, (_thought(message.get(name)) for name in _THOUGHTS)), "")
    if thought:
        yield ThinkingDelta(thought)
    yield from _parts(message.get("content"))


def _parts(content: Any) -> Iterator[TextDelta | ThinkingDelta]:
    """What a content says that is a text, a part, or a list of either; parts may hold parts."""
    if isinstance(content, list):
        for part in content:
            yield from _parts(part)
    elif isinstance(content, Mapping):
        if as_text(content.get("type")) in _THINKING_PARTS or content.get("thought") is True:
            yield ThinkingDelta(_thought(content.get("thinking")) or _thought(content))
        elif as_text(content.get("type")) not in _NO_WORDS:
            inside = (content.get(name) for name in ("text", "content", "parts", "value"))
            yield from _parts(next(filter(None, inside), ""))
    else:
        yield TextDelta(as_text(content))


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
