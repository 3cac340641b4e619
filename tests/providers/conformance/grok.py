"""xAI's chat completions and its Responses API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from sidecar.providers.base import Provider
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.scripted import Reply
from tests.providers.conformance.openai_chat import ChatCompletions
from tests.providers.conformance.openai_responses import Responses
from tests.providers.conformance.vendor import ORIGIN, Vendor

_NO_LIMIT = "the vendor publishes no limit on what a model can write"
_GAPS = {
    "test_a_saved_limit_that_the_model_cannot_reach_is_lowered_and_noted": _NO_LIMIT,
    "test_a_limit_that_the_model_cannot_reach_is_refused_when_it_was_asked_by_name": _NO_LIMIT,
    "test_the_largest_limit_can_be_asked_by_name": _NO_LIMIT,
}


def error(words: str, code: str = "Client specified an invalid argument") -> bytes:
    return json.dumps({"code": code, "error": words}).encode()


class GrokRefusals(Vendor):
    """How xAI says no: two strings, whose words tell more than the code."""

    provider = "grok"
    title = "xAI Grok"
    model = "grok-4.3"
    served = "grok-4.3-0901"
    key_path = "/v1/api-key"
    key_description = b'{"redacted_api_key": "xai-...a1b2", "api_key_blocked": false}'

    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider:
        return Grok(http, f"{origin}/v1")

    def key_header(self, key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"}

    def refusal(self, status: int, words: str) -> bytes:
        return error(words, "Internal error" if status >= 500 else "Client specified an invalid argument")

    def unknown_model(self) -> bytes:
        return error(f"The model {self.model} does not exist or your team has no access to it.")

    def wrong_key(self) -> Reply:
        return Reply(400, {}, [error("Incorrect API key provided: xa***1.")])

    def too_long(self) -> Reply:
        return Reply(400, {}, [error("This model's maximum prompt length is 1 but it has 2.")])

    def spent(self) -> Reply:
        return Reply(429, {"retry-after": "5"}, [error("Your team has used all available credits.")])

    def blocked(self) -> Reply:
        return Reply(403, {}, [error("Content violates usage guidelines.")])


class GrokChat(GrokRefusals, ChatCompletions):
    name = "grok chat"
    path = "/v1/chat/completions"
    gaps: ClassVar = {
        **_GAPS,
        "test_a_search_is_counted": "web search is asked of the Responses API",
        "test_web_search_is_asked_for": "web search is asked of the Responses API",
    }

    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        """What was reasoned stands beside the completion, not in it."""
        usage = super().usage_of(counts)
        whole, reasoned = counts["output"], counts["reasoned"]
        if type(whole) is int and type(reasoned) is int:
            usage["completion_tokens"] = whole - reasoned
        return usage


class GrokResponses(GrokRefusals, Responses):
    name = "grok responses"
    path = "/v1/responses"
    gaps: ClassVar = {
        **_GAPS,
        "test_json_is_asked_for_in_words_where_the_model_has_no_form_for_it": "such a model is asked on the chat API",
    }
    options: ClassVar = {"web_search_max_uses": 2}
