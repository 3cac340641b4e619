"""xAI Grok: chat completions, and the Responses API for what only that does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import TYPE_CHECKING

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Event, ListedModel, PreparedCall
from sidecar.providers.grok.errors import GROK, describes_key, key_problem
from sidecar.providers.grok.request import DIALECT, cache_place
from sidecar.providers.grok.usage import VIOLATION_FEE_USD, chat_usage, responses_usage, with_violation_fee
from sidecar.providers.kernel.client import VendorClient, about_key
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.exchange import exchange
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.model_lists import after_last, list_models
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.refused_forms import RefusedForms
from sidecar.providers.openai_family.errors import why_not_taken
from sidecar.providers.openai_family.options import resolve_options
from sidecar.providers.openai_family.refused_forms import RULES, limit_in
from sidecar.providers.openai_family.request import chat_body, responses_body
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.stream import ChatReader

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

_CHAT = "/chat/completions"
_ONLY_RESPONSES = "multi-agent"
# A proxy in front of the vendor, or a key with few rights, need not know the path that describes keys.
_NO_DESCRIPTION = frozenset({403, 404, 405})


class Grok:
    """A `base.Provider`. `base_url` ends with `/v1`, as the vendor's own does."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "grok") -> None:
        self.name = name
        self._api = VendorClient(http, GROK, name)
        self._base_url = base_url.rstrip("/")
        self._refused = RefusedForms(name, RULES, limit_in)

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = resolve_options(request, DIALECT, only_responses=_ONLY_RESPONSES in request.model)
        on_chat = choices.api == "chat"
        headers = {"accept": "text/event-stream"}
        body = (chat_body if on_chat else responses_body)(request, choices, DIALECT)
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
            refusal_usd=Decimal(0) if on_chat else VIOLATION_FEE_USD,
            asked=request.asked,
        )

    def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        A schema that the vendor refuses is asked for in words. Raises Failure when nothing was run,
        OutcomeUnknown when something may have been.
        """
        asked = self._api.asked(key, str(plan.body["model"]))
        reader: Reader = (
            ChatReader(asked, read_usage=chat_usage)
            if plan.path == _CHAT
            else ResponsesReader(asked, read_usage=responses_usage)
        )
        answer = exchange(
            self._api, self._base_url + plan.path, plan, asked, reader, self._refused, pacer=pacer
        )
        return answer if plan.path == _CHAT else with_violation_fee(answer)

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        asked = self._api.asked(key)
        try:
            description = await self._api.json("GET", f"{self._base_url}/api-key", asked)
            self._api.refuse_error(description, asked)
            if not describes_key(description):
                return why_not_taken(await self._api.key_refusal(f"{self._base_url}/models", asked))
        except Failure as failure:
            if failure.status in _NO_DESCRIPTION:
                return why_not_taken(await self._api.key_refusal(f"{self._base_url}/models", asked))
            refused = about_key(failure)
            return refused.message if refused is not None else None
        return key_problem(description)

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models that the key can use. Costs nothing. Raises Failure."""
        return await list_models(self._api, f"{self._base_url}/models", key, "after", after_last)


def make(http: HttpClient, row: ProviderRow, base_url: str) -> Grok:
    """Return the provider of a registry row."""
    return Grok(http, base_url, name=row.name)
