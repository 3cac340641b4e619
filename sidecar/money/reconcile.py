"""Our ledger beside a vendor's bill: by the vendor's day and model, what differs and what explains it (pure).

    theirs ─ ours = what is uncertain here  +  what others spent on the same account  -  discounts, free quotas, delay

Only the first of these is known, and only as a range; so a difference that it does not cover is named by its sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sidecar.counted import at_most, counted, dollars
from sidecar.money.bill_models import BilledModels
from sidecar.money.bill_units import (
    BATCH,
    CACHED,
    INPUT,
    OUTPUT,
    SEARCH,
    STANDARD,
    WHOLE,
    WRITTEN,
    our_unit,
    their_unit,
    tier_of,
)
from sidecar.money.catalogue import Catalogue
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import BilledLine
from sidecar.store.records import LedgerEntry

# A cent in ten thousand calls: vendors round each line of a bill.
ROUNDING_USD = Decimal("0.0001")
# Figures come minutes to hours late.
LATE_DAYS = 2
ALL_MODELS = "all"
# Where a vendor tells its searches by themselves and not by the model that made them.
SEARCHES = "searches"


@dataclass(slots=True)
class ReconciledRow:
    """A vendor's day and a model of it. `uncertain` calls may have cost from `at_least_usd` to `at_most_usd`.

    `at_most_usd` is None where one of them has no bound. Units are those of `bill_units`, on both sides. `searching`
    of the calls searched. `across` calls, of `across_usd`, began on one of the vendor's days and ended on another:
    these may stand in the bill of either, or of one between. Tiers are service tiers, theirs where the bill names them.
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
    our_counts: dict[str, int] = field(default_factory=dict)
    their_counts: dict[str, int] = field(default_factory=dict)
    ours_by_tier: dict[str, Decimal] = field(default_factory=dict)
    theirs_by_tier: dict[str, Decimal] = field(default_factory=dict)
    billed: bool = False
    searching: int = 0
    across: int = 0
    across_usd: Decimal = Decimal(0)
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
    priced: bool = False,
) -> list[ReconciledRow]:
    """Return the days from `first` to `last`, oldest first, each with its models, or (not `by_model`) in one row.

    `priced`: the lines are the vendor's tokens at our prices.
    """
    pacific = provider == "gemini"
    rows: dict[tuple[date, str], ReconciledRow] = {}

    def row(day: date, model: str) -> ReconciledRow:
        model = model if by_model else ALL_MODELS
        return rows.setdefault((day, model), ReconciledRow(day, model))

    across: list[tuple[date, date, str, Decimal]] = []
    for entry in entries:
        if entry.provider != provider or entry.state == "failed":
            continue
        day, model = day_of(entry.created_at, pacific=pacific), entry.served_model or entry.model or "unknown"
        if first <= day <= last:
            _add(row(day, model), entry)
        # What was settled by a later look at the bill did not end then.
        told = entry.settled_at if entry.settled_by is None else None
        ended = day if told is None else day_of(told, pacific=pacific)
        if ended > day and entry.cost_usd:
            across.append((day, ended, model, entry.cost_usd))
    models = BilledModels(catalogue, provider)
    for line in lines:
        if first <= line.day <= last:
            model, unit = models.full_id(line.model), their_unit(line.unit, line.model)
            if unit == SEARCH and not models.knows(model):
                model = f"{provider}/{SEARCHES}"
            found = row(line.day, model)
            found.theirs_usd += line.usd
            found.billed = True
            _count(found.theirs_by_unit, unit, line.usd)
            if line.quantity is not None:
                found.their_counts[unit] = found.their_counts.get(unit, 0) + line.quantity
            if line.tier:
                _count(found.theirs_by_tier, tier_of(line.tier), line.usd)
    for alone in [each for each in rows.values() if each.model == f"{provider}/{SEARCHES}"]:
        _gather_searches(alone, [each for each in rows.values() if each.day == alone.day])
    for begun, ended, model, usd in across:
        for each in rows.values():
            if begun <= each.day <= ended and each.model in (model, ALL_MODELS):
                each.across += 1
                each.across_usd += usd
    for each in rows.values():
        each.explanation = _explanation(each, today, free=pacific, priced=priced)
    return [rows[key] for key in sorted(rows)]


def _count(units: dict[str, Decimal], unit: str, usd: Decimal) -> None:
    units[unit] = units.get(unit, Decimal(0)) + usd


def _gather_searches(alone: ReconciledRow, day: list[ReconciledRow]) -> None:
    """Put our searches of that day beside those which the vendor tells without a model."""
    for each in day:
        usd = each.ours_by_unit.get(SEARCH)
        if each is alone or usd is None or SEARCH in each.theirs_by_unit:
            continue
        del each.ours_by_unit[SEARCH]
        each.ours_usd -= usd
        alone.ours_usd += usd
        alone.calls += each.searching
        _count(alone.ours_by_unit, SEARCH, usd)


def _add(row: ReconciledRow, entry: LedgerEntry) -> None:
    row.calls += 1
    row.searching += any(our_unit(part["unit"]) == SEARCH for part in entry.parts or ())
    for unit, number in _counts(entry):
        row.our_counts[unit] = row.our_counts.get(unit, 0) + (number or 0)
    for part in entry.parts or ():
        _count(row.ours_by_unit, our_unit(part["unit"]), Decimal(part["usd"]))
    if entry.parts is None and entry.cost_usd:
        _count(row.ours_by_unit, WHOLE, entry.cost_usd)
    least = entry.at_least_usd or Decimal(0)
    tier = BATCH if entry.batch_rate else tier_of(entry.service_tier or "")
    _count(row.ours_by_tier, tier, least if entry.cost_usd is None else entry.cost_usd)
    if entry.cost_usd is not None:
        row.ours_usd += entry.cost_usd
        return
    row.uncertain += 1
    row.ours_usd += least
    if entry.at_most_usd is None or row.at_most_usd is None:
        row.at_most_usd = None
    else:
        row.at_most_usd += max(Decimal(0), entry.at_most_usd - least)


def _counts(entry: LedgerEntry) -> Iterable[tuple[str, int | None]]:
    """What was counted of a call, by unit; of one whose usage is not known the least."""
    return (
        (INPUT, entry.in_uncached),
        (CACHED, entry.cache_read),
        *((WRITTEN, written) for written in (entry.cache_write_short, entry.cache_write_long)),
        *((OUTPUT, written) for written in (entry.out_visible, entry.out_reasoning)),
        (SEARCH, entry.searches),
    )


def _explanation(row: ReconciledRow, today: date, *, free: bool, priced: bool) -> str:
    """A sentence on why both differ, empty where they do not."""
    difference = row.difference_usd
    if abs(difference) <= ROUNDING_USD and not row.uncertain:
        return ""
    late = today - row.day < timedelta(days=LATE_DAYS)
    if row.across and ROUNDING_USD < abs(difference) <= row.across_usd + ROUNDING_USD:
        return (
            f"{counted(row.across, 'call')} of {dollars(row.across_usd)} ended on a later day than the question's, and "
            "the vendor may count that on any of these: look at the days together."
        )
    if not row.billed:
        return (
            "The vendor's figures for these calls are not in yet: look again tomorrow."
            if late
            else "The vendor has no figure for these calls: another key, organisation or project, or they were free."
        )
    if not row.calls:
        return "Nothing was asked from here: another program on the same account."
    unknown = f"What {counted(row.uncertain, 'call')} cost is not known here"
    if row.uncertain and difference >= -ROUNDING_USD:
        if row.at_most_usd is None:
            return f"{unknown}, nor how much at most; other programs may be in it too."
        most = f"{unknown}: up to {at_most(row.at_most_usd)} more than is counted"
        if difference <= row.at_most_usd + ROUNDING_USD:
            return f"{most}."
        return f"{most}; the rest is of other programs on the account."
    if told := _by_tier(row):
        return told
    if priced and (difference > 0 or not late):
        return (
            f"The vendor counts {'more' if difference > 0 else 'less'}, at the prices of here: other programs on the "
            "same account or another one, or calls that a sum of tokens does not price as they were (long prompts, "
            "other tiers, searches)."
        )
    if difference > 0:
        return "The vendor counts more: other programs on the same account, or taxes."
    if late:
        return "The vendor counts less so far: its figures come hours late. Look again tomorrow."
    quota = "free searches (see the setting freeSearches), " if free else ""
    return f"The vendor counts less: {quota}credits, discounts or a commitment, which are not in our ledger."


def _by_tier(row: ReconciledRow) -> str:
    """The sentence on service tiers in which the two differ, in the sense in which they differ at all; else empty."""
    if not row.theirs_by_tier:
        return ""
    found = []
    for tier in sorted((row.theirs_by_tier.keys() | row.ours_by_tier.keys()) - {STANDARD}):
        theirs, ours = (by.get(tier, Decimal(0)) for by in (row.theirs_by_tier, row.ours_by_tier))
        if abs(theirs - ours) > ROUNDING_USD and (theirs > ours) == (row.difference_usd > 0):
            found.append(f"{tier} ({dollars(theirs)} there, {dollars(ours)} here)")
    if not found:
        return ""
    return (
        f"The two differ in the service tier {', '.join(found)}: another program on the account uses it, the vendor "
        "ran calls in another tier than it said, or this report of its leaves the tier out."
    )
