"""generateContent on Google's side of the wire: bodies in, JSON and streams out (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.providers.base import Usage
from sidecar.simulator.answers import pieces
from sidecar.simulator.bodies import SEARCHED_PAGE, SEARCHED_TITLE
from sidecar.simulator.counting import BYTES_PER_TOKEN
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest, Refusal
from sidecar.simulator.gemini.continuation import continuation_token
from sidecar.simulator.gemini.errors import error_body
from sidecar.simulator.gemini.request import GeminiRequest, read_request
from sidecar.simulator.gemini.usage import usage_metadata, usage_so_far


class GeminiContent:
    """A `Surface` for one model: Google names it in the path. `part_tokens` is the longest part of an answer."""

    EFFORT_PARAM = "generation_config.thinking_config"

    def __init__(self, model: str, *, stream: bool, part_tokens: int, bare_errors: bool = False) -> None:
        self.model = model
        self.stream = stream
        self.part_tokens = part_tokens
        self.bare_errors = bare_errors

    def read_request(self, body: Mapping[str, Any]) -> GeminiRequest:
        """Return what the body asks. Raise Refused for one that makes no sense."""
        return read_request(body, self.model, stream=self.stream, part_tokens=self.part_tokens)

    def whole(self, parsed: ParsedRequest, completion: Completion) -> bytes:
        """The answer as one JSON document."""
        parts = [{"text": completion.thinking, "thought": True}] if completion.thinking else []
        parts += [{"text": completion.text}] if completion.text else []
        return orjson.dumps(_response(completion, parts, completion.usage, _ending(parsed, completion)))

    def frames(self, parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
        """The answer as a stream whose usage grows with it."""
        size = 0
        for piece in pieces(completion.thinking):
            thought = [{"text": piece, "thought": True}]
            yield _event(_response(completion, thought, usage_so_far(completion.usage, 0)))
        for piece in pieces(completion.text):
            size += len(piece.encode("utf-8", "replace"))
            usage = usage_so_far(completion.usage, -(-size // BYTES_PER_TOKEN))
            yield _event(_response(completion, [{"text": piece}], usage), piece)
        parts = [] if completion.refusal else [{"text": ""}]
        yield _event(_response(completion, parts, completion.usage, _ending(parsed, completion)))

    def error_frame(self, refusal: Refusal, number: int) -> bytes:
        """An error in the middle of a stream: an event, or bare JSON over several lines."""
        if self.bare_errors:
            return json.dumps(error_body(refusal), indent=2).encode() + b"\n"
        return b"data: " + orjson.dumps(error_body(refusal)) + b"\r\n\r\n"

    def broken_frame(self, completion: Completion) -> bytes:
        """An event whose JSON ends too early."""
        return b'data: {"candidates": [{"content": {"par\r\n\r\n'


def _ending(parsed: ParsedRequest, completion: Completion) -> dict[str, Any]:
    """The members of the last chunk's candidate: why it ended, what to go on with, where it looked."""
    ending: dict[str, Any] = {"finishReason": _finish(parsed, completion)}
    if ending["finishReason"] == "CONTINUATION" and isinstance(parsed, GeminiRequest):
        said, spent = _so_far(parsed, completion)
        ending["continuationToken"] = continuation_token(said, spent)
    if completion.usage.searches:
        ending["groundingMetadata"] = {
            "webSearchQueries": [parsed.prompt[:80]] * completion.usage.searches,
            "groundingChunks": [{"web": {"uri": SEARCHED_PAGE, "title": SEARCHED_TITLE}}],
            "groundingSupports": [
                {"segment": {"startIndex": 0, "endIndex": 1}, "groundingChunkIndices": [0]},
            ],
            "searchEntryPoint": {"renderedContent": "<div>simulated</div>"},
        }
    return ending


def _finish(parsed: ParsedRequest, completion: Completion) -> str:
    if completion.refusal:
        return "SAFETY"
    if completion.finish == "stop" or not isinstance(parsed, GeminiRequest):
        return "STOP"
    said, spent = _so_far(parsed, completion)
    if parsed.limit is not None and spent >= parsed.limit:
        return "MAX_TOKENS"
    if parsed.said and parsed.ordered is not None and said >= parsed.ordered:
        return "STOP"
    full = parsed.continues and completion.usage.out_total == parsed.max_output_tokens
    return "CONTINUATION" if full else "MAX_TOKENS"


def _so_far(parsed: GeminiRequest, completion: Completion) -> tuple[int, int]:
    return parsed.said + completion.usage.out_visible, parsed.spent + completion.usage.out_total


def _response(
    completion: Completion, parts: list[dict[str, Any]], usage: Usage, ending: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    content: dict[str, Any] = {"role": "model"}
    if parts:
        content["parts"] = parts
    return {
        "candidates": [{"content": content, "index": 0, **(ending or {})}],
        "usageMetadata": usage_metadata(usage),
        "modelVersion": completion.served_model,
        "responseId": completion.id,
    }


def _event(value: Mapping[str, Any], text: str = "") -> Frame:
    return Frame(b"data: " + orjson.dumps(value) + b"\r\n\r\n", text)
