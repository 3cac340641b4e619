"""The catalogue's values: models, their dated prices, what a name stands for. No files, no wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

Status = Literal["current", "legacy", "retired"]

RATE_KEYS = ("prompt", "completion", "cacheRead", "cacheWrite5m", "cacheWrite1h")

Rates = Mapping[str, Decimal]
"""Dollars per million tokens by rate key. For OpenAI `cacheWrite5m` is the default write, which lives
30 minutes, and `cacheWrite1h` the 12-hour one."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates of the whole request once its prompt has more than `above_tokens` tokens.

    `service_per_million` are those of service tiers that are no multiple of them.
    """

    above_tokens: int
    per_million: Rates
    batch_per_million: Rates | None = None
    service_per_million: Mapping[str, Rates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FreeSearches:
    """Searches that a vendor gives free of charge, by its own days: so many a day or a month for all who share them."""

    count: int
    per: Literal["day", "month"]
    shared_by: str


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """What a model costs from the start of `starts_on` (UTC). `tiers` stand lowest line first.

    `own` marks a price from the user's own file. `service_tiers` are the vendor's multipliers of token rates
    by the service tier that it reports, or by `field=word` for a surcharge; `service_per_million` are this
    model's own rates where they are no multiple. A search bills `search_block_tokens` of prompt that no usage shows.
    """

    starts_on: date
    source: str
    checked_on: date
    per_million: Rates
    batch_per_million: Rates | None = None
    tiers: tuple[Tier, ...] = ()
    web_search_per_1k: Decimal | None = None
    search_block_tokens: int = 0
    free_searches: FreeSearches | None = None
    notes: str = ""
    own: bool = False
    service_tiers: Mapping[str, Decimal] = field(default_factory=dict)
    service_per_million: Mapping[str, Rates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a model, without the provider.

    A `hidden` one is answered but not listed. `vendor_knows`: the vendor itself takes it in a call. A `shown` one is
    listed also where nobody has used it.
    """

    id: str
    note: str = ""
    hidden: bool = False
    vendor_knows: bool = False
    shown: bool = False


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One real model. `prices` are in order of preference backwards: the last one that has begun holds.

    `served_by` is the model to which the vendor itself redirects calls. `successor` and `served_by` are ids
    of the same provider. `base_url` is set where the model is reached elsewhere than its provider.
    """

    id: str
    provider: str
    name: str
    context_size: int
    description: str = ""
    max_output_tokens: int | None = None
    features: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    status: Status = "current"
    successor: str | None = None
    retires_on: date | None = None
    retired_on: date | None = None
    served_by: str | None = None
    released_on: date | None = None
    notes: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    prices: tuple[PriceEntry, ...] = ()
    base_url: str | None = None

    @property
    def full_id(self) -> str:
        """`provider/id`."""
        return f"{self.provider}/{self.id}"

    @property
    def efforts(self) -> tuple[str, ...]:
        """The reasoning efforts or thinking levels that it takes, weakest first."""
        return tuple(self.extra.get("effort") or self.extra.get("thinkingLevels") or ())

    @property
    def searches_by_itself(self) -> bool:
        """Whether it searches whatever is asked and does not say how often: searches have a price, and no switch."""
        if "web_search" in self.features:
            return False
        return any(price.web_search_per_1k is not None and not price.own for price in self.prices)

    @property
    def ends_on(self) -> date | None:
        """The day from which the vendor no longer runs it, past or to come."""
        return self.retired_on or self.retires_on

    def ended(self, day: date) -> bool:
        """Whether the vendor no longer runs it on that day."""
        return self.status == "retired" or (self.ends_on is not None and self.ends_on <= day)

    def status_on(self, day: date) -> Status:
        """Its status on that day. One that has ended is `legacy` where the vendor redirects its calls."""
        if not self.ended(day):
            return self.status
        return "legacy" if self.served_by is not None else "retired"


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider that the user's own file adds or points elsewhere. One that is added speaks OpenAI's protocol.

    `key_name` is the environment variable that may hold its key. With `allow_http` it may travel over plain http to
    any host.
    """

    id: str
    name: str
    base_url: str
    key_name: str | None = None
    key_required: bool = True
    allow_http: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name stands for. `alias` is set when it was an older or second name of `model`."""

    model: ModelEntry
    alias: Alias | None = None

    @property
    def id(self) -> str:
        """The id of the row that was named, without the provider."""
        return self.alias.id if self.alias else self.model.id

    @property
    def full_id(self) -> str:
        return f"{self.model.provider}/{self.id}"

    @property
    def name(self) -> str:
        """A name that tells this row from the others of the same model."""
        return f"{self.model.name} ({self.alias.id})" if self.alias else self.model.name


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers when a name is asked on some day.

    `asked_id` is `provider/id` of the row that was named, `asked` its model, `model` the one to call, to price and to
    take traits from, `vendor_id` the id to send, `label` what is shown above the answer, `notes` sentences.
    """

    asked_id: str
    asked: ModelEntry
    model: ModelEntry
    vendor_id: str
    label: str
    notes: tuple[str, ...] = ()


def utc_day(at_ms: int) -> date:
    """The UTC day of a time in milliseconds since 1970: calls are priced by it."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).date()
