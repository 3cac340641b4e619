"""Chat completions on OpenAI's side of the wire: bodies in, JSON and streams out (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.providers.base import Usage
from sidecar.simulator.answers import pieces
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal, Refused
from sidecar.simulator.openai.rules import check_schema

EFFORT_PARAM = "reasoning_effort"


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(Refusal(400, "Missing required parameter: 'messages'.", param="messages"))
    form = mapping(body.get("response_format"))
    schema = form.get("type") == "json_schema"
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return Ask(
        model=str(body.get("model") or ""),
        messages=tuple(read_message(message) for message in messages),
        stream=body.get("stream") is True,
        include_usage=mapping(body.get("stream_options")).get("include_usage") is True,
        json_mode=form.get("type") == "json_object",
        schema=check_schema(form.get("json_schema"), "response_format") if schema else None,
        max_output_tokens=limit if isinstance(limit, int) else None,
        effort=body.get(EFFORT_PARAM),
    )


def read_message(message: Any) -> tuple[str, str]:
    """(role, text) of a message whose content is a text or a list of text parts."""
    if not isinstance(message, Mapping) or message.get("role") not in (
        "system",
        "developer",
        "user",
        "assistant",
    ):
        raise Refused(
            Refusal(400, "Invalid value: a message needs one of the known roles.", param="messages")
        )
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(mapping(part).get("text", "")) for part in content)
    if not isinstance(content, str):
        raise Refused(Refusal(400, "Invalid value: a message's content must be text.", param="messages"))
    return message["role"], content


def whole(ask: Ask, made: Completion) -> bytes:
    """The completion as one JSON document."""
    return orjson.dumps(
        {
            **_head(made, "chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": None if made.refusal else made.text,
                        "refusal": made.refusal or None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": made.finish,
                }
            ],
            "usage": chat_usage(made.usage),
        }
    )


def frames(ask: Ask, made: Completion) -> Iterator[Frame]:
    """The completion as a stream."""
    yield _chunk(ask, made, {"role": "assistant", "content": "", "refusal": None})
    part = "refusal" if made.refusal else "content"
    for piece in pieces(made.refusal or made.text):
        yield _chunk(ask, made, {part: piece}, text=piece)
    yield _chunk(ask, made, {}, finish=made.finish)
    if ask.include_usage:
        usage = {**_head(made, "chat.completion.chunk"), "choices": [], "usage": chat_usage(made.usage)}
        yield Frame(_event(usage))
    yield Frame(b"data: [DONE]\n\n")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. Its chunks are not numbered."""
    return _event(error_body(refusal))


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return b'data: {"id": "' + made.id.encode() + b'", "choices": [{"delta": {"cont\n\n'


def error_body(refusal: Refusal) -> dict[str, Any]:
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.type,
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def chat_usage(usage: Usage) -> dict[str, Any]:
    """The vendor's way to count: everything is inside the two totals."""
    written = usage.cache_write_short + usage.cache_write_long
    return {
        "prompt_tokens": usage.prompt_total,
        "completion_tokens": usage.out_total,
        "total_tokens": usage.prompt_total + usage.out_total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": written,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.out_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _chunk(
    ask: Ask, made: Completion, delta: dict[str, Any], *, finish: str | None = None, text: str = ""
) -> Frame:
    chunk = {
        **_head(made, "chat.completion.chunk"),
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    if ask.include_usage:
        chunk["usage"] = None
    return Frame(_event(chunk), text)


def _head(made: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{made.id}",
        "object": kind,
        "created": made.created_s,
        "model": made.served_model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
