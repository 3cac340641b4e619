"""The lines of OpenAI's batches: a row as the vendor takes it, and what it says came of one (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Literal

import orjson

from sidecar.providers.base import BatchResult, PreparedCall, Usage
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.bodies import encode_json
from sidecar.providers.kernel.errors import refused_response, stream_failure
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.usage import responses_usage

ReadResponse = Callable[[Mapping[str, Any]], Usage | None]
ENDPOINT = "/v1/responses"

_STREAMING = frozenset({"stream", "stream_options"})
_RENAMED = {"messages": "input", "max_completion_tokens": "max_output_tokens"}
_NEVER_RAN: Mapping[str, Literal["expired", "cancelled"]] = {
    "batch_expired": "expired",
    "batch_cancelled": "cancelled",
}


def input_line(custom_id: str, plan: PreparedCall) -> bytes:
    """The row as a line of the input file, without a line end.

    A file goes to one endpoint, and only Responses takes every row: one of chat completions is put into its words.
    """
    body = {name: value for name, value in plan.body.items() if name not in _STREAMING}
    if plan.path == "/chat/completions":
        body = _as_response(body)
    return encode_json({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def _as_response(body: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"store": False}
    for name, value in body.items():
        if name == "reasoning_effort":
            made["reasoning"] = {"effort": value}
        elif name == "response_format":
            made["text"] = {"format": {"type": value["type"], **value.get("json_schema", {})}}
        else:
            made[_RENAMED.get(name, name)] = value
    return made


def outcome(
    line: Mapping[str, Any], asked: Asked, now_ms: int, read_usage: ReadResponse = responses_usage
) -> BatchResult | None:
    """What came of the row of an output or error line; None for a line that names no row."""
    custom_id = line.get("custom_id")
    if not isinstance(custom_id, str):
        return None
    response, error = as_mapping(line.get("response")), as_mapping(line.get("error"))
    if not response:
        never_ran = _NEVER_RAN.get(str(error.get("code")))
        if never_ran is not None:
            return BatchResult(custom_id, never_ran=never_ran)
        return BatchResult(custom_id, failure=stream_failure(line, asked, produced=False))
    status, body = response.get("status_code"), as_mapping(response.get("body"))
    if isinstance(status, int) and not 200 <= status < 300:
        headers = {"x-request-id": str(response.get("request_id") or "")}
        return BatchResult(
            custom_id, failure=refused_response(status, headers, orjson.dumps(body), asked, now_ms)
        )
    reader = ResponsesReader(asked, read_usage=read_usage)
    events = chain(reader.take(body), reader.finish())
    return outcome_of(custom_id, events, model=body.get("model"), response_id=body.get("id"))
