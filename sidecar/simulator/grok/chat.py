"""Chat completions on xAI's side of the wire: OpenAI's shapes, reasoning counted apart, the charge in ticks (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal
from sidecar.simulator.grok.price import cost_in_usd_ticks
from sidecar.simulator.json_by_prompt import heeded
from sidecar.simulator.openai import chat

EFFORT_PARAM = "reasoning_effort"


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    # Thinking is shown unasked.
    return heeded(replace(chat.read_ask(body), summaries=True))


def whole(ask: Ask, made: Completion) -> bytes:
    """The completion as one JSON document."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": made.text,
        "refusal": made.refusal or None,
    }
    if made.thinking:
        message["reasoning_content"] = made.thinking
    choice = {"index": 0, "message": message, "finish_reason": made.finish}
    return orjson.dumps({**_head(made, "chat.completion"), "choices": [choice], "usage": usage(made)})


def frames(ask: Ask, made: Completion) -> Iterator[Frame]:
    """The completion as a stream: thinking, text, the reason of its end, then the usage in a chunk of its own."""
    for thought in pieces(made.thinking):
        yield _chunk(made, {"role": "assistant", "content": "", "reasoning_content": thought})
    part = "refusal" if made.refusal else "content"
    for piece in pieces(made.refusal or made.text):
        yield _chunk(made, {"role": "assistant", part: piece}, text=piece)
    yield _chunk(made, {"role": "assistant", "content": ""}, finish=made.finish)
    if ask.include_usage:
        last = {**_head(made, "chat.completion.chunk"), "choices": [], "usage": usage(made)}
        yield Frame(_event(last))
    yield Frame(b"data: [DONE]\n\n")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, in the vendor's two strings."""
    return _event({"code": "Internal error", "error": refusal.message})


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return chat.broken_frame(made)


def usage(made: Completion) -> dict[str, Any]:
    """The vendor's way to count: what was reasoned is beside what was written."""
    parts = made.usage
    counted: dict[str, Any] = {
        "prompt_tokens": parts.prompt_total,
        "completion_tokens": parts.out_visible,
        "total_tokens": parts.prompt_total + parts.out_total,
        "prompt_tokens_details": {
            "text_tokens": parts.prompt_total,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": parts.cache_read,
        },
        "completion_tokens_details": {
            "reasoning_tokens": parts.out_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
    }
    ticks = cost_in_usd_ticks(made)
    return counted if ticks is None else {**counted, "cost_in_usd_ticks": ticks}


def _chunk(made: Completion, delta: dict[str, Any], *, finish: str | None = None, text: str = "") -> Frame:
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    if finish is not None:
        choice["finish_reason"] = finish
    return Frame(_event({**_head(made, "chat.completion.chunk"), "choices": [choice]}), text)


def _head(made: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{made.id:0>12}",
        "object": kind,
        "created": made.created_s,
        "model": made.served_model,
        "system_fingerprint": "fp_simulated",
    }


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
