"""Messages on Anthropic's side of the wire: bodies in, JSON and event streams out (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.anthropic import request
from sidecar.simulator.anthropic.request import AnthropicAsk
from sidecar.simulator.anthropic.usage import end_usage, start_usage
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal

EFFORT_PARAM = "output_config.effort"
SEARCHED_PAGE = "https://example.com/simulated"
SEARCHED_TITLE = "A simulated page"
SIGNATURE = "c2ltdWxhdGVk"

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def read_ask(body: Mapping[str, Any]) -> Ask:
    """What the body asks. Raises Refused for one that makes no sense."""
    return request.read_ask(body)


def whole(ask: Ask, made: Completion) -> bytes:
    """The message as one JSON document."""
    mine = _own(ask)
    stop, details = _stop(mine, made)
    return orjson.dumps(
        {
            **_head(made),
            "content": _content(mine, made),
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details,
            "usage": {**start_usage(made.usage), **end_usage(made.usage)},
        }
    )


def frames(ask: Ask, made: Completion) -> Iterator[Frame]:
    """The message as a stream of events."""
    mine = _own(ask)
    start = {**_head(made), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**start, "usage": start_usage(made.usage)})
    pinged = False
    for index, block in enumerate(_content(mine, made)):
        yield _event("content_block_start", index=index, content_block=_begun(block))
        if not pinged:
            yield _event("ping")
            pinged = True
        yield from _deltas(index, block)
        yield _event("content_block_stop", index=index)
    stop, details = _stop(mine, made)
    delta = {"stop_reason": stop, "stop_sequence": None, "stop_details": details}
    yield _event("message_delta", delta=delta, usage=end_usage(made.usage))
    yield _event("message_stop")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. Its events are not numbered."""
    return _event("error", **{key: value for key, value in error_body(refusal).items() if key != "type"}).data


def broken_frame(made: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'


def error_body(refusal: Refusal) -> dict[str, Any]:
    """The vendor tells its errors apart by type alone; a few carry a code in their details."""
    kind = _TYPES.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": refusal.message}
    if refusal.code == "insufficient_quota":
        error["details"] = {"error_code": "enforced_spend_limit_reached"}
    return {"type": "error", "error": error, "request_id": None}


def _own(ask: Ask) -> AnthropicAsk:
    assert isinstance(ask, AnthropicAsk), "what this module reads, it answers"
    return ask


def _head(made: Completion) -> dict[str, Any]:
    return {"id": f"msg_{made.id}", "type": "message", "role": "assistant", "model": made.served_model}


def _stop(ask: AnthropicAsk, made: Completion) -> tuple[str, dict[str, Any] | None]:
    if made.refusal:
        details = {"type": "refusal", "category": "general_harms", "explanation": made.refusal}
        return "refusal", details
    if ask.paused:
        return "pause_turn", None
    return ("max_tokens" if made.finish == "length" else "end_turn"), None


def _content(ask: AnthropicAsk, made: Completion) -> list[dict[str, Any]]:
    if made.refusal:
        return []
    blocks: list[dict[str, Any]] = []
    if made.usage.out_reasoning:
        blocks.append({"type": "thinking", "thinking": made.thinking, "signature": SIGNATURE})
    citations = []
    if made.usage.searches:
        call = f"srvtoolu_{made.id}"
        query = {"query": ask.prompt[:80]}
        page = {"url": SEARCHED_PAGE, "title": SEARCHED_TITLE}
        found = {**page, "type": "web_search_result", "encrypted_content": SIGNATURE, "page_age": None}
        blocks.append({"type": "server_tool_use", "id": call, "name": "web_search", "input": query})
        blocks.append({"type": "web_search_tool_result", "tool_use_id": call, "content": [found]})
        cited = {
            "type": "web_search_result_location",
            "encrypted_index": SIGNATURE,
            "cited_text": "Simulated.",
        }
        citations.append({**page, **cited})
    if made.text and not ask.paused:
        cites = {"citations": citations} if citations else {}
        blocks.append({"type": "text", "text": made.text, **cites})
    return blocks


def _begun(block: dict[str, Any]) -> dict[str, Any]:
    """A block as it starts: what the deltas bring is not there yet."""
    begun = {**block}
    for member, empty in (
        ("text", ""),
        ("thinking", ""),
        ("signature", ""),
        ("input", {}),
        ("citations", []),
    ):
        if member in block:
            begun[member] = empty
    return begun


def _deltas(index: int, block: dict[str, Any]) -> Iterator[Frame]:
    if block["type"] == "thinking":
        for piece in pieces(block["thinking"]):
            yield _delta(index, "thinking_delta", thinking=piece)
        yield _delta(index, "signature_delta", signature=block["signature"])
    elif block["type"] == "server_tool_use":
        written = orjson.dumps(block["input"]).decode()
        for part in ("", written[:9], written[9:]):
            yield _delta(index, "input_json_delta", partial_json=part)
    elif block["type"] == "text":
        for citation in block.get("citations", ()):
            yield _delta(index, "citations_delta", citation=citation)
        for piece in pieces(block["text"]):
            yield Frame(_delta(index, "text_delta", text=piece).data, piece)


def _delta(index: int, kind: str, **members: Any) -> Frame:
    return _event("content_block_delta", index=index, delta={"type": kind, **members})


def _event(kind: str, **members: Any) -> Frame:
    return Frame(b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **members}) + b"\n\n")
