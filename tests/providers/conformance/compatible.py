"""A person's own server that speaks chat completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sidecar.providers.base import ChatRequest, ModelCapabilities, Provider
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.kernel.http import HttpClient
from tests.helpers import models
from tests.helpers.scripted import Reply
from tests.providers.conformance.openai_chat import ChatCompletions, error
from tests.providers.conformance.vendor import ORIGIN

_NO_TOOLS = "such servers have no tools of their own"
TRAITS = ModelCapabilities(frozenset({"streaming", "json_mode", "json_schema"}), (), 32_768, 4_096)


class CompatibleServer(ChatCompletions):
    name = "compatible"
    provider = "lab"
    title = "Lab"
    model = "llama"
    served = "llama-3"
    path = "/v1/chat/completions"
    key_path = "/v1/models"
    thinks_in = "reasoning"
    gaps: ClassVar = {
        "test_a_search_is_counted": _NO_TOOLS,
        "test_web_search_is_asked_for": _NO_TOOLS,
        "test_a_cache_of_an_hour_is_noted_where_the_vendor_has_none": "no such server is known to have a cache",
        "test_caching_that_the_model_has_is_not_noted": "no such server is known to have a cache to ask for",
        "test_a_404_for_the_key_speaks_of_no_model": "a server without a list of models judges no key",
    }

    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider:
        return Compatible(http, f"{origin}/v1", name=self.provider, title=self.title)

    @property
    def models(self) -> Sequence[str]:
        return [self.model]

    def ask(self, text: str = "Why?", *, model: str = "", **options: Any) -> ChatRequest:
        return models.ask(self.provider, model or self.model, text, **{"traits": TRAITS, **options})

    def key_header(self, key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"}

    def refusal(self, status: int, words: str) -> bytes:
        return error(words, code=status)

    def unknown_model(self) -> bytes:
        return error(f"model '{self.model}' not found, try pulling it first")

    def wrong_key(self) -> Reply:
        return Reply(401, {}, [error("No auth credentials found", code=401)])

    def too_long(self) -> Reply:
        return Reply(400, {}, [error("This model's maximum context length is 8 tokens.")])

    def spent(self) -> Reply:
        return Reply(402, {"retry-after": "5"}, [error("Insufficient credits", code=402)])

    def blocked(self) -> Reply:
        return Reply(400, {}, [error("No.", code="content_filter")])
