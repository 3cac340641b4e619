"""The most and the least that a request may cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money.charge import charge
from sidecar.money.cost_range import SEARCHES_BY_ITSELF, Extras, assumptions, extras_of, highest, lowest
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.providers.base import Provider, Usage
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.transport import simulated_transport
from tests.helpers.models import ask, catalogue
from tests.helpers.simulated import simulator

DAY = date(2026, 11, 26)
MILLION = Decimal(1_000_000)


def model(name: str) -> ModelEntry:
    return catalogue().resolve(name).model


def price(name: str) -> PriceEntry | None:
    return catalogue().price_entry(model(name), DAY)


def extras(provider: Provider, name: str, **options: Any) -> Extras:
    asked = ask(provider.name, name, **options)
    return extras_of(asked, model(f"{provider.name}/{name}"), provider.plan(asked))


@pytest.fixture
def http() -> HttpClient:
    return HttpClient(lambda: simulated_transport(simulator()))


def test_a_prompt_is_read_anew_after_each_search() -> None:
    # 100 tokens thrice, the pages of the first search twice and of the second once, and what may be written before
    # each of them, 2 dollars a million.
    read = (100 * 3 + 8_000 * 3 + 10 * 2) * 2 / MILLION
    two = highest(price("openai/gpt-6-sol"), 100, 10, Extras(2))
    assert two == read + 10 * 10 / MILLION + 2 * Decimal("0.01")


def test_the_blocks_that_searches_of_small_models_bill_are_in_it() -> None:
    mini = highest(price("openai/gpt-4o-mini"), 100, 10, Extras(1))
    # What is read, 0.15 dollars a million, is 100 tokens twice, a page, what was written before, and the block that no
    # usage shows.
    assert mini == (200 + 8_000 + 10 + 8_000) * Decimal("0.15") / MILLION + 10 * Decimal(
        "0.6"
    ) / MILLION + Decimal("0.01")


def test_a_regional_host_raises_the_most_and_not_the_least(http: HttpClient) -> None:
    usual = extras(OpenAI(http, "https://api.openai.com/v1"), "gpt-6-sol")
    regional = extras(OpenAI(http, "https://eu.api.openai.com/v1"), "gpt-6-sol")
    sol = price("openai/gpt-6-sol")
    plain = highest(sol, 1_000, 100, usual)
    assert plain is not None
    assert highest(sol, 1_000, 100, regional) == plain * Decimal("1.1")
    # In the cheapest tier, which is half of it.
    assert lowest(sol, 1_000) == (1_000 * Decimal("0.2") + 10) / MILLION / 2
    # A model from before March 2026 costs the same there.
    old = price("openai/gpt-4o")
    assert highest(old, 1_000, 100, regional) == highest(old, 1_000, 100, usual)


def test_the_fee_of_a_question_that_xai_blocks_is_the_least_of_its_most(http: HttpClient) -> None:
    grok = Grok(http, "https://api.x.ai/v1")
    searching = extras(grok, "grok-4.7", web_search_max_uses=1)
    assert highest(price("grok/grok-4.7"), 10, 10, searching) == Decimal("0.05")
    asking = highest(price("grok/grok-4.7"), 10, 10, extras(grok, "grok-4.7"))
    assert asking is not None
    assert asking < Decimal("0.001")


def test_what_the_most_rests_on_is_said() -> None:
    gemini = model("gemini/gemini-3.8-flash")
    searches, guess, again = (
        "Gemini 3.8 Flash: assumed, because the vendor has no limit: 2 searches",
        "Gemini 3.8 Flash: the tokens of its prompts are guessed",
        "3 times in all",
    )
    told = assumptions(Extras(2), counted_exactly=False, model=gemini, attempts=3)
    assert all(any(words in sentence for sentence in told) for words in (searches, guess, again))
    assert assumptions(Extras(), counted_exactly=True, model=gemini) == ()


def test_a_model_that_searches_by_itself_has_no_known_cost_and_a_most_with_searches() -> None:
    known, day = catalogue(), date(2026, 11, 27)
    model, plain = (known.served(f"openai/{name}", day).model for name in ("gpt-5-search-api", "gpt-5"))
    usage = Usage(in_uncached=10, out_visible=20, prompt_total=10)
    unknown = charge(known, model, None, usage, day)
    assert (unknown.usd, unknown.unpriced) == (None, "it searches by itself and does not say how often")
    assert charge(known, plain, None, usage, day).usd is not None
    told = replace(usage, searches=2)
    assert charge(known, model, None, told, day).usd is not None
    most = highest(known.price_entry(model, day), 10, 20, Extras(SEARCHES_BY_ITSELF))
    assert most is not None
    assert most > SEARCHES_BY_ITSELF * Decimal("0.01")
