"""Chat completions as servers speak them that are only like OpenAI, each habit on order (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import orjson

from sidecar.simulator.answers import pieces, thinking_text
from sidecar.simulator.bodies import data_event
from sidecar.simulator.compatible.quirks import QuirkRequest, Quirks, quirks_of, read_quirks, without_mark
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal
from sidecar.simulator.json_by_prompt import apply_json_prompt
from sidecar.simulator.openai_family.chat import CHUNK, DONE, broken_chunk, usage_chunk
from sidecar.simulator.openai_family.request import read_chat

EFFORT_PARAM = "reasoning_effort"


def read_request(body: Mapping[str, Any]) -> QuirkRequest:
    """What the body asks. Raises Refused for one that makes no sense."""
    parsed = read_chat(body)
    quirks = read_quirks(parsed.prompt)
    known = {field.name: getattr(parsed, field.name) for field in fields(parsed)}
    known["messages"] = tuple((role, without_mark(text)) for role, text in parsed.messages)
    known["stream"] = parsed.stream and not quirks.whole
    if quirks.json == "ignored":
        return QuirkRequest(**{**known, "json_mode": False, "schema": None}, quirks=quirks)
    return apply_json_prompt(QuirkRequest(**known, quirks=quirks))


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """The completion as one JSON document."""
    quirks = quirks_of(parsed)
    thought = _thought(parsed, completion)
    text = f"<think>\n{thought}\n</think>\n\n{completion.text}" if quirks.think == "tags" else completion.text
    message = {"role": "assistant", "content": _content(quirks, text)}
    if thought and quirks.think not in ("tags", "parts"):
        message |= _thinking(quirks, thought)
    choice = {"index": 0, "message": message, "finish_reason": _finish(quirks, completion)}
    document = {**_head(completion, "chat.completion"), "choices": [choice]}
    return orjson.dumps(
        {**document, **({} if quirks.usage == "missing" else {"usage": _usage(quirks, completion)})}
    )


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """The completion as a stream."""
    quirks = quirks_of(parsed)
    if quirks.comments:
        yield Frame(b": PROCESSING\n\n")
    yield _chunk(completion, {"role": "assistant", "content": None if quirks.content == "null" else ""})
    thought = _thought(parsed, completion)
    if quirks.think == "tags":
        for piece in _sliced(f"<think>\n{thought}\n</think>\n\n"):
            yield _chunk(completion, {"content": piece})
    else:
        for piece in pieces(thought):
            yield _chunk(completion, _thinking(quirks, piece))
    spoken = list(pieces(completion.refusal or completion.text))
    for number, piece in enumerate(spoken):
        usage = (
            _usage(quirks, completion) if quirks.usage == "content" and number == len(spoken) - 1 else None
        )
        yield _chunk(completion, {"content": _content(quirks, piece)}, text=piece, usage=usage)
        if quirks.comments:
            yield Frame(b": keep-alive\n\n")
    last = {"content": None} if quirks.content == "null" else {}
    yield _chunk(completion, last, finish=_finish(quirks, completion))
    if parsed.include_usage and quirks.usage in ("chunk", "zero"):
        yield usage_chunk(_head(completion, CHUNK), _usage(quirks, completion))
    yield Frame(DONE if quirks.done else b"\n")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. The status stands where the code would."""
    return data_event({"error": {"message": refusal.message, "code": refusal.status}})


def broken_frame(completion: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return broken_chunk(completion)


def _thought(parsed: ParsedRequest, completion: Completion) -> str:
    return "" if quirks_of(parsed).think == "none" else thinking_text(parsed, completion.served_model)


def _thinking(quirks: Quirks, thought: str) -> dict[str, Any]:
    if quirks.think == "object":
        return {"reasoning": {"text": thought}}
    if quirks.think == "parts":
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]}
    return {quirks.think: thought}


def _content(quirks: Quirks, text: str) -> Any:
    return [{"type": "text", "text": text}] if quirks.content == "parts" else text


def _sliced(text: str) -> Iterator[str]:
    """Cut without regard to words, so that tags are cut too."""
    return (text[at : at + 3] for at in range(0, len(text), 3))


def _finish(quirks: Quirks, completion: Completion) -> str:
    return quirks.finish if completion.finish == "stop" else completion.finish


def _usage(quirks: Quirks, completion: Completion) -> dict[str, int]:
    prompt, written = (
        (0, 0) if quirks.usage == "zero" else (completion.usage.prompt_total, completion.usage.out_total)
    )
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def _chunk(
    completion: Completion,
    delta: dict[str, Any],
    *,
    finish: str | None = None,
    text: str = "",
    usage: dict[str, int] | None = None,
) -> Frame:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {**_head(completion, CHUNK), "choices": choices}
    return Frame(data_event(chunk if usage is None else {**chunk, "usage": usage}), text)


def _head(completion: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{completion.id}",
        "object": kind,
        "created": completion.created_s,
        "model": completion.served_model,
    }
