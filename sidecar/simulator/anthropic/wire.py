"""Messages on Anthropic's side of the wire: bodies in, JSON and event streams out (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.simulator.answers import pieces
from sidecar.simulator.anthropic import request
from sidecar.simulator.anthropic.errors import error_body
from sidecar.simulator.anthropic.request import AnthropicRequest
from sidecar.simulator.anthropic.usage import end_usage, start_usage
from sidecar.simulator.bodies import SEARCHED_PAGE, SEARCHED_TITLE, named_event
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal

EFFORT_PARAM = "output_config.effort"
SIGNATURE = "c2ltdWxhdGVk"


def read_request(body: Mapping[str, Any]) -> ParsedRequest:
    """What the body asks. Raises Refused for one that makes no sense."""
    return request.read_request(body)


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """The message as one JSON document."""
    mine = _own(parsed)
    stop, details = _stop(mine, completion)
    return orjson.dumps(
        {
            **_head(completion),
            "content": _content(mine, completion),
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details,
            "usage": {**start_usage(completion.usage), **end_usage(completion.usage)},
        }
    )


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """The message as a stream of events."""
    mine = _own(parsed)
    start = {**_head(completion), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**start, "usage": start_usage(completion.usage)})
    pinged = False
    for index, block in enumerate(_content(mine, completion)):
        yield _event("content_block_start", index=index, content_block=_begun(block))
        if not pinged:
            yield _event("ping")
            pinged = True
        yield from _deltas(index, block)
        yield _event("content_block_stop", index=index)
    stop, details = _stop(mine, completion)
    delta = {"stop_reason": stop, "stop_sequence": None, "stop_details": details}
    yield _event("message_delta", delta=delta, usage=end_usage(completion.usage))
    yield _event("message_stop")


def error_frame(refusal: Refusal, number: int) -> bytes:
    """An error in the middle of a stream. Its events are not numbered."""
    return _event("error", **{key: value for key, value in error_body(refusal).items() if key != "type"}).data


def broken_frame(completion: Completion) -> bytes:
    """An event whose JSON ends too early."""
    return b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'


def _own(parsed: ParsedRequest) -> AnthropicRequest:
    assert isinstance(parsed, AnthropicRequest), "what this module reads, it answers"
    return parsed


def _head(completion: Completion) -> dict[str, Any]:
    return {
        "id": f"msg_{completion.id}",
        "type": "message",
        "role": "assistant",
        "model": completion.served_model,
    }


def _stop(parsed: AnthropicRequest, completion: Completion) -> tuple[str, dict[str, Any] | None]:
    if completion.refusal:
        details = {"type": "refusal", "category": "general_harms", "explanation": completion.refusal}
        return "refusal", details
    if parsed.paused:
        return "pause_turn", None
    return ("max_tokens" if completion.finish == "length" else "end_turn"), None


def _content(parsed: AnthropicRequest, completion: Completion) -> list[dict[str, Any]]:
    if completion.refusal:
        return []
    blocks: list[dict[str, Any]] = []
    if completion.usage.out_reasoning:
        blocks.append({"type": "thinking", "thinking": completion.thinking, "signature": SIGNATURE})
    citations = []
    if completion.usage.searches:
        call = f"srvtoolu_{completion.id}"
        query = {"query": parsed.prompt[:80]}
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
    if completion.text and not parsed.paused:
        cites = {"citations": citations} if citations else {}
        blocks.append({"type": "text", "text": completion.text, **cites})
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
    return Frame(named_event(kind, members))
