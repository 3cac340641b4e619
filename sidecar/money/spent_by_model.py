"""What was spent on which model, under the catalogue's names (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sidecar.money.catalogue import Catalogue
from sidecar.money.pricing import from_pico, to_pico
from sidecar.store.activity import Spending
from sidecar.store.records import CERTAIN, Uncertain

NAMELESS = "unknown"


@dataclass(frozen=True, slots=True)
class ModelSpent:
    """`model` is `provider/id`, or the name that was stored where the catalogue does not know it.

    `uncertain` are those of its calls that are not in `cost_usd`.
    """

    model: str
    cost_usd: Decimal
    calls: int
    tokens_in: int
    tokens_out: int
    uncertain: Uncertain = CERTAIN


def model_name(catalogue: Catalogue, served_model: str | None, model: str | None) -> str:
    """One name for all calls that one model answered, whatever it was called then. Who answered is who was paid."""
    stored = served_model or model
    if not stored:
        return NAMELESS
    row = catalogue.names.full.get(stored) or catalogue.names.bare.get(stored)
    return row.model.full_id if row else stored


def by_model(catalogue: Catalogue, spending: Iterable[Spending]) -> list[ModelSpent]:
    """The dearest first. The costs add up to those of `spending` to the last digit."""
    found: dict[str, ModelSpent] = {}
    for each in spending:
        name = model_name(catalogue, each.served_model, each.model)
        so_far = found.get(name, ModelSpent(name, Decimal(0), 0, 0, 0))
        found[name] = ModelSpent(
            name,
            add(so_far.cost_usd, each.cost_usd),
            so_far.calls + each.calls,
            so_far.tokens_in + each.tokens_in,
            so_far.tokens_out + each.tokens_out,
            so_far.uncertain + each.uncertain,
        )
    return sorted(found.values(), key=lambda each: (-each.cost_usd, each.model))


def add(*amounts_usd: Decimal) -> Decimal:
    """Their exact sum: amounts are whole picodollars, as the ledger keeps them."""
    return from_pico(sum(map(to_pico, amounts_usd)))
