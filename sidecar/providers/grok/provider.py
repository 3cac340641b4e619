"""xAI Grok: chat completions, and the Responses API for what only that does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Event, PreparedCall
from sidecar.providers.grok.errors import grok_words, key_problem
from sidecar.providers.grok.usage import chat_usage, responses_usage
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.openai_family.errors import Asked
from sidecar.providers.openai_family.exchange import (
    Attempt,
    Reader,
    authorization,
    exchange,
    judge_key,
    refusal_reader,
)
from sidecar.providers.openai_family.json_by_prompt import schema_in_words
from sidecar.providers.openai_family.options import Dialect, resolve_options
from sidecar.providers.openai_family.request import ChatReader, chat_body
from sidecar.providers.openai_family.responses import ResponsesReader, responses_body

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

GROK = Dialect(
    "xAI Grok",
    developer_role=False,
    temperature_while_reasoning=True,
    # An effort is refused by every model that the vendor does not list one for.
    unlisted_efforts=(),
    loose_schemas=False,
    search_limit_field=None,
    chat_stream_options={"include_usage": True},
    responses_stream_options=None,
)
_CHAT = "/chat/completions"
_ONLY_RESPONSES = "multi-agent"
_ABOUT_SCHEMA = re.compile(r"schema|response_format|text\.format", re.I)
# A proxy in front of the vendor, or a key with few rights, need not know the path that describes keys.
_NO_DESCRIPTION = frozenset({403, 404, 405})


class Grok:
    """A `base.Provider`. `base_url` ends with `/v1`, as the vendor's own does."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "grok") -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/")

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = resolve_options(request, GROK, only_responses=_ONLY_RESPONSES in request.model)
        on_chat = choices.api == "chat"
        headers = {"accept": "text/event-stream"}
        body = (chat_body if on_chat else responses_body)(request, choices, GROK)
        if request.cache_ttl is not None and "prompt_caching" in request.traits.features:
            place = cache_place(request)
            if on_chat:
                headers["x-grok-conv-id"] = place
            else:
                body["prompt_cache_key"] = place
        return PreparedCall(
            path=_CHAT if on_chat else "/responses",
            headers=headers,
            body=body,
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
        )

    def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        A schema that the vendor refuses is asked for in words. Raises Failure when nothing was run,
        OutcomeUnknown when something may have been.
        """
        asked = self._asked(key, str(plan.body["model"]))
        reader: Reader = (
            ChatReader(asked, read_usage=chat_usage)
            if plan.path == _CHAT
            else ResponsesReader(asked, read_usage=responses_usage)
        )
        attempt = Attempt(self._base_url + plan.path, plan.body)
        return exchange(self._http, attempt, plan.headers, asked, reader, pacer=pacer, another=without_schema)

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        asked = self._asked(key)
        try:
            description = await self._http.json(
                "GET",
                f"{self._base_url}/api-key",
                {"accept": "application/json", **authorization(asked)},
                read_refusal=refusal_reader(self._http, asked),
                peer=asked.title,
            )
        except Failure as failure:
            if failure.status in _NO_DESCRIPTION:
                return await judge_key(self._http, f"{self._base_url}/models", asked)
            if failure.kind == "invalid_api_key":
                return failure.message
            if failure.kind == "rate_limited":
                return None
            raise
        return key_problem(description)

    def _asked(self, key: str, model: str | None = None) -> Asked:
        return grok_asked(self.name, key, model)


def grok_asked(provider: str, key: str, model: str | None = None) -> Asked:
    return Asked(GROK.title, provider, model, key, translate=grok_words)


def cache_place(request: ChatRequest) -> str:
    """A name for the beginning of the prompt: requests that share one find the cache of the first."""
    beginning = [text for text in (request.system, request.developer) if text]
    if not beginning:
        beginning = [request.turns[0].text]
    digest = hashlib.sha256("\x00".join(beginning).encode("utf-8", "replace"))
    return f"abai-{digest.hexdigest()[:32]}"


def without_schema(attempt: Attempt, failure: Failure) -> Attempt | None:
    """What the vendor makes of a keyword that it does not know is not published; words it always takes."""
    if failure.status not in (400, 422) or failure.kind != "provider_rejected":
        return None
    if not _ABOUT_SCHEMA.search(failure.detail or ""):
        return None
    body = schema_in_words(attempt.body)
    return None if body is None else Attempt(attempt.url, body)


def make(http: HttpClient, row: Row, base_url: str) -> Grok:
    """Return the provider of a registry row."""
    return Grok(http, base_url, name=row.name)
