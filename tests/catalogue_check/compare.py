"""Our catalogue beside somebody's list: what differs, and of what kind that is (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sidecar.money.catalogue import Catalogue
from sidecar.money.model import ModelEntry, PriceEntry
from tests.catalogue_check.lists import Listed

MISSING, PRICE, CONTEXT, END, SUCCESSOR = (
    "we lack the model",
    "another price",
    "another window",
    "another end",
    "another successor",
)
# What they list beside models that answer questions in text.
_NOT_OURS = (
    *(
        "audio",
        "image",
        "tts",
        "transcribe",
        "realtime",
        "embedding",
        "moderation",
        "robotics",
        "lyria",
        "gemma",
    ),
    *("omni", "imagen", "veo", "learnlm", "computer-use", "deep-research", "mythos", "-exp-", "container"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, as a line for people."""

    kind: str
    model: str
    text: str


def compare(ours: Catalogue, theirs: Iterable[Listed], today: date) -> list[Found]:
    """Return every difference between a list and what the catalogue says on that day."""
    return [found for listed in theirs for found in _differences(ours, listed, today)]


def by_kind(found: Iterable[Found]) -> dict[str, list[Found]]:
    """Return the differences by their kind, each kind in order of the names."""
    kinds: dict[str, list[Found]] = {}
    for each in sorted(found, key=lambda row: (row.kind, row.model)):
        kinds.setdefault(each.kind, []).append(each)
    return kinds


def _differences(ours: Catalogue, listed: Listed, today: date) -> Iterator[Found]:
    if any(word in listed.model for word in _NOT_OURS):
        return
    row = ours.names.full.get(listed.model)
    if row is None:
        yield Found(MISSING, listed.model, _shown(listed.rates))
        return
    model = row.model
    price = ours.price_entry(model, today)
    mine = _rates(price)
    for name in sorted(mine.keys() & listed.rates.keys()):
        if mine[name] != listed.rates[name]:
            yield Found(
                PRICE, listed.model, f"{name} {mine[name]} here, {listed.rates[name].normalize():f} there"
            )
    if listed.context and listed.context != model.context_size:
        yield Found(CONTEXT, listed.model, f"{model.context_size:,} here, {listed.context:,} there")
    yield from _life(model, listed)


def _life(model: ModelEntry, listed: Listed) -> Iterator[Found]:
    ends_on = model.ends_on.isoformat() if model.ends_on else None
    if listed.ends_on and listed.ends_on != ends_on:
        yield Found(END, listed.model, f"{ends_on} here, {listed.ends_on} there")
    if listed.successor and listed.successor not in (model.successor, model.served_by):
        yield Found(SUCCESSOR, listed.model, f"{model.successor} here, {listed.successor} there")


def _rates(price: PriceEntry | None) -> dict[str, Decimal]:
    if price is None:
        return {}
    batch = {f"batch {name}": rate for name, rate in (price.batch_per_million or {}).items()}
    return {**price.per_million, **batch}


def _shown(rates: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{name} {rate.normalize():f}" for name, rate in rates.items()) or "no price"
