"""What a vendor says of its own ledger: by day, model and unit, late, in pages, with the usage of others in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sidecar.providers.base import Usage
from sidecar.simulator.exchange import SimRequest

# Days on a page, so that any range of some days has several pages.
PAGE = 2
MINUTE_MS = 60_000

Units = Mapping[str, Decimal]
"""Dollars by unit, in the words of a price's parts."""
Kind = tuple[str, str]
"""A model and a service tier."""
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class BilledCall:
    """One request that was charged, alone or as a row of a batch, with the parts of its charge.

    `id` is the vendor's own of the answer; a row of a batch has none here.
    """

    at_ms: int
    provider: str
    model: str
    usage: Usage
    units: Units
    batch: bool = False
    id: str = ""

    @property
    def tier(self) -> str:
        """In whose service tier it was run, in Anthropic's words."""
        return "batch" if self.batch else self.usage.service_tier or "standard"

    @property
    def day(self) -> date:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class OrganizationBill:
    """How a bill comes about. `delay_ms`: what is younger is not in it yet. `others_usd` is what another program of the
    organisation spends a day, on the first model of that day; `others` are calls of such a program.
    """

    delay_ms: int = 0
    others_usd: Decimal = Decimal(0)
    others: Sequence[BilledCall] = field(default=())

    def calls(
        self, calls: Iterable[BilledCall], provider: str, first_ms: int, end_ms: int, now_ms: int
    ) -> list[BilledCall]:
        """Return the calls of a time that are in the figures by now, those of others among them."""
        return [
            call
            for call in (*calls, *self.others)
            if call.provider == provider
            and first_ms <= call.at_ms < end_ms
            and call.at_ms + self.delay_ms <= now_ms
        ]

    def days(
        self, calls: Iterable[BilledCall], provider: str, first: date, end: date, now_ms: int
    ) -> list[tuple[date, Mapping[Kind, Units]]]:
        """Return what each model cost by tier and unit on each day from `first` on and before `end`, in dollars."""
        sums: dict[date, dict[Kind, dict[str, Decimal]]] = {}
        for call in self.calls(calls, provider, ms_of(first), ms_of(end), now_ms):
            units = sums.setdefault(call.day, {}).setdefault((call.model, call.tier), {})
            for unit, usd in call.units.items():
                units[unit] = units.get(unit, Decimal(0)) + usd
        for models in sums.values():
            if self.others_usd:
                units = next(iter(models.values()))
                units["in_uncached"] = units.get("in_uncached", Decimal(0)) + self.others_usd
        count = min(max(0, (end - first).days), 366)
        return [(day, sums.get(day, {})) for day in (first + timedelta(days=n) for n in range(count))]


@dataclass(frozen=True, slots=True)
class BillLook:
    """A look at a vendor's bill: what is asked for, of which of all calls, by what rules, and when."""

    path: str
    request: SimRequest
    all_calls: Sequence[BilledCall]
    rules: OrganizationBill
    now_ms: int

    def calls(self, provider: str, first_ms: int, end_ms: int) -> list[BilledCall]:
        """Return the vendor's calls of this time that are in its bill by now."""
        return self.rules.calls(self.all_calls, provider, first_ms, end_ms, self.now_ms)

    def days(self, provider: str, first: date, end: date) -> list[tuple[date, Mapping[Kind, Units]]]:
        """Return the charges of each of these days, as far as they are in its bill by now."""
        return self.rules.days(self.all_calls, provider, first, end, self.now_ms)


def ms_of(day: date) -> int:
    """Return the first moment of a day in UTC, in ms since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def page_of(rows: Sequence[Row], page: str, size: int = PAGE) -> tuple[Sequence[Row], str | None]:
    """Return the rows of a page, and the name of the next one."""
    start = int(page.removeprefix("page_")) if page.removeprefix("page_").isdigit() else 0
    following = start + size
    return rows[start:following], f"page_{following}" if following < len(rows) else None
