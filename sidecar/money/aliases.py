"""What a model name stands for: ids and aliases, each with or without its provider in front."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sidecar.errors import Failure
from sidecar.money.json_reader import CatalogueError
from sidecar.money.model import ModelEntry, Resolved

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
