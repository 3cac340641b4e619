"""Chunks of a chat completion in every form that servers have: made one, and what is said and thought in them (pure).

An older protocol, a server's own, or a gateway that wraps the answer up: what was paid for is read all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import TextDelta, ThinkingDelta
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.openai_family.other_protocols import translated

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
# What any part of a content has at least one of.
_PART_MEMBERS = frozenset({"type", "text", "content", "parts", "value", "thought", "thinking"})
_THINKING_PARTS = frozenset({"thinking", "reasoning", "reasoning_text", "thought", "reasoning.text"})


def spoken(message: Mapping[str, Any]) -> Iterator[TextDelta | ThinkingDelta]:
    """Yield the thinking, then the text and what is thought between it."""
    thought = _beside_text(message) or _beside_text(as_mapping(message.get("provider_specific_fields")))
    if thought:
        yield ThinkingDelta(thought)
    content = message.get("content")
    for part in (
        (TextDelta(json.dumps(content, ensure_ascii=False)),) if _is_plain_value(content) else _parts(content)
    ):
        yield ThinkingDelta(part.text) if _marked_as_thought(message) else part


def _beside_text(message: Mapping[str, Any]) -> str:
    return next(filter(None, (_thought(message.get(name)) for name in _THOUGHTS)), "")


def _is_plain_value(content: Any) -> bool:
    """Whether the content is the value that was asked for as JSON, in place of a text that holds it."""
    if isinstance(content, list):
        return bool(content) and all(map(_is_plain_value, content))
    if isinstance(content, Mapping):
        return bool(content) and not _PART_MEMBERS.intersection(content)
    return isinstance(content, int | float) and not isinstance(content, bool)


def _marked_as_thought(message: Mapping[str, Any]) -> bool:
    """Whether Google's compatible API says beside a piece that it is a thought."""
    extra = message.get("extra_content")
    return extra is not None and as_mapping(as_mapping(extra).get("google")).get("thought") is True


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


# All that most pieces of an answer are made of. Nothing in them means anything but their text.
_PLAIN_CHUNK = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "choices",
        "usage",
        "obfuscation",
    }
)
_PLAIN_CHOICE = frozenset({"index", "delta", "logprobs", "finish_reason"})
_PLAIN_DELTA = frozenset({"content", "role", "refusal"})


def plain_piece(chunk: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the text of a piece, and the word for its end, where there is nothing else in it but a usage.

    Either may be empty. None for any other piece, which is to be looked through.
    """
    choices = chunk.get("choices")
    if (
        type(choices) is not list
        or chunk.get("object") != "chat.completion.chunk"
        or not _PLAIN_CHUNK.issuperset(chunk)
    ):
        return None
    if not choices:
        return "", ""
    choice = choices[0]
    if (
        len(choices) > 1
        or type(choice) is not dict
        or not _PLAIN_CHOICE.issuperset(choice)
        or choice.get("index", 0) != 0
    ):
        return None
    delta = choice.get("delta")
    if type(delta) is not dict or delta.get("refusal") is not None or not _PLAIN_DELTA.issuperset(delta):
        return None
    text, finish = delta.get("content"), choice.get("finish_reason")
    plain = (text is None or type(text) is str) and (finish is None or type(finish) is str)
    return (text or "", finish or "") if plain else None


# What gateways put around an answer.
_ENVELOPES = ("data", "result", "output", "response", "body")
# Where servers of their own kind write the words: Ollama's generate, llama.cpp's completion, text generation inference.
_TEXTS = ("response", "content", "generated_text", "output_text", "completion", "text", "answer")
_FINISHES = (
    "finish_reason",
    "finishReason",
    "native_finish_reason",
    "done_reason",
    "stop_reason",
    "stop_type",
)
# Events of other protocols have readers of their own, and no choices.
_NO_CHUNKS = ("message_", "content_block", "response.", "ping")


def as_chunk(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object as a chunk, whole or a piece; as it is where it is one, or nothing of an answer is in it."""
    if "choices" in value:
        choices = value["choices"]
        if not isinstance(choices, Mapping):
            return value
        # PHP writes a list down as an object when its numbers have a gap.
        numbered = choices and all(str(name).isdigit() for name in choices)
        return {**value, "choices": list(choices.values()) if numbered else [choices]}
    other = translated(value)
    if other is not None:
        return other
    for name in _ENVELOPES:
        inside = value.get(name)
        if isinstance(inside, Mapping) and ("choices" in inside or _said(inside) is not None):
            rest = {each: told for each, told in value.items() if each != name}
            return {**rest, **as_chunk(inside)}
    message = _said(value)
    if message is None and (value.get("done") is True or value.get("stop") is True):
        # The end of a stream of Ollama's or llama.cpp's may say nothing more.
        message = {}
    if message is None or as_text(value.get("type")).startswith(_NO_CHUNKS):
        return value
    return {**value, "choices": [{"message" if _is_whole(value) else "delta": message, **_ended(value)}]}


def finish_word(choice: Mapping[str, Any]) -> str:
    """Return the word for the end of a choice, however it is called; empty where it has not ended."""
    for name in _FINISHES:
        told = choice.get(name)
        if as_text(told):
            return as_text(told)
        if told is True:
            return "stop"
    return ""


def piece_of(choice: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return what a choice says, and whether it is a whole message rather than a piece of one."""
    if choice.get("delta") is not None:
        return _as_message(choice["delta"]), False
    if choice.get("message") is not None:
        return _as_message(choice["message"]), True
    if isinstance(choice.get("text"), str):
        return {"content": choice["text"]}, False
    return None, True


def _as_message(told: Any) -> Any:
    if isinstance(told, str):
        return {"content": told}
    message = as_mapping(told)
    # Only a message without a content has its words elsewhere.
    if message.get("content") is None:
        words = (message.get("text"), as_mapping(message.get("audio")).get("transcript"))
        written = next((each for each in words if isinstance(each, str)), None)
        return told if written is None else {**message, "content": written}
    return told


def _said(value: Mapping[str, Any]) -> Any:
    """What the object says: a message, or a text; None where it says nothing."""
    if isinstance(value.get("message"), Mapping):
        return value["message"]
    items = as_list(value.get("output"))
    if any(as_mapping(item).get("type") == "message" for item in items):
        spoken = [
            as_mapping(item).get("content") for item in items if as_mapping(item).get("type") == "message"
        ]
        return {"content": spoken}
    delta = value.get("delta")
    if isinstance(delta, Mapping) and "type" not in value and "type" not in delta:
        return delta
    token = as_mapping(value.get("token"))
    if isinstance(token.get("text"), str):
        return {"content": "" if token.get("special") else token["text"]}
    for name in _TEXTS:
        if isinstance(value.get(name), str):
            return {"content": value[name]}
    return None


def _is_whole(value: Mapping[str, Any]) -> bool:
    """Whether the object is the whole answer; a server that streams says of each piece whether it is the last."""
    return not any(name in value for name in ("done", "stop", "token", "delta", "p", "index"))


def _ended(value: Mapping[str, Any]) -> dict[str, str]:
    word = finish_word(value)
    over = (
        value.get("done") is True
        or value.get("stop") is True
        or value.get("status") in ("completed", "incomplete")
    )
    if not word and not over:
        return {}
    return {"finish_reason": word or ("length" if value.get("status") == "incomplete" else "stop")}


def tools_called(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the tools that a message, or a piece of one, asks to use."""
    calls = [as_mapping(as_mapping(call).get("function")) for call in as_list(message.get("tool_calls"))]
    for call in [*calls, as_mapping(message.get("function_call"))]:
        if as_text(call.get("name")):
            yield as_text(call["name"])
