"""What a vendor says of its own ledger: by day and model, late, in pages, with the usage of others in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sidecar.simulator.ledger import Entry

# Days on a page, so that any range of some days has several pages.
PAGE = 2


@dataclass(frozen=True, slots=True)
class OrganizationBill:
    """How a bill comes about. `delay_ms`: what is younger is not in it yet. `others_usd` is what another program of the
    organisation spends a day, on the first model of that day.
    """

    delay_ms: int = 0
    others_usd: Decimal = Decimal(0)

    def days(
        self, entries: Iterable[Entry], provider: str, first: date, end: date, now_ms: int
    ) -> list[tuple[date, Mapping[str, Decimal]]]:
        """Return what each model cost on each day from `first` on and before `end`, in dollars."""
        sums: dict[date, dict[str, Decimal]] = {}
        for entry in entries:
            day = datetime.fromtimestamp(entry.at_ms / 1000, UTC).date()
            if (
                entry.provider == provider
                and entry.charged_usd
                and first <= day < end
                and entry.at_ms + self.delay_ms <= now_ms
            ):
                models = sums.setdefault(day, {})
                models[entry.model] = models.get(entry.model, Decimal(0)) + entry.charged_usd
        for models in sums.values():
            models[next(iter(models))] += self.others_usd
        count = min(max(0, (end - first).days), 366)
        return [(day, sums.get(day, {})) for day in (first + timedelta(days=n) for n in range(count))]


def page_of(
    days: list[tuple[date, Mapping[str, Decimal]]], page: str
) -> tuple[list[tuple[date, Mapping[str, Decimal]]], str | None]:
    """Return the days of a page, and the name of the next one."""
    start = int(page.removeprefix("page_")) if page.removeprefix("page_").isdigit() else 0
    following = start + PAGE
    return days[start:following], f"page_{following}" if following < len(days) else None
