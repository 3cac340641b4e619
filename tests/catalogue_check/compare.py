"""Our catalogue beside somebody's list: what differs, and of what kind that is (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sidecar.money.catalogue import Catalogue
from sidecar.money.model import ModelEntry
from tests.catalogue_check.lists import Listed
from tests.catalogue_check.ours import charged

MISSING, PRICE, CONTEXT, END, SUCCESSOR = (
    "we lack the model",
    "another price",
    "another window",
    "another end",
    "another successor",
)
BATCH, TIER, LONG_WRITE, SERVICE, SEARCHES, SURCHARGE, OTHER_DAY = (
    "another price in a batch",
    "another price of a long prompt",
    "another price of what is cached for long",
    "another price of a service tier",
    "another price of searches",
    "another surcharge",
    "another price on another day",
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
    yield from _prices(listed, charged(price))
    for day, rates in listed.days.items():
        then = charged(ours.price_entry(model, day))
        for name, there in rates.items():
            if then and then.get(name) != there:
                yield Found(OTHER_DAY, listed.model, f"{day}: {name} {_both(then.get(name), there)}")
    if listed.context and listed.context != model.context_size:
        yield Found(CONTEXT, listed.model, f"{model.context_size:,} here, {listed.context:,} there")
    yield from _life(model, listed)


def _life(model: ModelEntry, listed: Listed) -> Iterator[Found]:
    ends_on = model.ends_on.isoformat() if model.ends_on else None
    if listed.ends_on and listed.ends_on != ends_on:
        yield Found(END, listed.model, f"{ends_on} here, {listed.ends_on} there")
    if listed.successor and listed.successor not in (model.successor, model.served_by):
        yield Found(SUCCESSOR, listed.model, f"{model.successor} here, {listed.successor} there")


def _prices(listed: Listed, mine: Mapping[str, Decimal]) -> Iterator[Found]:
    """What the list says otherwise than we do; where we say nothing of it, that is a difference too."""
    for name, there in listed.rates.items():
        if mine.get(name) != there:
            yield Found(_kind(name), listed.model, f"{name} {_both(mine.get(name), there)}")


def _kind(rate: str) -> str:
    """Of which kind a difference is: what the rate is of, the rarest thing first."""
    if "searches" in rate:
        return SEARCHES
    if "=" in rate:
        return SURCHARGE
    if " above " in rate:
        return TIER
    plan, _, _ = rate.rpartition(" ")
    if plan:
        return BATCH if plan == "batch" else SERVICE
    return LONG_WRITE if rate == "cacheWrite1h" else PRICE


def _both(here: Decimal | None, there: Decimal) -> str:
    mine = "nothing" if here is None else f"{here.normalize():f}"
    return f"{mine} here, {there.normalize():f} there"


def _shown(rates: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{name} {rate.normalize():f}" for name, rate in rates.items()) or "no price"
