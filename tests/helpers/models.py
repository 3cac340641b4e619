"""Questions to a vendor's models, with what the shipped catalogue knows of each, and what their answers cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sidecar.money import pricing
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import ChatRequest, ModelCapabilities, Turn, Usage

# The day of `simulated.NOW_MS`.
TODAY = date(2026, 11, 23)
UNABLE = ModelCapabilities(frozenset({"streaming"}))


@cache
def catalogue() -> Catalogue:
    return Catalogue.load()


def traits(provider: str, model: str) -> ModelCapabilities:
    entry = catalogue().reported(provider, model)
    assert entry is not None, model
    return ModelCapabilities(
        frozenset(entry.features), entry.efforts, entry.context_size, entry.max_output_tokens, entry.extra
    )


def ask(
    provider: str, model: str, text: str = "Why?", *, asked: Iterable[str] = (), **options: Any
) -> ChatRequest:
    """A question, whose `traits` and `turns` may be given. `asked` are the options that it names itself."""
    known = options.pop("traits", None) or traits(provider, model)
    turns = options.pop("turns", (Turn("user", text),))
    return ChatRequest(model=model, turns=turns, traits=known, asked=frozenset(asked), **options)


def priced(
    provider: str, model: str, usage: Usage, day: date = TODAY, *, batch: bool = False
) -> Decimal | str:
    """What the usage costs by the shipped catalogue, or why that is not known."""
    entry = catalogue().reported(provider, model)
    assert entry is not None, model
    cost = pricing.cost(usage, catalogue().price_entry(entry, day), batch=batch)
    return cost.reason if isinstance(cost, pricing.Unpriced) else cost.total_usd
