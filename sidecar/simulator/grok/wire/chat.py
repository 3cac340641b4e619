"""Chat completions on xAI's side of the wire: OpenAI's shapes, reasoning counted apart, the charge in ticks (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.bodies import data_event
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal
from sidecar.simulator.grok.errors import error_body
from sidecar.simulator.grok.usage import chat_usage
from sidecar.simulator.json_by_prompt import apply_json_prompt
from sidecar.simulator.openai_family.chat import CHUNK, DONE, broken_chunk, usage_chunk
from sidecar.simulator.openai_family.request import read_chat

EFFORT_PARAM = "reasoning_effort"


def read_request(body: Mapping[str, Any]) -> ParsedRequest:
    """What the body asks. Raises Refused for one that makes no sense."""
    # Thinking is shown unasked.
    return apply_json_prompt(replace(read_chat(body), summaries=True))


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """The completion as one JSON document."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text,
        "refusal": completion.refusal or None,
    }
    if completion.thinking:
        message["reasoning_content"] = completion.thinking
    choice = {"index": 0, "message": message, "finish_reason": completion.finish}
    return orjson.dumps(
        {**_head(completion, "chat.completion"), "choices": [choice], "usage": chat_usage(completion)}
    )


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """The completion as a stream: thinking, text, the reason of its end, then the usage in a chunk of its own."""
    for thought in pieces(completion.thinking):
        yield _chunk(completion, {"role": "assistant", "content": "", "reasoning_content": thought})
    part = "refusal" if completion.refusal else "content"
    for piece in pieces(completion.refusal or completion.text):
        yield _chunk(completion, {"role": "assistant", part: piece}, text=piece)
    yield _chunk(completion, {"role": "assistant", "content": ""}, finish=completion.finish)
    if parsed.include_usage:
        yield usage_chunk(_head(completion, CHUNK), chat_usage(completion))
    yield Frame(DONE)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, in the vendor's two strings."""
    return data_event(error_body(refusal))


def broken_frame(completion: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return broken_chunk(completion)


def _chunk(
    completion: Completion, delta: dict[str, Any], *, finish: str | None = None, text: str = ""
) -> Frame:
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    if finish is not None:
        choice["finish_reason"] = finish
    return Frame(data_event({**_head(completion, CHUNK), "choices": [choice]}), text)


def _head(completion: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{completion.id:0>12}",
        "object": kind,
        "created": completion.created_s,
        "model": completion.served_model,
        "system_fingerprint": "fp_simulated",
    }
