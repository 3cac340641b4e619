"""What a provider is given, what it gives back, and nothing else: plain values, no prices, no database, no RPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from sidecar.providers.kernel.pacer import FurtherRequest as FurtherRequest
from sidecar.providers.kernel.pacer import RequestPacer as RequestPacer

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
FinishReason = Literal["stop", "length", "content_filter", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier or present message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ModelCapabilities:
    """What the catalogue knows of the model that is asked; the provider decides with it, and never guesses.

    `features` are the catalogue's words (json_mode, json_schema, streaming, web_search, extended_thinking,
    reasoning, prompt_caching, batch). `efforts` are the reasoning efforts it takes, weakest first.
    `extra` is the catalogue's free member (thinking kind, budgets, levels).
    """

    features: frozenset[str] = frozenset()
    efforts: tuple[str, ...] = ()
    context_size: int | None = None
    max_output_tokens: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to one model. An option that is None (or False) is not wanted.

    `asked` holds the names of the options that this request named itself, as opposed to saved settings:
    what was asked for by name and cannot be done is a Failure("unsupported"); what was not, and the hints
    (temperature, cache, effort) in any case, is left out and named in the notes.
    """

    model: str
    turns: tuple[Turn, ...]
    traits: ModelCapabilities = ModelCapabilities()
    system: str | None = None
    developer: str | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    json_mode: bool = False
    json_schema: Mapping[str, Any] | None = None
    cache_ttl: Literal["5m", "1h"] | None = None
    web_search_max_uses: int | None = None
    thinking: bool = False
    effort: Effort | None = None
    asked: frozenset[str] = frozenset()


# Why a usage is in doubt whose prompt is none the less what was told.
ANSWER_UNTOLD = "the size of the answer was not told"
SEARCH_BROKEN = "whether a search that broke off is charged was not told"
ANSWER_LONGER = "the answer is longer than the tokens that were told of it"
# What a doubt says of what has a price of its own, which may be higher than any that is listed: then nobody knows what
# the answer cost at most.
PRICE_UNKNOWN = "price is not known here"
# The tokens beside a tool are what was told.
TOOL_USED = f"it used a tool whose {PRICE_UNKNOWN}"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a vendor reports, cut into parts that never overlap, so that none can be charged twice.

    `prompt_total` is the whole prompt as the vendor counts it and picks the price tier. `searches` are
    billable web searches. `charged_usd` is what the vendor itself says it charged, where it says so.
    `doubt` is why the counts cannot be right: then nothing is derived from them.
    `surcharges` are the vendor's words for what raises its prices whatever the tier: where and how fast it ran.
    `free_searches` are those of the searches that a quota of the key covers: the vendor does not say so, the ledger
    counts them.
    `requests` are those of an answer that took several, each of which is billed for itself; the counts are their sums.
    """

    in_uncached: int = 0
    cache_read: int = 0
    cache_write_short: int = 0
    cache_write_long: int = 0
    out_visible: int = 0
    out_reasoning: int = 0
    searches: int = 0
    prompt_total: int = 0
    charged_usd: Decimal | None = None
    service_tier: str | None = None
    surcharges: tuple[str, ...] = ()
    free_searches: int = field(default=0, compare=False)
    requests: tuple[Usage, ...] = field(default=(), compare=False)
    doubt: str = field(default="", compare=False)

    @property
    def counts(self) -> tuple[int, ...]:
        """Every part, and the whole prompt."""
        return (
            self.in_uncached,
            self.cache_read,
            self.cache_write_short,
            self.cache_write_long,
            self.out_visible,
            self.out_reasoning,
            self.searches,
            self.prompt_total,
        )

    @property
    def out_total(self) -> int:
        return self.out_visible + self.out_reasoning


@dataclass(frozen=True, slots=True)
class Citation:
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True)
class TextWasThinking:
    """All text so far was no answer but this thinking, as a later tag has shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The vendor has begun to answer: its own id of the answer, by which it can be asked what that cost.

    `service_tier` is told by some before any usage is.
    """

    response_id: str
    served_model: str | None = None
    service_tier: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class UsageSoFar:
    """What is known of the usage while the stream runs; a later one replaces an earlier one.

    `final`: it is that of the whole answer, and nothing is to be added to it; what is told at the beginning is not.
    Who answers comes along as far as it is known, because a stream that is cut off has no Done to tell it. Two
    reports of the same usage are equal whatever else they tell.
    """

    usage: Usage
    served_model: str | None = field(default=None, compare=False)
    response_id: str | None = field(default=None, compare=False)
    final: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of a stream that ended well. `usage` is None when the server reported none.

    `notes` are sentences for the person: what of the answer could not be read.
    """

    finish_reason: FinishReason
    usage: Usage | None
    served_model: str | None = None
    response_id: str | None = None
    citations: tuple[Citation, ...] = ()
    notes: tuple[str, ...] = ()


Event = TextDelta | ThinkingDelta | TextWasThinking | Begun | UsageSoFar | Citation | Done


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A request turned into the vendor's wire form, before anything is sent. Making one is pure and costs nothing.

    `path` is relative to the provider's base URL. `notes` are sentences for the person: what was left out or lowered.
    `max_output_tokens` is the cap that the vendor is given, None where it is given none: budgets reserve by it.
    `surcharges` raise its price where it goes, in the catalogue's words; `refusal_usd` is the vendor's fee for a
    request that it blocks.
    `asked` are the options that the request named itself, which nobody leaves out unasked.
    """

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    surcharges: tuple[str, ...] = ()
    refusal_usd: Decimal = Decimal(0)
    asked: frozenset[str] = frozenset()


class Provider(Protocol):
    """One vendor's chat API."""

    name: str

    def plan(self, request: ChatRequest) -> PreparedCall:
        """The request in the vendor's wire form. Raises Failure("unsupported") or Failure("invalid_params")."""

    def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        """Send the plan and yield events until Done. Closing the iterator closes the connection.

        `pacer` is consulted around each attempt: that of a row of a batch writes down that it leaves, that of a chat
        tells when it waits. Raises Failure with the contract's kinds, also for a stream that ends without Done.
        """

    async def validate_key(self, key: str) -> str | None:
        """None when the vendor takes the key, else the reason in a sentence. Costs nothing."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its provider lists it. `id` is what a call names; what the provider does not say is None."""

    id: str
    name: str | None = None
    context_size: int | None = None
    max_output_tokens: int | None = None


@runtime_checkable
class ListsModels(Protocol):
    """A provider that tells which models a key can use."""

    async def list_models(self, key: str) -> tuple[ListedModel, ...]:
        """Return all of them, each once, in the provider's order. Costs nothing. Raises Failure."""
