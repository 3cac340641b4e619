"""OpenAI's chat completions, and how everybody who took them over spells an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sidecar.providers.base import Provider
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from tests.helpers.scripted import Reply, event_stream
from tests.providers.conformance.vendor import ANSWER_ID, COUNTS, ORIGIN, PAGE_TITLE, PAGE_URL, Counts, Vendor

_CODES = {401: "invalid_api_key", 404: "unknown_url", 429: "rate_limit_exceeded"}


def error(words: str, **members: Any) -> bytes:
    return json.dumps(
        {"error": {"message": words, "type": None, "param": None, "code": None, **members}}
    ).encode()


class OpenAIRefusals(Vendor):
    """How OpenAI says no, on either of its APIs."""

    provider = "openai"
    title = "OpenAI"
    key_path = "/v1/models"

    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider:
        return OpenAI(http, f"{origin}/v1/")

    def key_header(self, key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"}

    def refusal(self, status: int, words: str) -> bytes:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return error(words, type=kind, code=_CODES.get(status))

    def unknown_model(self) -> bytes:
        return error(f"The model `{self.model}` does not exist.", code="model_not_found")

    def wrong_key(self) -> Reply:
        return Reply(401, {}, [error("Incorrect API key provided.", code="invalid_api_key")])

    def too_long(self) -> Reply:
        return Reply(400, {}, [error("It has 9 tokens.", code="context_length_exceeded")])

    def spent(self) -> Reply:
        return Reply(429, {"retry-after": "5"}, [error("You exceeded it.", code="insufficient_quota")])

    def blocked(self) -> Reply:
        return Reply(400, {}, [error("No.", code="content_policy_violation")])


class ChatCompletions(Vendor):
    """The bodies and chunks of chat completions."""

    thinks_in = "reasoning_content"
    declined_because = "I can't do that."

    def roles(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        said = [(message["role"], message["content"]) for message in body["messages"]]
        return [each for each in said if each[0] in ("user", "assistant")]

    def instructions(self, body: Mapping[str, Any]) -> str:
        told = [one["content"] for one in body["messages"] if one["role"] in ("system", "developer")]
        return "\n\n".join(told)

    def form(self, body: Mapping[str, Any]) -> Any:
        form = body.get("response_format")
        if form is None:
            return None
        return form["json_schema"]["schema"] if form["type"] == "json_schema" else "json"

    def limit(self, body: Mapping[str, Any]) -> int | None:
        limit: int | None = body.get("max_completion_tokens", body.get("max_tokens"))
        return limit

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {"id": ANSWER_ID, "model": self.served, "choices": choices, "usage": None, **more}

    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "prompt_tokens": counts["prompt"],
            "completion_tokens": counts["output"],
            "prompt_tokens_details": {
                "cached_tokens": counts["cached"],
                "cache_write_tokens": counts["written"],
            },
            "completion_tokens_details": {"reasoning_tokens": counts["reasoned"]},
        }

    def begin(self) -> bytes:
        return event_stream(self.chunk({"role": "assistant", "content": ""}), done=False)

    def text(self, words: str) -> bytes:
        return event_stream(self.chunk({"content": words}), done=False)

    def thought(self, words: str) -> bytes:
        return event_stream(self.chunk({self.thinks_in: words}), done=False)

    def end(self, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        last = self.chunk({}, reason)
        if counts is None:
            return event_stream(last)
        return event_stream(last, {**last, "choices": [], "usage": self.usage(counts)})

    def raw_usage(self, counts: Mapping[str, Any]) -> bytes:
        return event_stream(self.chunk({"content": "Hi"}, "stop", usage=self.usage_of(counts)))

    def broken(self, words: str) -> bytes:
        return event_stream({"error": {"message": words, "type": "server_error", "code": None}}, done=False)

    def declined(self) -> bytes:
        pieces = [self.chunk({"refusal": "I can't "}), self.chunk({"refusal": "do that."})]
        return event_stream(*pieces, done=False) + self.end()

    def cited(self) -> bytes:
        note = {"type": "url_citation", "url_citation": {"url": PAGE_URL, "title": PAGE_TITLE}}
        cites = event_stream(*[self.chunk({"annotations": [note]})] * 2, done=False)
        return self.text("Hi") + cites + self.end()

    def whole(self, words: str) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}
        return json.dumps(
            {"id": ANSWER_ID, "model": self.served, "choices": [choice], "usage": self.usage(COUNTS)}
        ).encode()


class OpenAIChat(OpenAIRefusals, ChatCompletions):
    name = "openai chat"
    too_large = ({"cached": 150}, {"written": 150}, {"reasoned": 11})
    model = "gpt-5"
    served = "gpt-5-2025"
    path = "/v1/chat/completions"
    gaps: ClassVar = {
        "test_a_search_is_counted": "web search is asked of the Responses API",
        "test_web_search_is_asked_for": "web search is asked of the Responses API",
    }
