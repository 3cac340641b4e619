"""The gate through which every word of a vendor comes: without the secrets of the run, and no more than was asked for.

The text of an answer is the model's, and stays as it is; what outgrows its bound ends as `length`. Ids by which a
vendor is asked again cannot be changed: one that holds a secret is refused.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import date

from sidecar.errors import Failure
from sidecar.known_secrets import KnownSecrets
from sidecar.providers.base import (
    Begun,
    ChatRequest,
    Citation,
    Done,
    Event,
    ListedModel,
    ListsModels,
    PreparedCall,
    Provider,
    Usage,
    UsageSoFar,
)
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchResult, BatchState, LookupResult
from sidecar.providers.bills import (
    BilledLine,
    MinuteUsage,
    RecordsCalls,
    TellsCosts,
    TellsMinutes,
    TellsTiers,
    TierTokens,
)
from sidecar.providers.kernel.answer_bound import AnswerBound
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.pacer import RequestPacer


class GuardedProvider:
    """A provider whose words have been looked through."""

    def __init__(self, inner: Provider, secrets: KnownSecrets) -> None:
        self.name = inner.name
        self.inner = inner
        self._secrets = secrets

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request in the vendor's wire form. Raises Failure("unsupported") or Failure("invalid_params")."""
        return self.inner.plan(request)

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Send the plan and yield events until Done. Raises as the provider does."""
        answer = AnswerBound(plan.max_output_tokens)
        with _guarding(self._secrets, key):
            async with aclosing(self.inner.stream(plan, key, pacer)) as events:
                async for event in events:
                    yield _event(event, self._secrets)
                    if (end := answer.end_after(event)) is not None:
                        yield _done(end, self._secrets)
                        return

    async def validate_key(self, key: str) -> str | None:
        """None when the vendor takes the key, else the reason in a sentence."""
        with _guarding(self._secrets, key):
            return _word(await self.inner.validate_key(key), self._secrets)

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return the models that the key can use. Raises Failure("unsupported") where there is no list of them."""
        if not isinstance(self.inner, ListsModels):
            message = f"{self.name} has no list of models that can be asked for. Name a model yourself."
            raise Failure("unsupported", message, provider=self.name)
        with _guarding(self._secrets, key):
            found = await self.inner.list_models(key)
        return tuple(
            model for model in found if not any(map(self._secrets.holds, (model.id, model.name or "")))
        )

    async def call_record(self, key: str, response_id: str) -> Usage | None:
        """Return what a call used, and was charged; None where the provider keeps no record of it."""
        if not isinstance(self.inner, RecordsCalls):
            return None
        with _guarding(self._secrets, key):
            found = await self.inner.call_record(key, response_id)
        return None if found is None else _usage(found, self._secrets)

    async def minutes(self, key: str, model: str, first_ms: int, end_ms: int) -> MinuteUsage | None:
        """Return what a model's requests used in these minutes; None also where the provider tells no minutes."""
        if not isinstance(self.inner, TellsMinutes):
            return None
        with _guarding(self._secrets, key):
            found = await self.inner.minutes(key, model, first_ms, end_ms)
        return None if found is None else replace(found, usage=_usage(found.usage, self._secrets))

    async def tiers(self, key: str, first: date, last: date) -> tuple[TierTokens, ...]:
        """Return the tokens by service tier; none where the provider does not tell them apart from its bill."""
        if not isinstance(self.inner, TellsTiers):
            return ()
        with _guarding(self._secrets, key):
            found = await self.inner.tiers(key, first, last)
        hide = self._secrets.hide_known
        return tuple(replace(each, model=hide(each.model), tier=hide(each.tier)) for each in found)

    @property
    def tells_costs(self) -> bool:
        """Whether what was spent may be asked for with an admin key."""
        return isinstance(self.inner, TellsCosts)

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return what the organisation of an admin key spent. Raises Failure("unsupported") where none is told."""
        if not isinstance(self.inner, TellsCosts):
            message = (
                f"{self.name} tells nobody its charges by a key. Export the bill from its console as a CSV file, and "
                "give the path of that."
            )
            raise Failure("unsupported", message, provider=self.name)
        with _guarding(self._secrets, key):
            return tuple(map(self._hidden, await self.inner.costs(key, first, last)))

    def _hidden(self, line: BilledLine) -> BilledLine:
        hide = self._secrets.hide_known
        model, unit, key, tier = map(hide, (line.model, line.unit, line.key, line.tier))
        return replace(line, model=model, unit=unit, key=key, tier=tier)


class GuardedBatches:
    """A batch API whose words have been looked through."""

    def __init__(self, inner: BatchAdapter, secrets: KnownSecrets) -> None:
        self.name = inner.name
        self.limits = inner.limits
        self.inner = inner
        self._secrets = secrets

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of the vendor's input, without a line end. Pure."""
        return self.inner.line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str | None:
        """Put the input where the vendor wants it; its id."""
        with _guarding(self._secrets, key):
            file_id = await self.inner.upload(key, part)
            return file_id if file_id is None else self._usable([file_id])[0]

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Create the batch, once. Raises Failure when it was certainly not, OutcomeUnknown when it may be."""
        with _guarding(self._secrets, key):
            return self._state(await self.inner.create(key, part))

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Look for a batch of this part at the vendor."""
        with _guarding(self._secrets, key):
            found = await self.inner.find(key, part)
            state = None if found.state is None else self._state(found.state)
        return replace(found, state=state, note=self._secrets.hide(found.note))

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing."""
        with _guarding(self._secrets, key):
            return self._state(await self.inner.check(key, native_id))

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row that has come out, in any order."""
        with _guarding(self._secrets, key):
            async with aclosing(self.inner.results(key, state)) as results:
                async for result in results:
                    yield _result(result, self._secrets)

    async def cancel(self, key: str, native_id: str) -> None:
        """Ask to stop."""
        with _guarding(self._secrets, key):
            await self.inner.cancel(key, native_id)

    def _state(self, state: BatchState) -> BatchState:
        self._usable([state.native_id, *state.handles.values()])
        return replace(
            state,
            word=self._secrets.hide(state.word),
            error=_word(state.error, self._secrets),
            metadata={name: self._secrets.hide(value) for name, value in state.metadata.items()},
        )

    def _usable(self, ids: Sequence[str]) -> Sequence[str]:
        if any(map(self._secrets.holds, ids)):
            raise OutcomeUnknown(
                "provider_unavailable",
                f"{self.name} named a batch or a file by the API key itself, which is not kept. "
                "Check its address: no vendor does that.",
                provider=self.name,
            )
        return ids


@contextmanager
def _guarding(secrets: KnownSecrets, key: str) -> Iterator[None]:
    """Hide the key from now on, and all secrets in the failure that the block may raise."""
    secrets.learn(key)
    try:
        yield
    except Failure as failure:
        _failure(failure, secrets)
        raise


def _event(event: Event, secrets: KnownSecrets) -> Event:
    match event:
        case Citation():
            return _citation(event, secrets)
        case Begun():
            return Begun(
                secrets.hide(event.response_id),
                _name(event.served_model, secrets),
                _name(event.service_tier, secrets),
            )
        case UsageSoFar():
            return replace(
                event,
                usage=_usage(event.usage, secrets),
                served_model=_name(event.served_model, secrets),
                response_id=_name(event.response_id, secrets),
            )
        case Done():
            return _done(event, secrets)
    return event


def _done(done: Done, secrets: KnownSecrets) -> Done:
    return replace(
        done,
        usage=None if done.usage is None else _usage(done.usage, secrets),
        served_model=_name(done.served_model, secrets),
        response_id=_name(done.response_id, secrets),
        citations=tuple(_citation(citation, secrets) for citation in done.citations),
        notes=tuple(map(secrets.hide, done.notes)),
    )


def _usage(usage: Usage, secrets: KnownSecrets) -> Usage:
    if usage.service_tier is None and not usage.surcharges and not usage.requests:
        return usage
    return replace(
        usage,
        service_tier=_name(usage.service_tier, secrets),
        surcharges=tuple(secrets.hide(word) for word in usage.surcharges),
        requests=tuple(_usage(each, secrets) for each in usage.requests),
    )


def _citation(citation: Citation, secrets: KnownSecrets) -> Citation:
    # An address of the web may well have a member that is called a key.
    return Citation(secrets.hide_known(citation.url), secrets.hide_known(citation.title))


def _result(result: BatchResult, secrets: KnownSecrets) -> BatchResult:
    return replace(
        result,
        done=None if result.done is None else _done(result.done, secrets),
        failure=None if result.failure is None else _failure(result.failure, secrets),
    )


def _failure(failure: Failure, secrets: KnownSecrets) -> Failure:
    failure.message = secrets.hide(failure.message)
    failure.detail = _word(failure.detail, secrets)
    failure.request_id = _word(failure.request_id, secrets)
    return failure


def _word(text: str | None, secrets: KnownSecrets) -> str | None:
    return None if text is None else secrets.hide(text)


def _name(name: str | None, secrets: KnownSecrets) -> str | None:
    """The name, None for one that is a secret: what is left of it names nothing."""
    return None if name is None or secrets.hide(name) != name else name
