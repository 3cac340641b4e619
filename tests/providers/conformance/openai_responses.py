"""OpenAI's Responses API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tests.helpers.scripted import event_stream
from tests.providers.conformance.openai_chat import OpenAIRefusals
from tests.providers.conformance.vendor import ANSWER_ID, COUNTS, PAGE_TITLE, PAGE_URL, Counts, Vendor


class Responses(Vendor):
    """The bodies and events of the Responses API."""

    declined_because = "No."

    def roles(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        said = [(message["role"], message["content"]) for message in body["input"]]
        return [each for each in said if each[0] in ("user", "assistant")]

    def instructions(self, body: Mapping[str, Any]) -> str:
        told = [one["content"] for one in body["input"] if one["role"] in ("system", "developer")]
        return "\n\n".join(told)

    def form(self, body: Mapping[str, Any]) -> Any:
        form = body.get("text", {}).get("format")
        if form is None:
            return None
        return form["schema"] if form["type"] == "json_schema" else "json"

    def limit(self, body: Mapping[str, Any]) -> int | None:
        limit: int | None = body.get("max_output_tokens")
        return limit

    def response(self, status: str, counts: Counts | None, **members: Any) -> dict[str, Any]:
        return {
            "id": ANSWER_ID,
            "object": "response",
            "model": self.served,
            "status": status,
            "usage": None if counts is None else self.usage(counts),
            "output": [],
            **members,
        }

    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "input_tokens": counts["prompt"],
            "output_tokens": counts["output"],
            "input_tokens_details": {
                "cached_tokens": counts["cached"],
                "cache_write_tokens": counts["written"],
            },
            "output_tokens_details": {"reasoning_tokens": counts["reasoned"]},
        }

    def begin(self) -> bytes:
        return _events({"type": "response.created", "response": self.response("in_progress", None)})

    def text(self, words: str) -> bytes:
        return _events({"type": "response.output_text.delta", "delta": words})

    def thought(self, words: str) -> bytes:
        return _events({"type": "response.reasoning_summary_text.delta", "delta": words})

    def end(self, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        if reason == "stop":
            return _events({"type": "response.completed", "response": self.response("completed", counts)})
        word = {"length": "max_output_tokens", "content_filter": "content_filter"}[reason]
        cut = self.response("incomplete", counts, incomplete_details={"reason": word})
        return _events({"type": "response.incomplete", "response": cut})

    def raw_usage(self, counts: Mapping[str, Any]) -> bytes:
        told = self.response("completed", None, usage=self.usage_of(counts))
        return _events({"type": "response.completed", "response": told})

    def broken(self, words: str) -> bytes:
        return _events({"type": "error", "code": "server_error", "message": words, "param": None})

    def declined(self) -> bytes:
        return self.begin() + _events({"type": "response.refusal.delta", "delta": "No."}) + self.end()

    def cited(self) -> bytes:
        note = {"type": "url_citation", "url": PAGE_URL, "title": PAGE_TITLE}
        added = {"type": "response.output_text.annotation.added", "annotation": note}
        searched = {"type": "web_search_call", "action": {"type": "search"}}
        part = {"type": "output_text", "text": "Hi", "annotations": [note]}
        output = [searched, {"type": "message", "content": [part]}]
        done = {"type": "response.completed", "response": self.response("completed", COUNTS, output=output)}
        return self.text("Hi") + _events(added, done)

    def whole(self, words: str) -> bytes:
        part = {"type": "output_text", "text": words, "annotations": []}
        output = [{"type": "message", "content": [part]}]
        return json.dumps(self.response("completed", COUNTS, output=output)).encode()


class OpenAIResponses(OpenAIRefusals, Responses):
    name = "openai responses"
    too_large = ({"cached": 150}, {"written": 150}, {"reasoned": 11})
    model = "gpt-5"
    served = "gpt-5-2025"
    path = "/v1/responses"
    gaps: ClassVar = {
        "test_json_is_asked_for_in_words_where_the_model_has_no_form_for_it": "such a model is asked on the chat API",
    }
    options: ClassVar = {"web_search_max_uses": 2}


def _events(*values: dict[str, Any]) -> bytes:
    return event_stream(*values, done=False)
