"""What the simulated vendors know of their models and prices: the shipped catalogue, read on first use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from sidecar.providers.base import Usage
from sidecar.simulator.billing import BilledCall

if TYPE_CHECKING:
    from sidecar.money.catalogue import Catalogue
    from sidecar.money.model import PriceEntry

ANY_MODEL = "compatible"
"""The provider that stands for every server of a person's own: it answers under any name but `missing…`."""
# What such a server charges, whatever the model, in dollars.
GATEWAY_PER_MILLION = {"prompt": Decimal(1), "completion": Decimal(2)}
BEGINNING = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class SimModel:
    """One model as its vendor sees it. `bills_cache_writes` is whether writing the prompt cache costs."""

    id: str
    title: str
    reasons: bool
    efforts: tuple[str, ...]
    features: frozenset[str]
    context_size: int
    bills_cache_writes: bool


class Models:
    """Looks models up by the vendor's own name for them."""

    @cached_property
    def _catalogue(self) -> Catalogue:
        from sidecar.money.catalogue import Catalogue

        return Catalogue.load(None)

    def find(self, provider: str, name: str, day: date) -> SimModel | None:
        """The model that answers to this name on that day; None for one that is unknown or retired."""
        if provider == ANY_MODEL:
            return None if not name or name.startswith("missing") else _of_any_name(name)
        model = self._catalogue.reported(provider, name)
        if model is None or model.status_on(day) == "retired":
            return None
        served = self._catalogue.reported(provider, model.served_by) if model.served_by else None
        model = served or model
        price = self._catalogue.price_entry(model, day)
        return SimModel(
            id=model.id,
            title=model.name,
            reasons="reasoning" in model.features,
            efforts=model.efforts,
            features=frozenset(model.features),
            context_size=model.context_size,
            bills_cache_writes=price is not None and "cacheWrite5m" in price.per_million,
        )

    def ids(self, provider: str, day: date) -> tuple[str, ...]:
        """The ids that the vendor lists on that day."""
        if provider == ANY_MODEL:
            return ("small-simulated", "large-simulated")
        return tuple(
            model.id
            for model in self._catalogue.models
            if model.provider == provider and model.status_on(day) != "retired"
        )

    def billed(
        self, provider: str, name: str, usage: Usage, at_ms: int, *, batch: bool = False, id_: str = ""
    ) -> BilledCall:
        """The call as a bill has it: what each of its parts cost on its day (UTC)."""
        from sidecar.money import pricing

        day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
        cost = pricing.cost(usage, self._price(provider, name, day), batch=batch)
        units: dict[str, Decimal] = {}
        for part in () if isinstance(cost, pricing.Unpriced) else cost.parts:
            units[part.unit] = units.get(part.unit, Decimal(0)) + part.usd
        return BilledCall(at_ms, provider, name, usage, units, batch, id_)

    def charge(
        self, provider: str, name: str, usage: Usage, day: date, *, batch: bool = False
    ) -> Decimal | None:
        """What this usage would cost, in dollars; None where no price is known.

        A service tier that the price list does not know costs what it lists.
        """
        from sidecar.money import pricing

        price = self._price(provider, name, day)
        cost = pricing.cost(usage, price, batch=batch)
        if isinstance(cost, pricing.Unpriced):
            cost = pricing.cost(replace(usage, service_tier=None), price, batch=batch)
        return None if isinstance(cost, pricing.Unpriced) else cost.total_usd

    def _price(self, provider: str, name: str, day: date) -> PriceEntry | None:
        from sidecar.money.model import PriceEntry

        if provider == ANY_MODEL:
            return PriceEntry(BEGINNING, "the simulator's own", BEGINNING, GATEWAY_PER_MILLION)
        model = self._catalogue.reported(provider, name)
        return self._catalogue.price_entry(model, day) if model else None


def _of_any_name(name: str) -> SimModel:
    return SimModel(
        id=name,
        title=name,
        reasons=False,
        efforts=(),
        features=frozenset(),
        context_size=131_072,
        bills_cache_writes=False,
    )
