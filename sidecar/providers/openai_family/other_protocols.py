"""Pieces of an answer in another vendor's protocol, as chunks of a chat completion (pure).

A base URL may lead to a gateway's other entrance: what it answers was paid for as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text


def translated(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object as a chunk where it is of Anthropic's, Google's or KoboldAI's protocol, else None."""
    if value.get("choices") is not None:
        return None
    kind = as_text(value.get("type"))
    if kind in _EVENTS:
        return _EVENTS[kind](value)
    if kind == "message" and isinstance(value.get("content"), list):
        return _choice(value, "message", {"content": value["content"]}, value.get("stop_reason"))
    if isinstance(value.get("candidates"), list):
        candidate = as_mapping(next(iter(value["candidates"]), None))
        parts = as_mapping(candidate.get("content")).get("parts")
        return _choice(value, "delta", {"content": parts}, candidate.get("finishReason"))
    first = as_mapping(next(iter(as_list(value.get("results"))), None))
    if isinstance(first.get("text"), str):
        return _choice(value, "message", {"content": first["text"]}, first.get("finish_reason"))
    return None


def _started(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The beginning of a message, which says what was read."""
    message = as_mapping(value.get("message"))
    return {name: message[name] for name in ("id", "model", "usage") if name in message}


def _piece(value: Mapping[str, Any]) -> Mapping[str, Any]:
    delta = as_mapping(value.get("delta"))
    said = {"content": as_text(delta.get("text")), "reasoning_content": as_text(delta.get("thinking"))}
    return _choice({}, "delta", said, None)


def _ended(value: Mapping[str, Any]) -> Mapping[str, Any]:
    told = {"usage": value["usage"]} if "usage" in value else {}
    return _choice(told, "delta", {}, as_mapping(value.get("delta")).get("stop_reason"))


_EVENTS = {"message_start": _started, "content_block_delta": _piece, "message_delta": _ended}


def _choice(
    beside: Mapping[str, Any], member: str, said: Mapping[str, Any], finish: Any
) -> Mapping[str, Any]:
    return {**beside, "choices": [{"index": 0, member: said, "finish_reason": finish}]}
