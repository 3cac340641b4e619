"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import Provider
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.scripted import Reply
from tests.providers.conformance.vendor import (
    ANSWER_ID,
    COUNTS,
    ORIGIN,
    PAGE_TITLE,
    PAGE_URL,
    Counts,
    Vendor,
)

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error(kind: str, words: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": words}}).encode()


class AnthropicMessages(Vendor):
    name = "anthropic"
    provider = "anthropic"
    title = "Anthropic"
    model = "claude-sonnet-5-5"
    served = "claude-sonnet-5-5-20261101"
    path = "/v1/messages"
    key_path = "/v1/models?limit=1"
    request_id_header = "request-id"
    # Whatever is too large is the prompt.
    version = ""
    no_thinking = "has no extended thinking"
    words_are_its_json_mode = True
    declined_because = "bio: No."
    too_large = ({"reasoned": 11},)
    kinds: ClassVar = {413: ("context_length_exceeded", False)}
    gaps: ClassVar = {
        "test_a_cache_of_an_hour_is_noted_where_the_vendor_has_none": "the vendor has one",
        "test_json_without_a_schema_has_the_vendors_own_form": "there is no mode for JSON without a schema",
        "test_a_limit_that_is_not_wanted_is_not_sent": "a limit is required",
    }

    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider:
        return Anthropic(http, f"{origin}/")

    def key_header(self, key: str) -> Mapping[str, str]:
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}

    def roles(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return [(one["role"], "".join(block["text"] for block in one["content"])) for one in body["messages"]]

    def instructions(self, body: Mapping[str, Any]) -> str:
        return "\n\n".join(block["text"] for block in body.get("system", ()))

    def form(self, body: Mapping[str, Any]) -> Any:
        return body.get("output_config", {}).get("format", {}).get("schema")

    def limit(self, body: Mapping[str, Any]) -> int | None:
        limit: int | None = body.get("max_tokens")
        return limit

    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        """What was cached and written stands beside the rest of the prompt, not in it."""
        parts = (counts["prompt"], counts["cached"], counts["written"])
        whole = all(type(part) is int for part in parts)
        return {
            "input_tokens": parts[0] - parts[1] - parts[2] if whole else parts[0],
            "cache_read_input_tokens": counts["cached"],
            "cache_creation_input_tokens": counts["written"],
            "output_tokens": counts["output"],
            "output_tokens_details": {"thinking_tokens": counts["reasoned"]},
            "server_tool_use": {"web_search_requests": counts.get("searches")},
        }

    def begin(self) -> bytes:
        message = {"id": ANSWER_ID, "type": "message", "model": self.served, "content": []}
        return _events({"type": "message_start", "message": message})

    def text(self, words: str) -> bytes:
        return _events(_block("text", text=""), _delta("text_delta", text=words))

    def thought(self, words: str) -> bytes:
        return _events(
            {**_block("thinking", thinking="", signature=""), "index": 7},
            {**_delta("thinking_delta", thinking=words), "index": 7},
        )

    def end(self, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        word = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}[reason]
        delta: dict[str, Any] = {"stop_reason": word}
        if word == "refusal":
            delta["stop_details"] = {"type": "refusal", "category": "bio", "explanation": "No."}
        told: dict[str, Any] = {"type": "message_delta", "delta": delta}
        if counts is not None:
            told["usage"] = self.usage(counts)
        return _events(told, {"type": "message_stop"})

    def raw_usage(self, counts: Mapping[str, Any]) -> bytes:
        ended = {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": self.usage_of(counts),
        }
        return self.begin() + self.text("Hi") + _events(ended, {"type": "message_stop"})

    def broken(self, words: str) -> bytes:
        return _events({"type": "error", "error": {"type": "overloaded_error", "message": words}})

    def declined(self) -> bytes:
        return self.begin() + self.thought("Hm") + self.end("content_filter")

    def cited(self) -> bytes:
        cite = {"type": "web_search_result_location", "url": PAGE_URL, "title": PAGE_TITLE, "cited_text": "a"}
        said = _block("text", text="", citations=[cite, cite])
        return (
            self.begin()
            + _events(said, _delta("text_delta", text="Hi"))
            + self.end(counts=Counts(searches=1))
        )

    def whole(self, words: str) -> bytes:
        message = {
            "type": "message",
            "id": ANSWER_ID,
            "model": self.served,
            "content": [{"type": "text", "text": words}],
            "stop_reason": "end_turn",
            "usage": self.usage(COUNTS),
        }
        return json.dumps(message).encode()

    def refusal(self, status: int, words: str) -> bytes:
        return error(_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error"), words)

    def unknown_model(self) -> bytes:
        return error("not_found_error", f"model: {self.model}")

    def wrong_key(self) -> Reply:
        return Reply(401, {}, [error("authentication_error", "invalid x-api-key")])

    def too_long(self) -> Reply:
        return Reply(400, {}, [error("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum")])

    def spent(self) -> Reply:
        words = "Your credit balance is too low to use the API."
        return Reply(400, {"retry-after": "5"}, [error("invalid_request_error", words)])

    def blocked(self) -> Reply:
        return Reply(400, {}, [error("invalid_request_error", "Output blocked by content filtering policy")])


def _events(*values: dict[str, Any]) -> bytes:
    return "".join(f"event: {value['type']}\ndata: {json.dumps(value)}\n\n" for value in values).encode()


def _block(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind, **members}}


def _delta(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **members}}
