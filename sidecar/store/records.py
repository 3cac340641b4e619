"""What the tables hold, as plain values. Times are integer ms since 1970 UTC; money is Decimal US dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    name: str
    description: str
    settings: Mapping[str, Any]
    created_at: int
    last_used: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """`origin` is "null" for one that began with a first message that named no conversation."""

    id: str
    project_id: str
    name: str
    created_at: int
    last_used: int
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `turn_id` is the id of the user's message that it answers, or is."""

    id: str
    conversation_id: str
    turn_id: str
    role: str
    content: str
    timestamp: int
    provider: str | None = None
    model: str | None = None
    cost_usd: Decimal | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    thinking: str | None = None
    citations: tuple[Mapping[str, Any], ...] | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """`snippet` has the words that were found between `**` and `**`."""

    message: Message
    conversation: Conversation
    snippet: str


class TokenUsage(Protocol):
    """Tokens in parts that never overlap, and the whole prompt; the names are those of the providers' Usage."""

    @property
    def in_uncached(self) -> int: ...
    @property
    def cache_read(self) -> int: ...
    @property
    def cache_write_short(self) -> int: ...
    @property
    def cache_write_long(self) -> int: ...
    @property
    def out_visible(self) -> int: ...
    @property
    def out_reasoning(self) -> int: ...
    @property
    def searches(self) -> int: ...
    @property
    def prompt_total(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One request that may cost money. The ids are plain text: spending outlives what it was spent on.

    `state` is intent (written before the request leaves), settled, failed (it did not run) or unknown (it may
    have run). `kind` is chat, batch or imported. `cost_usd` is None where it is unknown or there is no price.
    `incomplete` says that the usage is what was known when the request broke off. `price` is the price entry
    that was charged with; its numbers are text where they were Decimal. `batch_rate` says that the request went by
    a vendor's own batch, which has its own rates.
    """

    id: str
    created_at: int
    kind: str
    state: str = "intent"
    settled_at: int | None = None
    project_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None
    message_id: str | None = None
    job_id: str | None = None
    row_id: str | None = None
    provider: str | None = None
    model: str | None = None
    served_model: str | None = None
    price: Mapping[str, Any] | None = None
    in_uncached: int | None = None
    cache_read: int | None = None
    cache_write_short: int | None = None
    cache_write_long: int | None = None
    out_visible: int | None = None
    out_reasoning: int | None = None
    searches: int | None = None
    prompt_total: int | None = None
    cost_usd: Decimal | None = None
    estimate_usd: Decimal | None = None
    incomplete: bool = False
    request_id: str | None = None
    error_kind: str | None = None
    batch_rate: bool = False
