"""Service tiers of a vendor whose bill names none: what it counted in each, beside what our ledger has (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from sidecar.money.bill_models import BilledModels
from sidecar.money.bill_units import BATCH, STANDARD, tier_of
from sidecar.money.catalogue import Catalogue
from sidecar.money.reconcile import ALL_MODELS, ROUNDING_USD, ReconciledRow
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import TierTokens
from sidecar.store.records import LedgerEntry

_Place = tuple[date, str, str]


def differing(rows: Iterable[ReconciledRow]) -> list[ReconciledRow]:
    """Return the rows of which both sides have calls, and the bill another figure than the ledger."""
    return [row for row in rows if row.billed and row.calls and abs(row.difference_usd) > ROUNDING_USD]


def explain_by_tiers(
    catalogue: Catalogue,
    provider: str,
    rows: Sequence[ReconciledRow],
    entries: Iterable[LedgerEntry],
    told: Iterable[TierTokens],
) -> None:
    """Add to what explains a difference in which tier the vendor counted more, or less, in the sense of it."""
    by_model = all(row.model != ALL_MODELS for row in rows)
    theirs, ours = Counter[_Place](), Counter[_Place]()
    models = BilledModels(catalogue, provider)
    for each in told:
        model = models.full_id(each.model) if by_model else ALL_MODELS
        theirs[each.day, model, tier_of(each.tier)] += each.tokens
    for entry in entries:
        if entry.provider == provider and entry.state != "failed":
            model = (entry.served_model or entry.model or "unknown") if by_model else ALL_MODELS
            tier = BATCH if entry.batch_rate else tier_of(entry.service_tier or "")
            tokens = sum((entry.prompt_total or 0, entry.out_visible or 0, entry.out_reasoning or 0))
            ours[day_of(entry.created_at, pacific=False), model, tier] += tokens
    for row in differing(rows):
        places = sorted({place for place in (*theirs, *ours) if place[:2] == (row.day, row.model)})
        for place in places:
            more = theirs[place] - ours[place]
            if place[2] != STANDARD and more and (more > 0) == (row.difference_usd > 0):
                row.explanation += (
                    f" In the service tier {place[2]} it counted {theirs[place]:,} tokens, and here are "
                    f"{ours[place]:,}."
                )
