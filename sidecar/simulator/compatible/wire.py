"""Chat completions as servers speak them that are only like OpenAI, each habit on order (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import orjson

from sidecar.simulator.answers import pieces, thinking_text
from sidecar.simulator.compatible.quirks import QuirkAsk, Quirks, read_quirks, without_mark
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal
from sidecar.simulator.json_by_prompt import heeded
from sidecar.simulator.openai import chat

EFFORT_PARAM = "reasoning_effort"


def read_ask(body: Mapping[str, Any]) -> QuirkAsk:
    """What the body asks. Raises Refused for one that makes no sense."""
    ask = chat.read_ask(body)
    odd = read_quirks(ask.prompt)
    known = {field.name: getattr(ask, field.name) for field in fields(ask)}
    known["messages"] = tuple((role, without_mark(text)) for role, text in ask.messages)
    known["stream"] = ask.stream and not odd.whole
    if odd.json == "ignored":
        return QuirkAsk(**{**known, "json_mode": False, "schema": None}, odd=odd)
    return heeded(QuirkAsk(**known, odd=odd))


def whole(ask: Ask, made: Completion) -> bytes:
    """The completion as one JSON document."""
    odd = oddities(ask)
    thought = _thought(ask, made)
    text = f"<think>\n{thought}\n</think>\n\n{made.text}" if odd.think == "tags" else made.text
    message = {"role": "assistant", "content": _content(odd, text)}
    if thought and odd.think not in ("tags", "parts"):
        message |= _thinking(odd, thought)
    choice = {"index": 0, "message": message, "finish_reason": _finish(odd, made)}
    document = {**_head(made, "chat.completion"), "choices": [choice]}
    return orjson.dumps({**document, **({} if odd.usage == "missing" else {"usage": _usage(odd, made)})})


def frames(ask: Ask, made: Completion) -> Iterator[Frame]:
    """The completion as a stream."""
    odd = oddities(ask)
    if odd.comments:
        yield Frame(b": PROCESSING\n\n")
    yield _chunk(made, {"role": "assistant", "content": None if odd.content == "null" else ""})
    thought = _thought(ask, made)
    if odd.think == "tags":
        for piece in _sliced(f"<think>\n{thought}\n</think>\n\n"):
            yield _chunk(made, {"content": piece})
    else:
        for piece in pieces(thought):
            yield _chunk(made, _thinking(odd, piece))
    spoken = list(pieces(made.refusal or made.text))
    for number, piece in enumerate(spoken):
        usage = _usage(odd, made) if odd.usage == "content" and number == len(spoken) - 1 else None
        yield _chunk(made, {"content": _content(odd, piece)}, text=piece, usage=usage)
        if odd.comments:
            yield Frame(b": keep-alive\n\n")
    last = {"content": None} if odd.content == "null" else {}
    yield _chunk(made, last, finish=_finish(odd, made))
    if ask.include_usage and odd.usage in ("chunk", "zero"):
        counted = {**_head(made, "chat.completion.chunk"), "choices": [], "usage": _usage(odd, made)}
        yield Frame(_event(counted))
    yield Frame(b"data: [DONE]\n\n" if odd.done else b"\n")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. The status stands where the code would."""
    return _event({"error": {"message": refusal.message, "code": refusal.status}})


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return chat.broken_frame(made)


def oddities(ask: Ask) -> Quirks:
    return ask.odd if isinstance(ask, QuirkAsk) else Quirks()


def _thought(ask: Ask, made: Completion) -> str:
    return "" if oddities(ask).think == "none" else thinking_text(ask, made.served_model)


def _thinking(odd: Quirks, thought: str) -> dict[str, Any]:
    if odd.think == "object":
        return {"reasoning": {"text": thought}}
    if odd.think == "parts":
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]}
    return {odd.think: thought}


def _content(odd: Quirks, text: str) -> Any:
    return [{"type": "text", "text": text}] if odd.content == "parts" else text


def _sliced(text: str) -> Iterator[str]:
    """Cut without regard to words, so that tags are cut too."""
    return (text[at : at + 3] for at in range(0, len(text), 3))


def _finish(odd: Quirks, made: Completion) -> str:
    return odd.finish if made.finish == "stop" else made.finish


def _usage(odd: Quirks, made: Completion) -> dict[str, int]:
    prompt, written = (0, 0) if odd.usage == "zero" else (made.usage.prompt_total, made.usage.out_total)
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def _chunk(
    made: Completion,
    delta: dict[str, Any],
    *,
    finish: str | None = None,
    text: str = "",
    usage: dict[str, int] | None = None,
) -> Frame:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {**_head(made, "chat.completion.chunk"), "choices": choices}
    return Frame(_event(chunk if usage is None else {**chunk, "usage": usage}), text)


def _head(made: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{made.id}",
        "object": kind,
        "created": made.created_s,
        "model": made.served_model,
    }


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
