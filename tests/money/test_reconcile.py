"""Our ledger beside a vendor's figures, and what is said of the difference."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money.bill_units import their_unit
from sidecar.money.reconcile import ReconciledRow, reconcile
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import BilledLine
from sidecar.store.records import LedgerEntry
from tests.helpers.models import catalogue

DAY, TODAY = date(2026, 11, 20), date(2026, 11, 26)
LUNA = "openai/gpt-6-luna"


def at(day: date, hour: int = 12) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp() * 1000)


def call(usd: str | None, **members: Any) -> LedgerEntry:
    known = {"state": "settled", "provider": "openai", "model": LUNA, "served_model": LUNA, **members}
    cost = None if usd is None else Decimal(usd)
    return LedgerEntry(id="a", created_at=at(members.pop("day", DAY)), kind="chat", cost_usd=cost, **known)


def line(usd: str, model: str = "gpt-6-luna", day: date = DAY) -> BilledLine:
    return BilledLine(day, model, "input", Decimal(usd))


def rows(
    entries: list[LedgerEntry], lines: list[BilledLine], today: date = TODAY, provider: str = "openai"
) -> list[ReconciledRow]:
    return reconcile(catalogue(), provider, entries, lines, date(2026, 11, 1), date(2026, 11, 30), today)


def test_what_agrees_needs_no_explanation() -> None:
    [row] = rows([call("0.10"), call("0.20")], [line("0.1"), line("0.2")])
    assert (row.day, row.model, row.difference_usd, row.calls) == (DAY, LUNA, Decimal(0), 2)
    assert (row.explanation, row.theirs_by_unit) == ("", {"input": Decimal("0.3")})


def test_a_call_that_broke_off_explains_as_much_as_was_held_back_for_it() -> None:
    broken = call(None, state="unknown", at_least_usd=Decimal("0.1"), at_most_usd=Decimal("0.6"))
    [row] = rows([call("0.10"), broken], [line("0.45")])
    assert (row.uncertain, row.ours_usd, row.at_most_usd) == (1, Decimal("0.2"), Decimal("0.5"))
    assert row.explanation == "What 1 call cost is not known here: up to $0.50 more than is counted."
    [more] = rows([call("0.10"), broken], [line("0.95")])
    assert "the rest is of other programs" in more.explanation


def test_a_refused_call_is_no_call() -> None:
    assert rows([call("0", state="failed")], []) == []


@pytest.mark.parametrize(
    ("entries", "lines", "today", "words"),
    [
        ([call("0.1")], [line("0.2")], TODAY, "The vendor counts more: other programs"),
        ([], [line("0.2")], TODAY, "another program on the same account"),
        ([call("0.2")], [line("0.1")], TODAY, "credits, discounts"),
        ([call("0.2")], [line("0.1")], DAY, "hours late"),
        ([call("0.2")], [], DAY, "not in yet"),
        ([call("0.2")], [], TODAY, "another key, organisation or project"),
    ],
)
def test_a_difference_is_named_by_what_can_have_made_it(
    entries: list[LedgerEntry], lines: list[BilledLine], today: date, words: str
) -> None:
    [row] = rows(entries, lines, today)
    assert words in row.explanation


def test_a_model_is_found_by_a_dated_id_and_by_its_name_in_a_description() -> None:
    [dated] = rows([], [line("1", "gpt-6-luna-2026-10-01")])
    assert dated.model == LUNA
    [described] = rows([], [line("1", "Gemini 4 Argon input tokens, long")], provider="gemini")
    assert described.model == "gemini/gemini-4-argon"
    [unknown] = rows([], [line("1", "Container storage")])
    assert unknown.model == "openai/Container storage"


@pytest.mark.parametrize(
    ("provider", "told", "model"),
    [
        ("openai", "gpt-6-luna, cached input", "gpt-6-luna"),
        ("openai", "gpt-4o-2024-05-13, input", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-2024-08-06, input", "gpt-4o"),
        ("openai", "gpt-4o-mini-realtime, input", "gpt-4o-mini-realtime, input"),
        ("gemini", "Generate content input token count gemini 3.8 flash, short", "gemini-3.8-flash"),
        ("gemini", "Gemini 3 Pro output", "gemini-3-pro-preview"),
        ("gemini", "Gemini 2.5 Flash Lite output", "gemini-2.5-flash-lite"),
        ("gemini", "Gemini 2.0 Flash Lite output", "Gemini 2.0 Flash Lite output"),
        ("anthropic", "Claude Sonnet 5.5 Usage - Input Tokens", "claude-sonnet-5-5"),
        ("anthropic", "Claude Opus 4.9", "Claude Opus 4.9"),
        ("grok", "grok-4.9", "grok-4.9"),
    ],
)
def test_a_name_that_goes_on_is_that_of_another_model(provider: str, told: str, model: str) -> None:
    [found] = rows([], [line("1", told)], provider=provider)
    assert found.model == f"{provider}/{model}"


def test_searches_that_are_billed_without_a_model_are_laid_beside_all_of_that_day() -> None:
    tokens = {"unit": "in_uncached", "usd": "0.10"}
    searched = call("0.13", parts=[tokens, {"unit": "searches", "usd": "0.03"}])
    other = call(
        "0.02", model="openai/gpt-6-sol", served_model=None, parts=[{"unit": "searches", "usd": "0.02"}]
    )
    found = rows(
        [searched, other], [line("0.10"), BilledLine(DAY, "web search tool calls", "", Decimal("0.05"))]
    )
    assert [(row.model, row.ours_usd, row.calls, row.explanation) for row in found] == [
        (LUNA, Decimal("0.10"), 1, ""),
        ("openai/gpt-6-sol", Decimal("0.00"), 1, ""),
        ("openai/searches", Decimal("0.05"), 2, ""),
    ]
    [named] = rows([searched], [line("0.10"), BilledLine(DAY, "gpt-6-luna, web search", "", Decimal("0.03"))])
    assert (named.model, named.difference_usd) == (LUNA, Decimal(0))


def test_a_call_over_the_vendor_s_midnight_may_stand_on_either_day() -> None:
    next_day = DAY + timedelta(days=1)
    long = call("0.2", settled_at=at(next_day, 1))
    words = "1 call of $0.20 ended on a later day than the question's"
    assert [words in row.explanation for row in rows([long], [line("0.2", day=next_day)])] == [True, True]
    [begun] = rows([long], [line("0.2")])
    assert begun.explanation == ""
    [more] = rows([long], [line("0.9")])
    assert "other programs" in more.explanation


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 26, 7, 59, tzinfo=UTC), date(2026, 11, 25)),
        (datetime(2026, 11, 26, 8, 0, tzinfo=UTC), date(2026, 11, 26)),
        (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 3, 8, 7, 59, tzinfo=UTC), date(2026, 3, 7)),
        (datetime(2026, 3, 9, 7, 0, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 11, 2, 7, 30, tzinfo=UTC), date(2026, 11, 1)),
    ],
)
def test_googles_day_begins_at_midnight_on_the_pacific_coast(moment: datetime, day: date) -> None:
    assert day_of(int(moment.timestamp() * 1000), pacific=True) == day


@pytest.mark.parametrize(
    ("told", "unit"),
    [
        ("uncached_input_tokens", "input"),
        ("cache_read_input_tokens", "cached input"),
        ("cache_creation.ephemeral_1h_input_tokens", "cache write"),
        ("Gemini 4 Argon output token count, text", "output"),
        ("Grounding with Google Search", "search"),
        ("web_search", "search"),
        ("Container storage", "all"),
    ],
)
def test_a_unit_is_read_from_what_a_vendor_calls_it(told: str, unit: str) -> None:
    assert their_unit("", told) == unit


def test_a_tier_that_a_report_leaves_out_is_named_and_one_of_the_other_sense_is_not() -> None:
    def told(usd: str, tier: str) -> BilledLine:
        return BilledLine(DAY, "gpt-6-luna", "input", Decimal(usd), tier=tier)

    ours = [call("0.10"), call("0.30", service_tier="priority"), call("0.05", batch_rate=True)]
    [row] = rows(ours, [told("0.10", "default"), told("0.06", "batch")])
    assert "in the service tier priority ($0.00 there, $0.30 here)" in row.explanation
    [agreed] = rows(ours, [told("0.10", "standard"), told("0.05", "batch"), told("0.3", "Priority")])
    assert agreed.explanation == ""
    # A bill that names no tiers says nothing of them.
    [silent] = rows(ours, [line("0.15")])
    assert "tier" not in silent.explanation
