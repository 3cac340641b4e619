"""OpenAI: decide, send, read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from sidecar.providers.base import ChatRequest, Event, ListedModel, PreparedCall
from sidecar.providers.bills import BilledLine, MinuteUsage, TierTokens
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.exchange import exchange
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.model_lists import after_last, list_models
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.refused_forms import RefusedForms
from sidecar.providers.openai.costs import organization_costs
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai.minutes import usage_of_minutes
from sidecar.providers.openai.region import marked, surcharges
from sidecar.providers.openai.tiers import tokens_by_tier
from sidecar.providers.openai_family.errors import why_not_taken
from sidecar.providers.openai_family.options import Dialect, resolve_options
from sidecar.providers.openai_family.refused_forms import RULES, limit_in
from sidecar.providers.openai_family.request import chat_body, responses_body
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.stream import ChatReader
from sidecar.providers.openai_family.usage import chat_usage, responses_usage

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

DIALECT = Dialect(OPENAI.title)


class OpenAI:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, with `/v1`."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "openai") -> None:
        self.name = name
        self._api = VendorClient(http, OPENAI, name)
        self._base_url = base_url.rstrip("/")
        self._refused = RefusedForms(name, RULES, limit_in)
        self._surcharges = surcharges(base_url)
        self._read_chat = marked(chat_usage, self._surcharges)
        self._read_response = marked(responses_usage, self._surcharges)

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        by_responses = request.traits.extra.get("api") == "responses"
        choices = resolve_options(request, DIALECT, only_responses=by_responses)
        on_chat = choices.api == "chat"
        write = chat_body if on_chat else responses_body
        return PreparedCall(
            path="/chat/completions" if on_chat else "/responses",
            headers={"accept": "text/event-stream"},
            body=write(request, choices, DIALECT),
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
            surcharges=self._surcharges,
            asked=request.asked,
        )

    def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        What the vendor refuses for its form is asked in another one. Raises Failure when nothing was run,
        OutcomeUnknown when something may have been.
        """
        asked = self._api.asked(key, str(plan.body["model"]))
        reader: Reader = (
            ChatReader(asked, read_usage=self._read_chat)
            if plan.path == "/chat/completions"
            else ResponsesReader(asked, read_usage=self._read_response)
        )
        return exchange(
            self._api, self._base_url + plan.path, plan, asked, reader, self._refused, pacer=pacer
        )

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        return why_not_taken(await self._api.key_refusal(f"{self._base_url}/models", self._api.asked(key)))

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models that the key can use. Costs nothing. Raises Failure."""
        return await list_models(self._api, f"{self._base_url}/models", key, "after", after_last)

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return what the organisation of an admin key spent, by the vendor's day. Raises Failure."""
        return await organization_costs(self._api, self._base_url, key, first, last)

    async def tiers(self, key: str, first: date, last: date) -> tuple[TierTokens, ...]:
        """Return the tokens of the organisation of an admin key by service tier. Raises Failure."""
        return await tokens_by_tier(self._api, self._base_url, key, first, last)

    async def minutes(self, key: str, model: str, first_ms: int, end_ms: int) -> MinuteUsage | None:
        """Return what the model's requests used in these minutes. Raises Failure."""
        found = await usage_of_minutes(self._api, self._base_url, key, model, first_ms, end_ms)
        if found is None or not self._surcharges:
            return found
        return replace(found, usage=replace(found.usage, surcharges=self._surcharges))


def make(http: HttpClient, row: ProviderRow, base_url: str) -> OpenAI:
    """Return the provider of a registry row."""
    return OpenAI(http, base_url, name=row.name)
