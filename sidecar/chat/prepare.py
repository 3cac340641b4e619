"""A question made ready: who is called, with which key, with what. Whatever can be refused is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.chat.chat_types import ChatInput
from sidecar.chat.json_output.json_prompt import ask_in_words
from sidecar.chat.options import Options, chat_request, with_history
from sidecar.chat.project_defaults import saved_in_project, with_project
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money.model import ModelEntry, Serving, utc_day
from sidecar.providers.base import ChatRequest, ModelCapabilities, PreparedCall, Provider, Turn


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A question, decided, for whom it goes to at `host`.

    `json_schema` is the one that the reply is held against, if it is to be JSON at all. `tiers` are dearer ones in
    which the provider has run answers of late.
    """

    chat_input: ChatInput
    serving: Serving
    provider: Provider
    host: str
    key: str
    request: ChatRequest
    plan: PreparedCall
    notes: tuple[str, ...]
    wants_json: bool = False
    json_schema: Mapping[str, Any] | None = None
    tiers: tuple[str, ...] = ()

    def with_context(self, failure: Failure) -> Failure:
        """Return the failure as the wire names things. A server that wants a key and was given none misses one."""
        if failure.kind == "invalid_api_key" and not self.key:
            failure.kind = "missing_api_key"
            failure.message = missing_key(self.serving.model.provider)
        return with_context(failure, self.serving)

    def plan_after(self, earlier: tuple[Turn, ...]) -> PreparedCall:
        """Return what is sent with the turns that go along, which is planned anew only where there are any."""
        return self.provider.plan(with_history(self.request, earlier)) if earlier else self.plan


@dataclass(frozen=True, slots=True)
class Decided:
    """What a model is asked, before its provider has planned it. `json_schema` is what the reply is held against."""

    request: ChatRequest
    notes: tuple[str, ...]
    wants_json: bool
    json_schema: Mapping[str, Any] | None


def resolve_options(
    serving: Serving, content: str, options: Options, saved: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Decided:
    """Options and settings, decided for the model that will answer. Pure."""
    model = serving.model
    request, notes = chat_request(serving.vendor_id, content, traits(model), options, saved, defaults)
    wants_json, schema = request.json_mode, request.json_schema
    if wants_json and "reasoning" in model.features and not {**defaults, **saved}["jsonMode"]:
        request = ask_in_words(request)
    return Decided(request, notes, wants_json, schema)


class RequestPreparer:
    """Makes questions ready. Nothing is stored, sent or paid by it."""

    def __init__(self, core: Core) -> None:
        self._catalogue = core.catalogue
        self._providers = core.providers
        self._keys = core.keys
        self._settings = core.settings
        self._now_ms = core.now_ms
        self._dear_tiers = core.dear_tiers
        self._catalogue_whole = core.catalogue_whole

    async def prepare(
        self, chat_input: ChatInput, project_chat: Mapping[str, Any] | None = None
    ) -> PreparedRequest:
        """Raises Failure: an empty question, an unknown model, a missing key, what the model cannot do.

        `project_chat` is what the question's project is asked with, where it belongs to one.
        """
        refuse_empty(chat_input)
        await self._catalogue_whole()
        serving = self._catalogue.served(chat_input.model_id, utc_day(self._now_ms()))
        provider = self._providers.get(serving.model.provider, serving.model.base_url)
        key = await self._key(serving)
        saved, defaults = await self._settings.saved(), self._settings.defaults
        options = chat_input.options
        if project_chat:
            options, saved = with_project(options, project_chat), saved_in_project(saved, project_chat)
        decided = resolve_options(serving, chat_input.content, options, saved, defaults)
        try:
            plan = provider.plan(decided.request)
        except Failure as failure:
            raise with_context(failure, serving) from None
        return PreparedRequest(
            chat_input,
            serving,
            provider,
            self._providers.host(serving.model.provider, serving.model.base_url),
            key,
            decided.request,
            plan,
            (*serving.notes, *decided.notes),
            decided.wants_json,
            decided.json_schema,
            await self._dear_tiers.of(serving.model.provider),
        )

    async def _key(self, serving: Serving) -> str:
        """The key to call with; empty for a server that needs none."""
        name = serving.model.provider
        key = await self._keys.get(name)
        if key is None and self._providers.needs_key(name):
            raise Failure(
                "missing_api_key",
                missing_key(name),
                provider=name,
                model=serving.asked_id,
            )
        return key or ""


def missing_key(provider: str) -> str:
    return f"Missing API key for provider: {provider}. Add it in the settings, then send again."


def refuse_empty(chat_input: ChatInput) -> None:
    if not chat_input.content.strip():
        raise Failure("invalid_params", "The question is empty. Write something and send it again.")


def with_context(failure: Failure, serving: Serving) -> Failure:
    """The failure with the names that the wire uses: the provider knows only its own id of the model."""
    failure.provider = serving.model.provider
    failure.model = serving.asked_id
    return failure


def traits(model: ModelEntry) -> ModelCapabilities:
    """What the catalogue knows of a model, for the provider that is going to ask it."""
    # Where an answer may go on over several requests, its limit is that of all of them together.
    longest = model.extra.get("maxOutputLongDecode") or model.max_output_tokens
    return ModelCapabilities(
        features=frozenset(model.features),
        efforts=model.efforts,
        context_size=model.context_size,
        max_output_tokens=longest,
        extra=model.extra,
    )
