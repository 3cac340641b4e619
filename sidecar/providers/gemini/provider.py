"""Google Gemini over generateContent: decide, send, read, and go on where an answer is continued."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Event, ListedModel, PreparedCall
from sidecar.providers.gemini.address import address
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.gemini.options import resolve_options
from sidecar.providers.gemini.refused_forms import RULES, GeminiForms, limit_in
from sidecar.providers.gemini.request import continued, further, generate_body, model_in, stream_path
from sidecar.providers.gemini.stream import GeminiReader
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.exchange import AnswerExchange
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.model_lists import list_models
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.refused_forms import Attempt

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

# The longest answer there is, 1,048,576 tokens, takes 16 requests; each is billed for itself.
MAX_PARTS = 32
UNFINISHED = (
    f"The answer is not whole: Gemini let it go on {MAX_PARTS - 1} times, and it had not come to its end."
)


class Gemini:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, without a version."""

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "gemini") -> None:
        self.name = name
        self._api = VendorClient(http, GEMINI, name)
        self._base_url = address(base_url).api
        self._refused = GeminiForms(name, RULES, limit_in)

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported") or Failure("invalid_params")."""
        choices = resolve_options(request)
        return PreparedCall(
            path=stream_path(request.model),
            headers={"accept": "text/event-stream"},
            body=generate_body(request, choices),
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
            asked=request.asked,
        )

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        What the vendor refuses for its form is asked in another one. Raises Failure when nothing was run,
        OutcomeUnknown when something may have been.
        """
        model = model_in(plan.path)
        asked = self._api.asked(key, model)
        reader = GeminiReader(asked)
        exchange = AnswerExchange(self._api, asked, reader, plan, self._refused, pacer=pacer)
        attempt = self._refused.known(Attempt(self._base_url + plan.path, plan.body, model, plan.asked))
        for part in range(MAX_PARTS):
            try:
                # One request is read to the end of its connection, which is the end of its answer.
                async with aclosing(exchange.request(attempt)) as events:
                    async for event in events:
                        yield event
            except Failure as failure:
                if part:
                    raise OutcomeUnknown.instead_of(failure) from None
                raise
            if not reader.goes_on or exchange.taken is None:
                break
            if part + 1 == MAX_PARTS:
                exchange.say(UNFINISHED)
                break
            if not await exchange.may_go_on(further(exchange.taken.body, reader.usage, told=reader.told)):
                break
            token = reader.next_token()
            if token is None:
                break
            attempt = replace(exchange.taken, body=continued(exchange.taken.body, token))
        for event in exchange.ending():
            yield event

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        return await self._api.key_problem(f"{self._base_url}/models?pageSize=1", key)

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models that the key can use. Costs nothing. Raises Failure."""
        return await list_models(
            self._api, f"{self._base_url}/models?pageSize=1000", key, "pageToken", _next_page
        )


def make(http: HttpClient, row: ProviderRow, base_url: str) -> Gemini:
    """Return the provider of a registry row."""
    return Gemini(http, base_url, name=row.name)


def _next_page(page: Mapping[str, Any], rows: list[Any]) -> object:
    return page.get("nextPageToken") or None
