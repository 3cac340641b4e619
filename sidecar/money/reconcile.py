"""Our ledger beside a vendor's bill: by the vendor's day and model, what differs and what explains it (pure).

    theirs ─ ours = what is uncertain here  +  what others spent on the same account  -  discounts, free quotas, delay

Only the first of these is known, and only as a range; so a difference that it does not cover is named by its sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sidecar.money.bill_units import WHOLE, our_unit, their_unit
from sidecar.money.catalogue import Catalogue
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import BilledLine
from sidecar.store.records import LedgerEntry

# A cent in ten thousand calls: vendors round each line of a bill.
ROUNDING_USD = Decimal("0.0001")
# Figures come minutes to hours late.
LATE_DAYS = 2
ALL_MODELS = "all"


@dataclass(slots=True)
class ReconciledRow:
    """A vendor's day and a model of it. `uncertain` calls may have cost from `at_least_usd` to `at_most_usd`.

    `at_most_usd` is None where one of them has no bound. Units are those of `bill_units`, on both sides.
    """

    day: date
    model: str
    ours_usd: Decimal = Decimal(0)
    theirs_usd: Decimal = Decimal(0)
    calls: int = 0
    uncertain: int = 0
    at_most_usd: Decimal | None = Decimal(0)
    ours_by_unit: dict[str, Decimal] = field(default_factory=dict)
    theirs_by_unit: dict[str, Decimal] = field(default_factory=dict)
    billed: bool = False
    explanation: str = ""

    @property
    def difference_usd(self) -> Decimal:
        """What they say more than we do; below 0 what they say less."""
        return self.theirs_usd - self.ours_usd


def reconcile(
    catalogue: Catalogue,
    provider: str,
    entries: Iterable[LedgerEntry],
    lines: Iterable[BilledLine],
    first: date,
    last: date,
    today: date,
    *,
    by_model: bool = True,
) -> list[ReconciledRow]:
    """Return the days from `first` to `last`, oldest first, each with its models, or (not `by_model`) in one row."""
    pacific = provider == "gemini"
    rows: dict[tuple[date, str], ReconciledRow] = {}

    def row(day: date, model: str) -> ReconciledRow:
        model = model if by_model else ALL_MODELS
        return rows.setdefault((day, model), ReconciledRow(day, model))

    for entry in entries:
        day = day_of(entry.created_at, pacific=pacific)
        if entry.provider == provider and entry.state != "failed" and first <= day <= last:
            _add(row(day, entry.served_model or entry.model or "unknown"), entry)
    names = _names(catalogue, provider)
    for line in lines:
        if first <= line.day <= last:
            found = row(line.day, _model(catalogue, provider, line.model, names))
            found.theirs_usd += line.usd
            found.billed = True
            _count(found.theirs_by_unit, their_unit(line.unit, line.model), line.usd)
    for each in rows.values():
        each.explanation = _explanation(each, today, free=pacific)
    return [rows[key] for key in sorted(rows)]


def _count(units: dict[str, Decimal], unit: str, usd: Decimal) -> None:
    units[unit] = units.get(unit, Decimal(0)) + usd


def _add(row: ReconciledRow, entry: LedgerEntry) -> None:
    row.calls += 1
    for part in entry.parts or ():
        _count(row.ours_by_unit, our_unit(part["unit"]), Decimal(part["usd"]))
    if entry.parts is None and entry.cost_usd:
        _count(row.ours_by_unit, WHOLE, entry.cost_usd)
    if entry.cost_usd is not None:
        row.ours_usd += entry.cost_usd
        return
    least = entry.at_least_usd or Decimal(0)
    row.uncertain += 1
    row.ours_usd += least
    if entry.at_most_usd is None or row.at_most_usd is None:
        row.at_most_usd = None
    else:
        row.at_most_usd += max(Decimal(0), entry.at_most_usd - least)


def _explanation(row: ReconciledRow, today: date, *, free: bool) -> str:
    """A sentence on why both differ, empty where they do not."""
    difference = row.difference_usd
    if abs(difference) <= ROUNDING_USD and not row.uncertain:
        return ""
    late = today - row.day < timedelta(days=LATE_DAYS)
    if not row.billed:
        return (
            "The vendor's figures for these calls are not in yet: look again tomorrow."
            if late
            else "The vendor has no figure for these calls: another key, organisation or project, or they were free."
        )
    if not row.calls:
        return "Nothing was asked from here: another program on the same account."
    if row.uncertain and difference >= -ROUNDING_USD:
        if row.at_most_usd is None:
            return f"{row.uncertain} calls broke off and nobody knows what they cost; other programs may be in it too."
        if difference <= row.at_most_usd + ROUNDING_USD:
            return f"{row.uncertain} calls broke off: they cost up to ${row.at_most_usd:f} more than is known here."
        return (
            f"{row.uncertain} calls broke off, which cost up to ${row.at_most_usd:f} more; the rest is of other "
            "programs on the same account."
        )
    if difference > 0:
        return "The vendor counts more: other programs on the same account, or taxes."
    if late:
        return "The vendor counts less so far: its figures come hours late. Look again tomorrow."
    quota = "free searches (see the setting freeSearches), " if free else ""
    return f"The vendor counts less: {quota}credits, discounts or a commitment, which are not in our ledger."


def _names(catalogue: Catalogue, provider: str) -> list[tuple[str, str]]:
    """The names for people of the provider's models, the longest first, with what each stands for."""
    own = [(model.name.lower(), model.full_id) for model in catalogue.models if model.provider == provider]
    return sorted(own, key=lambda each: -len(each[0]))


def _model(catalogue: Catalogue, provider: str, told: str, names: list[tuple[str, str]]) -> str:
    """The model that a bill names by its id, or somewhere in a description; else as it is told there."""
    known = catalogue.reported(provider, told.strip())
    if known is not None:
        return known.full_id
    words = told.lower()
    return next(
        (full_id for name, full_id in names if name in words), f"{provider}/{told.strip() or 'other'}"
    )
