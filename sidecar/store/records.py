"""What the tables hold, as plain values. Times are integer ms since 1970 UTC; money is Decimal US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

SettledBy = Literal["record", "minutes"]
# How an answer ended, as messages keep it.
FINISH_REASONS = ("stop", "length", "content_filter", "cancelled", "error", "interrupted")


@dataclass(frozen=True, slots=True)
class Project:
    """`settings` are the client's own; `chat` is what the project's questions are asked with."""

    id: str
    name: str
    description: str
    settings: Mapping[str, Any]
    created_at: int
    last_used: int
    chat: Mapping[str, Any] | None = None


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
    """One message. `turn_id` is the id of the user's message that it answers, or is.

    `at_least_usd` and `at_most_usd` are what the ledger says where the cost is not known, None where it is.
    `versions` is how many earlier ones there are, `superseded_by` the message that it is an earlier version of, and
    `copied_from` the one of which a fork made this copy.
    """

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
    at_least_usd: Decimal | None = None
    at_most_usd: Decimal | None = None
    versions: int = 0
    copied_from: str | None = None
    superseded_by: str | None = None


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
class CostEvidence:
    """What a cost is made of, beside its usage and its price: see LedgerEntry."""

    service_tier: str | None = None
    surcharges: tuple[str, ...] = ()
    requests: int | None = None
    charged: bool = False
    parts: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the ledger is told of a request: it ran (`settled`), did not (`failed`), or may have (`unknown`).

    `cost_usd` is None where a request that ran has no known cost; it then cost `at_least_usd`, and at most what was
    reserved; where that is no bound (not `bounded`), nobody knows at most what. `usage` is the least that was used
    where the state is unknown. `incomplete`: it did not run to its end. `settled_by`: what the vendor said of it
    afterwards. `evidence` is what the cost is made of.
    """

    state: Literal["settled", "failed", "unknown"]
    usage: TokenUsage | None = None
    cost_usd: Decimal | None = None
    served_model: str | None = None
    price: Mapping[str, Any] | None = None
    request_id: str | None = None
    incomplete: bool = False
    error_kind: str | None = None
    at_least_usd: Decimal = Decimal(0)
    evidence: CostEvidence | None = None
    settled_by: SettledBy | None = None
    bounded: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether the request ran to its end."""
        return self.state == "settled" and not self.incomplete

    @property
    def known_usd(self) -> Decimal | None:
        """What is certain to have been spent; None where that is not known."""
        return Decimal(0) if self.state == "failed" else self.cost_usd if self.state == "settled" else None

    def at_most_usd(self, reserved_usd: Decimal | None) -> Decimal | None:
        """What it cost at most, where so much was reserved; None where no price bounds it."""
        if self.known_usd is not None:
            return self.known_usd
        return max(reserved_usd, self.at_least_usd) if self.bounded and reserved_usd is not None else None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Calls whose cost is not known, and what those come to at least and at most; `unbounded` of them have no bound."""

    calls: int = 0
    at_least_usd: Decimal = Decimal(0)
    at_most_usd: Decimal = Decimal(0)
    unbounded: int = 0

    def __add__(self, other: Uncertain) -> Uncertain:
        """Both together; amounts are whole picodollars, so that nothing is rounded."""
        return Uncertain(
            self.calls + other.calls,
            self.at_least_usd + other.at_least_usd,
            self.at_most_usd + other.at_most_usd,
            self.unbounded + other.unbounded,
        )


CERTAIN = Uncertain()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One request that may cost money. The ids are plain text: spending outlives what it was spent on.

    `state` is intent (written before the request leaves), settled, failed (it did not run) or unknown (it may
    have run). `kind` is chat, batch or imported. `cost_usd` is None where it is unknown or there is no price.
    `incomplete` says that the usage is what was known when the request broke off. `price` is the price entry
    that was charged with; its numbers are text where they were Decimal. `batch_rate` says that the request went by
    a vendor's own batch, which has its own rates.

    `at_least_usd` and `at_most_usd` are equal where the cost is known; the upper one is None where no price bounds it.
    `uncertain`: it ran, or may have, and its cost is not known; the usage is then the least that it can have been.
    `settled_by` is what settled it afterwards, where it was uncertain: the vendor's record of that very call, or
    minutes in which it was the only one. The rest is what the cost is made of: the vendor's words for tier and
    surcharges, the host that was asked, which key (a short hash), how many requests it took, whether the vendor named
    the charge, and each part's sum.
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
    at_least_usd: Decimal | None = None
    at_most_usd: Decimal | None = None
    uncertain: bool = False
    service_tier: str | None = None
    surcharges: Sequence[str] | None = None
    host: str | None = None
    key_mark: str | None = None
    requests: int | None = None
    charged: bool = False
    parts: Sequence[Mapping[str, Any]] | None = None
    settled_by: SettledBy | None = None
