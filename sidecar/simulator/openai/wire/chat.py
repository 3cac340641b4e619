"""Chat completions on OpenAI's side of the wire: bodies in, JSON and streams out (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.bodies import data_event
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal
from sidecar.simulator.openai.usage import chat_usage
from sidecar.simulator.openai_family.chat import CHUNK, DONE, broken_chunk, usage_chunk
from sidecar.simulator.openai_family.errors import error_body
from sidecar.simulator.openai_family.request import read_chat

EFFORT_PARAM = "reasoning_effort"


def read_request(body: Mapping[str, Any]) -> ParsedRequest:
    """Return what the body asks. Raise Refused for one that makes no sense."""
    return read_chat(body)


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """The completion as one JSON document."""
    return orjson.dumps(
        {
            **_head(completion, "chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": None if completion.refusal else completion.text,
                        "refusal": completion.refusal or None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": completion.finish,
                }
            ],
            "usage": chat_usage(completion.usage),
        }
    )


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """The completion as a stream."""
    yield _chunk(parsed, completion, {"role": "assistant", "content": "", "refusal": None})
    part = "refusal" if completion.refusal else "content"
    for piece in pieces(completion.refusal or completion.text):
        yield _chunk(parsed, completion, {part: piece}, text=piece)
    yield _chunk(parsed, completion, {}, finish=completion.finish)
    if parsed.include_usage:
        yield usage_chunk(_head(completion, CHUNK), chat_usage(completion.usage))
    yield Frame(DONE)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. Its chunks are not numbered."""
    return data_event(error_body(refusal))


def broken_frame(completion: Completion) -> bytes:
    """Return an event whose JSON ends too early."""
    return broken_chunk(completion)


def _chunk(
    parsed: ParsedRequest,
    completion: Completion,
    delta: dict[str, Any],
    *,
    finish: str | None = None,
    text: str = "",
) -> Frame:
    chunk = {
        **_head(completion, CHUNK),
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    if parsed.include_usage:
        chunk["usage"] = None
    return Frame(data_event(chunk), text)


def _head(completion: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{completion.id}",
        "object": kind,
        "created": completion.created_s,
        "model": completion.served_model,
        "service_tier": completion.usage.service_tier or "default",
        "system_fingerprint": "fp_simulated",
    }
