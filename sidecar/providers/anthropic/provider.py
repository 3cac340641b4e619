"""Anthropic: decide, send, read, and go on where the vendor paused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.continuation import MOST_CONTINUATIONS, continued, further
from sidecar.providers.anthropic.costs import organization_costs
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.anthropic.minutes import counted_in_minutes
from sidecar.providers.anthropic.options import resolve_options
from sidecar.providers.anthropic.refused_forms import RULES, limit_in
from sidecar.providers.anthropic.request import caches_an_hour, message_body
from sidecar.providers.anthropic.stream import MessageReader
from sidecar.providers.base import ChatRequest, Event, ListedModel, PreparedCall
from sidecar.providers.bills import BilledLine, MinuteUsage
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.exchange import AnswerExchange
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.model_lists import after_last, list_models
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.refused_forms import REFUSED_FORM, Attempt, RefusedForms

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow


UNFINISHED = "The answer is not whole: Anthropic paused it, and it could not go on."


class Anthropic:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, without a version."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "anthropic") -> None:
        self.name = name
        self._http = http
        self._api = VendorClient(http, ANTHROPIC, name)
        self._root = root(base_url)
        self._refused = RefusedForms(name, RULES, limit_in)

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = resolve_options(request)
        return PreparedCall(
            path="/v1/messages",
            headers={"accept": "text/event-stream"},
            body=message_body(request, choices),
            notes=choices.notes,
            max_output_tokens=choices.max_tokens,
            asked=request.asked,
        )

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        A turn that the vendor pauses is continued, a bounded number of times, as far as the budget and its searches
        allow; its usage is that of all its requests. What the vendor refuses for its form is asked in another one.
        Raises Failure when nothing was run, OutcomeUnknown when something may have been.
        """
        model = str(plan.body["model"])
        asked = self._api.asked(key, model)
        reader = MessageReader(asked, hour=caches_an_hour(plan.body))
        exchange = AnswerExchange(self._api, asked, reader, plan, self._refused, pacer=pacer)
        body: Mapping[str, Any] = plan.body
        for left in range(MOST_CONTINUATIONS, -1, -1):
            attempt = self._refused.known(Attempt(self._root + plan.path, body, model, plan.asked))
            try:
                async with aclosing(exchange.request(attempt)) as events:
                    async for event in events:
                        yield event
            except Failure as failure:
                if body is plan.body or failure.kind not in REFUSED_FORM or not reader.pause_again():
                    raise
                exchange.say(f"{UNFINISHED} {failure.message}")
            if not reader.paused:
                break
            more = _continuation(plan, reader) if left and reader.resumable else None
            if more is None:
                exchange.say(UNFINISHED)
                break
            if not await exchange.may_go_on(further(more, reader.usage, told=reader.told)):
                break
            reader.resume()
            body = more
        for event in exchange.ending():
            yield event

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        return await self._api.key_problem(f"{self._root}/v1/models?limit=1", key)

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models that the key can use. Costs nothing. Raises Failure."""
        return await list_models(self._api, f"{self._root}/v1/models?limit=1000", key, "after_id", after_last)

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return what the organisation of an admin key spent, by the vendor's day. Raises Failure."""
        return await organization_costs(self._http, self._root, self.name, key, first, last)

    async def minutes(self, key: str, model: str, first_ms: int, end_ms: int) -> MinuteUsage | None:
        """Return what the model's requests used, or were charged, in these minutes. Raises Failure."""
        return await counted_in_minutes(self._http, self._root, self.name, key, model, first_ms, end_ms)


def make(http: HttpClient, row: ProviderRow, base_url: str) -> Anthropic:
    """Return the provider of a registry row."""
    return Anthropic(http, base_url, name=row.name)


def root(base_url: str) -> str:
    """Return where the paths begin, for a base URL with the version or without."""
    return base_url.rstrip("/").removesuffix("/v1")


def _continuation(plan: PreparedCall, reader: MessageReader) -> dict[str, Any] | None:
    usage = reader.usage
    return continued(
        plan.body,
        reader.content(),
        written=usage.out_total if usage else 0,
        searches=usage.searches if usage else 0,
    )
