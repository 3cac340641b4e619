"""Google's generateContent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sidecar.providers.base import Provider
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.gemini import sse
from tests.helpers.scripted import Reply
from tests.providers.conformance.vendor import ANSWER_ID, COUNTS, ORIGIN, PAGE_TITLE, PAGE_URL, Counts, Vendor

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC = "type.googleapis.com/google.rpc."
_NO_WRITES = "the vendor does not tell what it wrote into its cache"


def error(status: int, words: str, *details: dict[str, Any]) -> bytes:
    told = {"code": status, "message": words, "status": _WORDS.get(status, ""), "details": list(details)}
    return json.dumps({"error": told}).encode()


class GeminiContent(Vendor):
    name = "gemini"
    provider = "gemini"
    title = "Gemini"
    model = "gemini-3.8-flash"
    served = "gemini-3.8-flash-001"
    path = "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    key_path = "/v1beta/models?pageSize=1"
    version = "/v1beta"
    declined_because = "SAFETY"
    kinds: ClassVar = {504: ("timeout", True)}
    gaps: ClassVar = {
        "test_what_is_written_into_the_cache_is_a_part_of_the_prompt": _NO_WRITES,
        "test_content_that_the_vendors_rules_forbid_is_said_to_be": "no refusal by status: it is told inside an answer",
    }

    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider:
        return Gemini(http, f"{origin}/")

    def key_header(self, key: str) -> Mapping[str, str]:
        return {"x-goog-api-key": key}

    def roles(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return [
            (
                "assistant" if one["role"] == "model" else one["role"],
                "".join(part["text"] for part in one["parts"]),
            )
            for one in body["contents"]
        ]

    def instructions(self, body: Mapping[str, Any]) -> str:
        parts = body.get("systemInstruction", {}).get("parts", ())
        return "\n\n".join(part["text"] for part in parts)

    def form(self, body: Mapping[str, Any]) -> Any:
        config = body.get("generationConfig", {})
        return config.get("responseJsonSchema", "json") if "responseMimeType" in config else None

    def limit(self, body: Mapping[str, Any]) -> int | None:
        limit: int | None = body.get("generationConfig", {}).get("maxOutputTokens")
        return limit

    def chunk(self, *parts: dict[str, Any], **members: Any) -> dict[str, Any]:
        content = {"role": "model", **({"parts": list(parts)} if parts else {})}
        candidate = {"content": content, "index": 0, **members}
        return {"candidates": [candidate], "modelVersion": self.served, "responseId": ANSWER_ID}

    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        """What was reasoned stands beside the candidates, not in them."""
        written, reasoned = counts["output"], counts["reasoned"]
        whole = type(written) is int and type(reasoned) is int
        return {
            "promptTokenCount": counts["prompt"],
            "cachedContentTokenCount": counts["cached"],
            "candidatesTokenCount": written - reasoned if whole else written,
            "thoughtsTokenCount": reasoned,
        }

    def begin(self) -> bytes:
        return sse(self.chunk())

    def text(self, words: str) -> bytes:
        return sse(self.chunk({"text": words}))

    def thought(self, words: str) -> bytes:
        return sse(self.chunk({"text": words, "thought": True}))

    def end(self, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        word = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}[reason]
        last = self.chunk(finishReason=word)
        return sse(last if counts is None else {**last, "usageMetadata": self.usage(counts)})

    def raw_usage(self, counts: Mapping[str, Any]) -> bytes:
        return sse(
            {**self.chunk({"text": "Hi"}, finishReason="STOP"), "usageMetadata": self.usage_of(counts)}
        )

    def broken(self, words: str) -> bytes:
        return sse({"error": {"code": 503, "message": words, "status": "UNAVAILABLE"}})

    def declined(self) -> bytes:
        return self.end("content_filter")

    def cited(self) -> bytes:
        page = {"web": {"uri": PAGE_URL, "title": PAGE_TITLE}}
        grounding = {"webSearchQueries": ["x"], "groundingChunks": [page, page]}
        return sse(self.chunk({"text": "Hi"}, groundingMetadata=grounding)) + self.end()

    def whole(self, words: str) -> bytes:
        return json.dumps(
            {**self.chunk({"text": words}, finishReason="STOP"), "usageMetadata": self.usage(COUNTS)}
        ).encode()

    def refusal(self, status: int, words: str) -> bytes:
        return error(status, words)

    def unknown_model(self) -> bytes:
        return error(404, f"models/{self.model} is not found for API version v1beta.")

    def wrong_key(self) -> Reply:
        reason = {"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID"}
        return Reply(400, {}, [error(400, "API key not valid. Please pass a valid API key.", reason)])

    def too_long(self) -> Reply:
        words = "The input token count (9) exceeds the maximum number of tokens allowed (8)."
        return Reply(400, {}, [error(400, words)])

    def spent(self) -> Reply:
        words = "Your prepayment credits are depleted."
        return Reply(429, {"retry-after": "5"}, [error(429, words)])

    def blocked(self) -> Reply:
        raise NotImplementedError

    def busy(self, seconds: int) -> Reply:
        delay = {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{seconds}s"}
        return Reply(429, {}, [error(429, "Slow down.", delay)])
