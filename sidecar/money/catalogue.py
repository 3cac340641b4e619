"""Which models there are, what each is called, who answers for a retired one, and what it costs on a day."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar import resources
from sidecar.errors import Failure
from sidecar.money import listing, parse
from sidecar.money import user_catalogue as own_file
from sidecar.money.json_reader import CatalogueError, JsonReader
from sidecar.money.listed import listed_entry
from sidecar.money.model import ModelEntry, PriceEntry, ProviderEntry, Resolved, Serving

if TYPE_CHECKING:
    from sidecar.providers.base import ListedModel

# How vendors date a snapshot of a model: -2026-08-07, -08-2026, -20260807, -0709, -001.
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{8}|\d{4}|\d{3})$")


@dataclass(frozen=True, slots=True)
class Names:
    """Every name in both spellings: `provider/id`, and the bare id, where the first of two providers wins."""

    full: Mapping[str, Resolved]
    bare: Mapping[str, Resolved]

    @classmethod
    def of(cls, models: Iterable[ModelEntry]) -> Names:
        """Raises Wrong when two rows have the same name, or a successor does not exist or leads back."""
        rows = list(models)
        real = [Resolved(model) for model in rows]
        others = [Resolved(model, alias) for model in rows for alias in model.aliases]
        full: dict[str, Resolved] = {}
        bare: dict[str, Resolved] = {}
        # Real ids first: where one provider's alias is another's id, the bare name means the real one.
        for row in (*real, *others):
            if row.full_id in full:
                raise CatalogueError(row.full_id, "stands for two models")
            full[row.full_id] = row
            bare.setdefault(row.id, row)
        names = cls(full, bare)
        for model in rows:
            names.check_replacements(model)
        return names

    def check_replacements(self, model: ModelEntry) -> None:
        seen = {model.full_id}
        for reference in (model.successor, model.served_by):
            if reference is not None and self.of_provider(model.provider, reference) is None:
                raise CatalogueError(
                    model.full_id, f"names {reference} in its place, which is no model of {model.provider}"
                )
        step: ModelEntry | None = model
        while step is not None and (step := self.replacement(step)) is not None:
            if step.full_id in seen:
                raise CatalogueError(model.full_id, "has a successor that leads back to it")
            seen.add(step.full_id)

    def of_provider(self, provider: str, name: str) -> ModelEntry | None:
        row = self.full.get(f"{provider}/{name}")
        return row.model if row else None

    def replacement(self, model: ModelEntry) -> ModelEntry | None:
        """What is called once this model has ended: its successor, else the one the vendor redirects to."""
        reference = model.successor or model.served_by
        return self.of_provider(model.provider, reference) if reference else None

    def knows(self, name: str) -> bool:
        """Whether the name stands for a model, in either spelling."""
        return name in self.full or name in self.bare

    def resolve(self, name: str) -> Resolved:
        """The row of a name in any form. Raises Failure("not_found") that names a few close ones."""
        row = self.full.get(name) or self.bare.get(name)
        if row is None:
            raise Failure("not_found", f"There is no model called {_shown(name)}. {self._advice(name)}")
        return row

    def reported(self, provider: str, vendor_id: str) -> ModelEntry | None:
        """The model that a vendor says answered, also by the id of a dated snapshot; None for an unknown."""
        name = vendor_id.removeprefix("models/")
        model = self.of_provider(provider, vendor_id) or self.of_provider(provider, name)
        return model or self.of_provider(provider, _SNAPSHOT.sub("", name))

    def _advice(self, name: str) -> str:
        import difflib

        close = difflib.get_close_matches(
            name[:200], self.full if "/" in name else self.bare, n=3, cutoff=0.5
        )
        if not close:
            return "Choose one from the list of models."
        return f"Did you mean {' or '.join((', '.join(close[:-1]), close[-1]) if close[1:] else close)}?"


def _shown(name: str) -> str:
    return f'"{name[:80]}…"' if len(name) > 80 else f'"{name}"'


@cache
def shipped() -> JsonReader:
    """Return the catalogue that came with the program. Raise CatalogueError."""
    return parse.root(resources.read_bytes("data/models.json"))


@cache
def _shipped_models() -> tuple[ModelEntry, ...]:
    # It stays what it is while the person's own file, which lies over it, is read again with every change.
    return parse.models(shipped())


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
        root = shipped()
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
        models, providers = _shipped_models() if root is shipped() else parse.models(root), {}
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
