"""Which models there are, what each is called, who answers for a retired one, and what it costs on a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar import resources
from sidecar.errors import Failure
from sidecar.money import listing, parse
from sidecar.money import user_catalogue as own_file
from sidecar.money.aliases import Names
from sidecar.money.json_reader import CatalogueError, JsonReader
from sidecar.money.listed import listed_entry
from sidecar.money.model import ModelEntry, PriceEntry, ProviderEntry, Resolved, Serving

if TYPE_CHECKING:
    from sidecar.providers.base import ListedModel


@dataclass(slots=True)
class Catalogue:
    """The shipped models with the user's own laid over them. `providers` are those of the user's file.

    Who holds it sees the models of a later edition as soon as it has taken that over; `edition` tells them apart.
    """

    models: tuple[ModelEntry, ...]
    names: Names
    providers: Mapping[str, ProviderEntry] = field(default_factory=dict)
    edition: int = field(default=0, compare=False)

    @classmethod
    def load(cls, overlay: Path | None = None) -> Catalogue:
        """The catalogue, with the user's file over it when there is one. Raises Failure if that is wrong."""
        root = parse.root(resources.read_bytes("data/models.json"))
        content = own_file.read(overlay)
        try:
            return cls.of(root, content, name=overlay.name if overlay else "")
        except CatalogueError as wrong:
            if overlay is None:
                raise
            raise own_file.refusal(overlay, wrong, content) from wrong

    @classmethod
    def of(
        cls,
        root: JsonReader,
        own: bytes | None,
        listed: Iterable[tuple[str, ListedModel]] = (),
        *,
        name: str = "models.json",
    ) -> Catalogue:
        """The shipped catalogue `root` with the content of a user's file, called `name`, over it.

        `listed` are models that a provider of that name lists; the catalogue's own word goes first. Raises
        CatalogueError.
        """
        models, providers = parse.models(root), {}
        if own is not None:
            laid = own_file.lay(models, own, parse.service_tiers(root), name)
            models, providers = laid.models, dict(laid.providers)
        names = Names.of(models)
        more = {
            f"{provider}/{each.id}": listed_entry(models, provider, each)
            for provider, each in listed
            if f"{provider}/{each.id}" not in names.full
        }
        whole = (*models, *more.values())
        return cls(whole, Names.of(whole) if more else names, providers)

    def take_over(self, other: Catalogue) -> None:
        """Be the other one from now on, for everybody who holds this one."""
        self.models, self.names, self.providers = other.models, other.names, other.providers
        self.edition += 1

    def resolve(self, name: str) -> Resolved:
        """The row of `provider/id`, `id` or an older name. Raises Failure("not_found")."""
        return self.names.resolve(name)

    def reported(self, provider: str, vendor_id: str) -> ModelEntry | None:
        """The model that the vendor says answered; None when the catalogue lacks it, and so its price."""
        return self.names.reported(provider, vendor_id)

    def served(self, name: str, day: date) -> Serving:
        """Who answers when `name` is asked on that day: itself, or for a retired model its successor.

        Raises Failure("not_found").
        """
        resolved = self.resolve(name)
        asked = resolved.model
        model = self._answering(asked, day)
        if model is asked:
            knows = resolved.alias is not None and resolved.alias.vendor_knows
            return Serving(resolved.full_id, asked, asked, resolved.id if knows else asked.id, asked.name)
        ended = f" on {asked.ends_on}" if asked.ends_on else ""
        note = f"{asked.name} was retired{ended}. {model.name} answers in its place, at its own price."
        label = f"{model.name}, for the retired {asked.name}"
        return Serving(resolved.full_id, asked, model, model.id, label, (note,))

    def price_entry(self, model: ModelEntry, day: date) -> PriceEntry | None:
        """The dated price that holds on that day (UTC), None when the model has none then."""
        return next((price for price in reversed(model.prices) if price.starts_on <= day), None)

    def prices_until(self, asked_id: str, day: date, days: int) -> tuple[PriceEntry, ...]:
        """Every price that a call under that name has on that day or one of so many after it, the first one first.

        Who answers may change too. A day on which it has no price, or nobody answers, is left out.
        """
        found: dict[int, PriceEntry] = {}
        for later in range(days + 1):
            with suppress(Failure):
                on = day + timedelta(days=later)
                price = self.price_entry(self.served(asked_id, on).model, on)
                if price is not None:
                    found.setdefault(id(price), price)
        return tuple(found.values())

    def rows(
        self, day: date, include_retired: bool = True, used: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """Every name as a Model of the wire, priced as a call of that day would be.

        With `used`, names as `provider/id`, other names than a model's own are left out unless they are one of
        those, or always shown.
        """
        found: list[dict[str, Any]] = []
        for model in self.models:
            if include_retired or model.status_on(day) != "retired":
                others = [Resolved(model, alias) for alias in model.aliases if not alias.hidden]
                shown = [
                    each
                    for each in others
                    if used is None or each.full_id in used or (each.alias and each.alias.shown)
                ]
                found += self._rows([Resolved(model), *shown], day)
        return found

    def row(self, name: str, day: date) -> dict[str, Any]:
        """The Model of the wire for a name in any form. Raises Failure("not_found")."""
        return self._rows([self.resolve(name)], day)[0]

    def _rows(self, names: Sequence[Resolved], day: date) -> list[dict[str, Any]]:
        model = names[0].model
        price = self.price_entry(self._answering(model, day), day)
        pricing, note = listing.pricing(price), listing.price_note(price, day)
        return [listing.row(name, model.status_on(day), pricing, note) for name in names]

    def _answering(self, model: ModelEntry, day: date) -> ModelEntry:
        while model.ended(day) and (successor := self.names.replacement(model)) is not None:
            model = successor
        return model
