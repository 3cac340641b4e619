"""What a provider can tell of what it charged: its bill by day, and its record of one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, runtime_checkable

from sidecar.providers.base import Usage


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line of a vendor's own figures: what it charged on one of its days. `model` and `unit` in its words."""

    day: date
    model: str
    unit: str
    usd: Decimal


@runtime_checkable
class RecordsCalls(Protocol):
    """A provider that keeps a record of every call, which the ordinary key may read."""

    async def call_record(self, key: str, response_id: str) -> Usage | None:
        """Return what the call used, and was charged; None without a record of it. Costs nothing. Raises Failure."""


@runtime_checkable
class TellsCosts(Protocol):
    """A provider that says what an organisation spent, to whoever has an admin key."""

    async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
        """Return the lines of the days from `first` to `last`. Costs nothing. Raises Failure."""
