"""The Responses API on OpenAI's side of the wire: bodies in, JSON and event streams out (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.simulator.exchange import Completion, Frame, ParsedRequest
from sidecar.simulator.openai.usage import responses_usage, tool_usage
from sidecar.simulator.openai_family import responses
from sidecar.simulator.openai_family.request import read_responses
from sidecar.simulator.openai_family.responses import broken_frame, error_frame

__all__ = ["EFFORT_PARAM", "broken_frame", "error_frame", "frames", "read_request", "whole"]

EFFORT_PARAM = "reasoning.effort"


def read_request(body: Mapping[str, Any]) -> ParsedRequest:
    """Return what the body asks. Raise Refused for one that makes no sense."""
    return read_responses(body)


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """Return the response as one JSON document."""
    return responses.whole(parsed, completion, _with_usage)


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """Yield the response as a stream of numbered events."""
    return responses.frames(parsed, completion, _with_usage)


def _with_usage(completion: Completion, response: dict[str, Any]) -> dict[str, Any]:
    begun = response["status"] == "in_progress"
    usage = None if begun else responses_usage(completion.usage)
    return {**response, "tool_usage": tool_usage(completion.usage.searches), "usage": usage}
