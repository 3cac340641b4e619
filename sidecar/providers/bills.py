"""What a provider can tell of what it charged: its bill by day, and its record of one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from sidecar.providers.base import Usage
from sidecar.providers.kernel.json_values import as_amount

MINUTE_MS = 60_000
# More than any bill; what is no number at all is not below it either.
MOST_USD = Decimal(10**12)


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line of a vendor's own figures: what it charged on one of its days. `model` and `unit` in its words.

    `key` is the vendor's id of the API key that it was charged to, `tier` its word for the service tier; both are empty
    where it does not say so. `quantity` is how much of the unit was counted, None where that is not told. `foreign` is
    the currency of a line that is not in dollars: what it charged is then in no sum, and `usd` nothing. So it is of an
    `unread` line, whose amount is not told or is none.
    """

    day: date
    model: str
    unit: str
    usd: Decimal
    key: str = ""
    tier: str = ""
    quantity: int | None = None
    foreign: str = ""
    unread: bool = False


def charged_amount(value: Any) -> Decimal | None:
    """Return the amount of a line of a bill; None for what is none, or is more than any bill has."""
    amount = as_amount(value)
    return amount if amount is not None and abs(amount) < MOST_USD else None


@dataclass(frozen=True, slots=True)
class MinuteUsage:
    """So many requests of a model in some minutes, and what they used together. `batch`: some went by a batch.

    `requests` is None where the vendor counts tokens and no requests, and all of these stand in one minute and tier.
    """

    requests: int | None
    usage: Usage
    batch: bool = False


@runtime_checkable
class RecordsCalls(Protocol):
    """A provider that keeps a record of every call, which the ordinary key may read."""

    async def call_record(self, key: str, response_id: str) -> Usage | None:
        """Return what the call used, and was charged; None without a record of it. Costs nothing. Raises Failure."""


@runtime_checkable
class TellsMinutes(Protocol):
    """A provider that says, to whoever has an admin key, what was used in each minute."""

    async def minutes(self, key: str, model: str, first_ms: int, end_ms: int) -> MinuteUsage | None:
        """Return what that model's requests used in this time, together; None where that is none or not sure.

        `model` is the id that answered. Costs nothing. Raises Failure.
        """


@dataclass(frozen=True, slots=True)
class TierTokens:
    """How many tokens a vendor counted on one of its days for a model, in one of its service tiers."""

    day: date
    model: str
    tier: str
    tokens: int


@runtime_checkable
class TellsTiers(Protocol):
    """A provider whose bill names no service tiers, and that counts tokens by them for whoever has an admin key."""

    async def tiers(self, key: str, first: date, last: date) -> tuple[TierTokens, ...]:
        """Return the tokens of the days from `first` to `last`. Costs nothing. Raises Failure."""


@runtime_checkable
class TellsCosts(Protocol):
    """A provider that says what an organisation spent, to whoever has an admin key."""

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return the lines of the days from `first` to `last`. Costs nothing. Raises Failure."""


def whole_minutes(first_ms: int, end_ms: int) -> tuple[int, int]:
    """Return the beginning of the minute of `first_ms` and the end of that of `end_ms`, in milliseconds since 1970."""
    return first_ms - first_ms % MINUTE_MS, end_ms - end_ms % MINUTE_MS + MINUTE_MS


def is_named(told: str, model: str) -> bool:
    """Whether a vendor that tells a model by its dated name, `gpt-5-2025-08-07`, means `model` by `told`."""
    return f"{told}-20".startswith(f"{model}-20")
