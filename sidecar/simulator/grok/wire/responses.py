"""The Responses API on xAI's side of the wire: OpenAI's events, with xAI's usage and list of pages (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.simulator.bodies import SEARCHED_PAGE
from sidecar.simulator.exchange import Completion, Frame, ParsedRequest
from sidecar.simulator.grok.usage import responses_usage
from sidecar.simulator.json_by_prompt import apply_json_prompt
from sidecar.simulator.openai_family import responses
from sidecar.simulator.openai_family.request import read_responses
from sidecar.simulator.openai_family.responses import broken_frame, error_frame

__all__ = ["EFFORT_PARAM", "broken_frame", "error_frame", "frames", "read_request", "whole"]

EFFORT_PARAM = "reasoning.effort"


def read_request(body: Mapping[str, Any]) -> ParsedRequest:
    """What the body asks. Raises Refused for one that makes no sense."""
    return apply_json_prompt(read_responses(body))


def whole(parsed: ParsedRequest, completion: Completion) -> bytes:
    """The response as one JSON document."""
    return responses.whole(parsed, completion, _with_usage)


def frames(parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
    """The response as a stream of numbered events."""
    return responses.frames(parsed, completion, _with_usage)


def _with_usage(completion: Completion, response: dict[str, Any]) -> dict[str, Any]:
    if response["status"] == "in_progress":
        return response
    pages = [SEARCHED_PAGE] if completion.usage.searches else []
    return {**response, "usage": responses_usage(completion), "citations": pages}
