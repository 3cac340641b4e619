"""A newer catalogue beside the one that holds: whether it may take its place, and what it changes (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sidecar.money import parse
from sidecar.money.catalogue import Names
from sidecar.money.json_reader import CatalogueError, JsonReader
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.money.user_catalogue import MEMBERS

Models = Sequence[ModelEntry]
# What stands at the top of a whole catalogue.
_TOP = ("$schema", "version", "checkedOn", "notes", "serviceTiers", "models")
# Somewhere it is tomorrow already, and who corrects prices on the day of the catalogue that holds needs later days.
_AHEAD = timedelta(days=7)
_NEEDED = ("name", "contextSize", "features", "status", "prices")


@dataclass(frozen=True, slots=True)
class CatalogueChanges:
    """Models by `provider/id`. `changed` are those of which something else than a price is another.

    `prices` are new, or charge otherwise than before; `gone` are those of models that go on, from whose day on none
    begins any more.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    prices: tuple[tuple[str, PriceEntry], ...]
    gone: tuple[tuple[str, PriceEntry], ...]


def checked_on(root: JsonReader) -> date:
    """Return the day of a whole catalogue. Raise CatalogueError for one that has none."""
    return root.need_day("checkedOn")


def check(root: JsonReader, present: Models, today: date) -> tuple[ModelEntry, ...]:
    """Return the models of a newer catalogue that may take the place of `present`. Raise CatalogueError.

    It must be whole, every price with its source and the day on which it was checked; and it may not rewrite what
    was paid: a price of the past is as it was, or has a note of its own that says why not.
    """
    root.only(_TOP)
    _refuse_ahead(root, today)
    for node in root.nodes("models"):
        for name in _NEEDED:
            if name not in node.members:
                node.fail(name, "is missing")
        node.only(MEMBERS)
        _refuse_address(node)
        _refuse_twins(node)
        for price in node.nodes("prices"):
            price.only(parse.PRICE_MEMBERS)
            _refuse_ahead(price, today)
    models = parse.models(root)
    if not models:
        raise CatalogueError("models", "must not be empty")
    Names.of(models)
    newer = {model.full_id: model for model in models}
    for model in present:
        other = newer.get(model.full_id)
        if other is None:
            raise CatalogueError(model.full_id, "is missing, and calls to it were paid")
        _check_past(model, other, today)
    return models


def changes(present: Models, newer: Models) -> CatalogueChanges:
    """Return what is another once `newer` takes the place of `present`."""
    before = {model.full_id: model for model in present}
    after = {model.full_id: model for model in newer}
    both = [(before[name], after[name]) for name in after if name in before]
    return CatalogueChanges(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(new.full_id for old, new in both if replace(old, prices=()) != replace(new, prices=())),
        prices=tuple(
            (name, price)
            for name, model in after.items()
            for price in model.prices
            if name not in before or not any(_alike(old, price) for old in before[name].prices)
        ),
        gone=tuple(
            (new.full_id, price)
            for old, new in both
            for price in old.prices
            if price.starts_on not in {each.starts_on for each in new.prices}
        ),
    )


def _refuse_address(node: JsonReader) -> None:
    """Keys and questions go where the provider is, or where the person's own file says, and to nobody else."""
    if node.members.get("baseUrl") is not None:
        node.fail(
            "baseUrl",
            "must not be in a catalogue that is handed on: keys and questions would go there. Where a model is reached "
            "elsewhere, your own models.json says so",
        )


def _refuse_twins(node: JsonReader) -> None:
    """Of two prices from one day nobody knows which holds."""
    days = Counter(price.need_day("from") for price in node.nodes("prices"))
    twice = next((day for day, number in days.items() if number > 1), None)
    if twice is not None:
        node.fail("prices", f"has two from {twice}. Leave the one that holds")


def _refuse_ahead(node: JsonReader, today: date) -> None:
    """Nobody has looked at a price on a day far ahead, and such a catalogue would keep out all that come before it."""
    day = node.need_day("checkedOn")
    if day > today + _AHEAD:
        node.fail(
            "checkedOn",
            f"is {day}, more than a week ahead: today is {today} by this computer's clock. Write the day on which the "
            "prices were looked up, or set the clock",
        )


def _check_past(model: ModelEntry, newer: ModelEntry, today: date) -> None:
    held = {price.starts_on: price for price in model.prices if price.starts_on <= today}
    for day in _other_days(model, newer, today):
        price, old = next((each for each in newer.prices if each.starts_on == day), None), held.get(day)
        if price is None:
            raise CatalogueError(model.full_id, f"has no price from {day} any more, by which calls were paid")
        if not price.notes or (old is not None and price.notes == old.notes):
            raise CatalogueError(
                model.full_id,
                f"has another price from {day} than before, and its `notes` say nothing new. Write there why",
            )


def _other_days(model: ModelEntry, newer: ModelEntry, today: date) -> Iterator[date]:
    """The first days of prices of the past that are not what they were."""
    old, new = (
        {price.starts_on: price for price in each.prices if price.starts_on <= today}
        for each in (model, newer)
    )
    for day in sorted(old.keys() | new.keys()):
        if day not in old or day not in new or not _alike(old[day], new[day]):
            yield day


def _alike(old: PriceEntry, new: PriceEntry) -> bool:
    """Whether both charge the same from the same day, whoever read it and when; service tiers may have come to it."""
    kept = old.service_tiers.keys()
    return kept <= new.service_tiers.keys() and _charged(old, kept) == _charged(new, kept)


def _charged(price: PriceEntry, tiers: Collection[str]) -> PriceEntry:
    kept = {name: price.service_tiers[name] for name in tiers}
    return replace(price, source="", notes="", checked_on=price.starts_on, service_tiers=kept)
