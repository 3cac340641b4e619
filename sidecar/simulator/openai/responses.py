"""The Responses API on OpenAI's side of the wire: bodies in, JSON and event streams out (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from sidecar.providers.base import Usage
from sidecar.simulator.answers import pieces
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal, Refused
from sidecar.simulator.openai.chat import mapping, read_message
from sidecar.simulator.openai.rules import check_schema

EFFORT_PARAM = "reasoning.effort"
SEARCHED_PAGE = "https://example.com/simulated"

Dress = Callable[[Completion, dict[str, Any]], dict[str, Any]]
"""What another vendor makes of a whole response of this API."""


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items:
        raise Refused(Refusal(400, "Missing required parameter: 'input'.", param="input"))
    reasoning = mapping(body.get("reasoning"))
    form = mapping(mapping(body.get("text")).get("format"))
    schema = form.get("type") == "json_schema"
    limit = body.get("max_output_tokens")
    return Ask(
        model=str(body.get("model") or ""),
        messages=tuple(read_message(item) for item in items),
        stream=body.get("stream") is True,
        include_usage=True,
        json_mode=form.get("type") == "json_object",
        schema=check_schema(form, "text.format") if schema else None,
        max_output_tokens=limit if isinstance(limit, int) else None,
        effort=reasoning.get("effort"),
        search=any(mapping(tool).get("type") == "web_search" for tool in body.get("tools") or ()),
        summaries=bool(reasoning.get("summary")),
    )


def as_it_is(made: Completion, response: dict[str, Any]) -> dict[str, Any]:
    return response


def whole(ask: Ask, made: Completion, dress: Dress = as_it_is) -> bytes:
    """The response as one JSON document."""
    return orjson.dumps(dress(made, _finished(ask, made)))


def frames(ask: Ask, made: Completion, dress: Dress = as_it_is) -> Iterator[Frame]:
    """The response as a stream of numbered events."""
    for number, (kind, members, text) in enumerate(_events(ask, made, dress)):
        yield Frame(_event(kind, {**members, "sequence_number": number}), text)


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream, after so many events."""
    members = {
        "code": refusal.code,
        "message": refusal.message,
        "param": refusal.param,
        "sequence_number": number,
    }
    return _event("error", members)


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "del\n\n'


_Event = tuple[str, dict[str, Any], str]


def _events(ask: Ask, made: Completion, dress: Dress) -> Iterator[_Event]:
    begun = dress(made, _response(ask, made, "in_progress", [], None))
    yield "response.created", {"response": begun}, ""
    yield "response.in_progress", {"response": begun}, ""
    items = _items(ask, made)
    for index, item in enumerate(items):
        if item["type"] == "reasoning":
            yield from _reasoning_events(item, index)
        elif item["type"] == "web_search_call":
            yield from _search_events(item, index)
        else:
            yield from _message_events(item, index)
    finished = dress(made, _finished(ask, made))
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


def _items(ask: Ask, made: Completion) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if made.usage.out_reasoning:
        summary = [{"type": "summary_text", "text": made.thinking}] if made.thinking else []
        items.append({"id": f"rs_{made.id}", "type": "reasoning", "summary": summary})
    annotations = []
    if made.usage.searches:
        action = {"type": "search", "query": ask.prompt[:80], "queries": [ask.prompt[:80]]}
        items.append(
            {"id": f"ws_{made.id}", "type": "web_search_call", "status": "completed", "action": action}
        )
        annotations.append(
            {
                "type": "url_citation",
                "url": SEARCHED_PAGE,
                "title": "A simulated page",
                "start_index": 0,
                "end_index": min(len(made.text), 1),
            }
        )
    part: dict[str, Any] = {
        "type": "output_text",
        "text": made.text,
        "annotations": annotations,
        "logprobs": [],
    }
    if made.refusal:
        part = {"type": "refusal", "refusal": made.refusal}
    status = "incomplete" if made.finish == "length" else "completed"
    message = {
        "id": f"msg_{made.id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [part],
    }
    return [*items, message]


def _finished(ask: Ask, made: Completion) -> dict[str, Any]:
    status = "incomplete" if made.finish == "length" else "completed"
    return _response(ask, made, status, _items(ask, made), made.usage)


def _response(
    ask: Ask, made: Completion, status: str, output: list[dict[str, Any]], usage: Usage | None
) -> dict[str, Any]:
    return {
        "id": f"resp_{made.id}",
        "object": "response",
        "created_at": made.created_s,
        "completed_at": made.created_s if status == "completed" else None,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": ask.max_output_tokens,
        "metadata": {},
        "model": made.served_model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": ask.effort, "summary": "auto" if ask.summaries else None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [{"type": "web_search"}] if ask.search else [],
        "tool_usage": _tool_usage(made.usage.searches),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(usage) if usage is not None else None,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    written = usage.cache_write_short + usage.cache_write_long
    return {
        "input_tokens": usage.prompt_total,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": written,
            "cache_write_tokens_details": {
                "ttl_30m_tokens": usage.cache_write_short,
                "ttl_12h_tokens": usage.cache_write_long,
            },
        },
        "output_tokens": usage.out_total,
        "output_tokens_details": {"reasoning_tokens": usage.out_reasoning},
        "total_tokens": usage.prompt_total + usage.out_total,
    }


def _tool_usage(searches: int) -> dict[str, Any]:
    return {
        "image_gen": {
            "input_tokens": 0,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
            "output_tokens": 0,
            "total_tokens": 0,
        },
        "web_search": {"num_requests": searches},
    }


def _event(kind: str, members: Mapping[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **members}) + b"\n\n"
