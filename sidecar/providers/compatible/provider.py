"""Any server that speaks OpenAI's chat completions: Ollama, LM Studio, vLLM, OpenRouter, a person's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Event, ListedModel, PreparedCall, Usage
from sidecar.providers.bills import BilledLine
from sidecar.providers.compatible.activity import activity_costs
from sidecar.providers.compatible.answer_frames import AnswerFrames
from sidecar.providers.compatible.begin_tokens import BeginTokens
from sidecar.providers.compatible.charges import call_record
from sidecar.providers.compatible.end_tokens import EndTokens
from sidecar.providers.compatible.errors import compatible
from sidecar.providers.compatible.server_models import nothing_there, roots, server_models
from sidecar.providers.compatible.think_tags import ThinkSplitter
from sidecar.providers.compatible.usage import compatible_usage
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.exchange import exchange
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.model_rows import OTHER_JSON
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.refused_forms import Attempt, RefusedForms
from sidecar.providers.kernel.web_pages import WEB_PAGE
from sidecar.providers.openai_family.errors import why_not_taken
from sidecar.providers.openai_family.options import Dialect, resolve_options
from sidecar.providers.openai_family.refused_forms import RULES, limit_in
from sidecar.providers.openai_family.request import chat_body
from sidecar.providers.openai_family.stream import ChatReader

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

_CHAT = "/chat/completions"
USAGE_IN_STREAM = {"include_usage": True}


def dialect(title: str) -> Dialect:
    """What all such servers take. The usage of a stream has to be asked for, which a few refuse."""
    return Dialect(
        title,
        responses=False,
        developer_role=False,
        temperature_while_reasoning=True,
        unlisted_efforts=(),
        # Some take a response format and then do not keep to it.
        json_in_words=True,
        limit_field="max_tokens",
        chat_stream_options=USAGE_IN_STREAM,
    )


class Compatible:
    """A `base.Provider` for one server. `base_url` may end with its version or not.

    Learns where the server's paths begin, and what each of its models refuses.
    """

    def __init__(self, http: HttpClient, base_url: str, *, name: str, title: str = "") -> None:
        self.name = name
        self._api = VendorClient(http, compatible(title or name), name)
        self._roots = roots(base_url)
        self._dialect = dialect(title or name)
        self._refused = RefusedForms(name, RULES, limit_in)

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request as it will be sent. Raises Failure("unsupported")."""
        dialect = self._dialect
        choices = resolve_options(request, dialect)
        if self._refused.refuses(request.model, "stream_options"):
            dialect = replace(dialect, chat_stream_options=None)
        return PreparedCall(
            path=_CHAT,
            headers={"accept": "text/event-stream"},
            body=chat_body(request, choices, dialect),
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
            asked=request.asked,
        )

    def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        What the server refuses by name is left out, and its paths are looked for. Raises Failure when nothing
        was run, OutcomeUnknown when something may have been.
        """
        asked = self._api.asked(key, str(plan.body["model"]))
        splitter = EndTokens(BeginTokens(AnswerFrames(ThinkSplitter())))
        wants_json = "response_format" in plan.body
        reader = ChatReader(asked, read_usage=compatible_usage, splitter=splitter, may_be_called=wants_json)

        def another(attempt: Attempt, failure: Failure) -> Attempt | None:
            # Servers with a page of their own show it wherever they have nothing else.
            if nothing_there(failure) or failure.detail == WEB_PAGE:
                tried.add(attempt.url.removesuffix(_CHAT))
                return self._elsewhere(attempt, failure, tried)
            return self._refused.another(attempt, failure)

        tried: set[str] = set()
        return exchange(
            self._api,
            self._roots[0] + plan.path,
            plan,
            asked,
            reader,
            self._refused,
            another=another,
            pacer=pacer,
        )

    async def validate_key(self, key: str) -> str | None:
        """None when the server takes the key or has no list of models to ask for, else why not.

        Raises Failure when nobody can tell.
        """
        asked = self._api.asked(key)
        page: Failure | None = None
        for root in self._roots:
            try:
                refused = await self._api.key_refusal(f"{root}/models", asked, may_be_bare=True)
                return why_not_taken(refused)
            except Failure as failure:
                if failure.detail in (WEB_PAGE, OTHER_JSON):
                    # Servers with a page of their own show it wherever they have nothing else.
                    page = failure
                elif failure.status not in (404, 405, 501):
                    raise
        if page is not None:
            raise page
        return None

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models of the server, by whichever of the lists in use it has. Costs nothing. Raises Failure."""
        return await server_models(self._api, self._roots, key)

    async def call_record(self, key: str, response_id: str) -> Usage | None:
        """Return what a gateway says that one call used and cost; None where it keeps no such record."""
        return await call_record(self._api, self._roots, key, response_id)

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return what a gateway says was spent with it, by its day, to a management key. Raises Failure."""
        return await activity_costs(self._api, self._roots, key, first, last)

    def _elsewhere(self, attempt: Attempt, failure: Failure, tried: set[str]) -> Attempt | None:
        """The other place where the paths may begin; the next question goes there at once."""
        left = [root for root in self._roots if root not in tried]
        if not left and failure.detail == WEB_PAGE:
            return None
        if not left:
            title = self._dialect.title
            failure.message = f"The {title} API is not at this address. Check its base URL in models.json."
            return None
        self._roots = (*left, *(root for root in self._roots if root in tried))
        return replace(attempt, url=left[0] + _CHAT)


def make(http: HttpClient, row: ProviderRow, base_url: str) -> Compatible:
    """Return the provider of a registry row."""
    return Compatible(http, base_url, name=row.name, title=row.title)
