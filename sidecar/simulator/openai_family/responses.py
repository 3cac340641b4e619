"""The Responses API as its answers are written: items, events, one document; each vendor adds its counts (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.bodies import SEARCHED_PAGE, SEARCHED_TITLE, named_event
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal

Dress = Callable[[Completion, dict[str, Any]], dict[str, Any]]
"""What a vendor makes of a whole response: its usage, which is None while the response is in progress, and more."""


def whole(parsed: ParsedRequest, completion: Completion, dress: Dress) -> bytes:
    """The response as one JSON document."""
    return orjson.dumps(dress(completion, _finished(parsed, completion)))


def frames(parsed: ParsedRequest, completion: Completion, dress: Dress) -> Iterator[Frame]:
    """The response as a stream of numbered events."""
    for number, (kind, members, text) in enumerate(_events(parsed, completion, dress)):
        yield Frame(named_event(kind, {**members, "sequence_number": number}), text)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, after so many events."""
    members = {
        "code": refusal.code,
        "message": refusal.message,
        "param": refusal.param,
        "sequence_number": number,
    }
    return named_event("error", members)


def broken_frame(completion: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "del\n\n'


_Event = tuple[str, dict[str, Any], str]


def _events(parsed: ParsedRequest, completion: Completion, dress: Dress) -> Iterator[_Event]:
    begun = dress(completion, _response(parsed, completion, "in_progress", []))
    yield "response.created", {"response": begun}, ""
    yield "response.in_progress", {"response": begun}, ""
    items = _items(parsed, completion)
    for index, item in enumerate(items):
        if item["type"] == "reasoning":
            yield from _reasoning_events(item, index)
        elif item["type"] == "web_search_call":
            yield from _search_events(item, index)
        else:
            yield from _message_events(item, index)
    finished = dress(completion, _finished(parsed, completion))
    yield f"response.{finished['status']}", {"response": finished}, ""


def _reasoning_events(item: dict[str, Any], index: int) -> Iterator[_Event]:
    place = {"item_id": item["id"], "output_index": index}
    yield "response.output_item.added", {"output_index": index, "item": {**item, "summary": []}}, ""
    for summary_index, part in enumerate(item["summary"]):
        here = {**place, "summary_index": summary_index}
        yield "response.reasoning_summary_part.added", {**here, "part": {**part, "text": ""}}, ""
        for piece in pieces(part["text"]):
            yield "response.reasoning_summary_text.delta", {**here, "delta": piece}, ""
        yield "response.reasoning_summary_text.done", {**here, "text": part["text"]}, ""
        yield "response.reasoning_summary_part.done", {**here, "part": part}, ""
    yield "response.output_item.done", {"output_index": index, "item": item}, ""


def _search_events(item: dict[str, Any], index: int) -> Iterator[_Event]:
    place = {"item_id": item["id"], "output_index": index}
    running = {**item, "status": "in_progress"}
    yield "response.output_item.added", {"output_index": index, "item": running}, ""
    for step in ("in_progress", "searching", "completed"):
        yield f"response.web_search_call.{step}", place, ""
    yield "response.output_item.done", {"output_index": index, "item": item}, ""


def _message_events(item: dict[str, Any], index: int) -> Iterator[_Event]:
    empty = {**item, "status": "in_progress", "content": []}
    yield "response.output_item.added", {"output_index": index, "item": empty}, ""
    (part,) = item["content"]
    here = {"item_id": item["id"], "output_index": index, "content_index": 0}
    extra: dict[str, Any] = {}
    if part["type"] == "refusal":
        blank, name, text = {**part, "refusal": ""}, "refusal", part["refusal"]
    else:
        blank, name, text = {**part, "text": "", "annotations": []}, "output_text", part["text"]
        extra = {"logprobs": []}
    yield "response.content_part.added", {**here, "part": blank}, ""
    for piece in pieces(text):
        yield f"response.{name}.delta", {**here, "delta": piece, **extra}, piece
    for number, annotation in enumerate(part.get("annotations", ())):
        members = {**here, "annotation_index": number, "annotation": annotation}
        yield "response.output_text.annotation.added", members, ""
    done = {"refusal": text} if name == "refusal" else {"text": text, **extra}
    yield f"response.{name}.done", {**here, **done}, ""
    yield "response.content_part.done", {**here, "part": part}, ""
    yield "response.output_item.done", {"output_index": index, "item": item}, ""


def _items(parsed: ParsedRequest, completion: Completion) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if completion.usage.out_reasoning:
        summary = [{"type": "summary_text", "text": completion.thinking}] if completion.thinking else []
        items.append({"id": f"rs_{completion.id}", "type": "reasoning", "summary": summary})
    annotations = []
    if completion.usage.searches:
        action = {"type": "search", "query": parsed.prompt[:80], "queries": [parsed.prompt[:80]]}
        items.append(
            {"id": f"ws_{completion.id}", "type": "web_search_call", "status": "completed", "action": action}
        )
        annotations.append(
            {
                "type": "url_citation",
                "url": SEARCHED_PAGE,
                "title": SEARCHED_TITLE,
                "start_index": 0,
                "end_index": min(len(completion.text), 1),
            }
        )
    part: dict[str, Any] = {
        "type": "output_text",
        "text": completion.text,
        "annotations": annotations,
        "logprobs": [],
    }
    if completion.refusal:
        part = {"type": "refusal", "refusal": completion.refusal}
    status = "incomplete" if completion.finish == "length" else "completed"
    message = {
        "id": f"msg_{completion.id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [part],
    }
    return [*items, message]


def _finished(parsed: ParsedRequest, completion: Completion) -> dict[str, Any]:
    status = "incomplete" if completion.finish == "length" else "completed"
    return _response(parsed, completion, status, _items(parsed, completion))


def _response(
    parsed: ParsedRequest,
    completion: Completion,
    status: str,
    output: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "id": f"resp_{completion.id}",
        "object": "response",
        "created_at": completion.created_s,
        "completed_at": completion.created_s if status == "completed" else None,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": parsed.max_output_tokens,
        "metadata": {},
        "model": completion.served_model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": parsed.effort, "summary": "auto" if parsed.summaries else None},
        "service_tier": completion.usage.service_tier or "default",
        "store": False,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [{"type": "web_search"}] if parsed.search else [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
    }
