"""Our ledger beside a vendor's figures, and what is said of the difference."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.money.bill_file import read_bill
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
    assert row.explanation == "1 calls broke off: they cost up to $0.5 more than is known here."
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


GOOGLE = """usage_start_time,sku.description,cost,currency,usage.unit
2026-11-20 07:00:00 UTC,Gemini 4 Argon input,"1,000.50",USD,token
2026-11-20T09:00:00Z,Gemini 4 Argon output,0.25,USD,token
"""


def test_googles_export_is_read_by_its_own_days() -> None:
    assert read_bill(GOOGLE, pacific=True) == (
        BilledLine(date(2026, 11, 19), "Gemini 4 Argon input", "token", Decimal("1000.50")),
        BilledLine(date(2026, 11, 20), "Gemini 4 Argon output", "token", Decimal("0.25")),
    )


def test_a_table_of_a_console_is_read_by_the_names_of_its_columns() -> None:
    text = "\ufeffDate,Model,Amount\n2026-11-20,grok-4.7,$0.50\n"
    assert read_bill(text, pacific=False) == (BilledLine(DAY, "grok-4.7", "", Decimal("0.50")),)


def test_a_table_below_lines_about_the_account_and_with_semicolons_is_found() -> None:
    text = "Invoice;2026-11\nAccount;Ada\n\nDate;Model;Usage type;Cost ($)\n2026-11-20;grok-4.7;Cached prompt;0.5\n"
    assert read_bill(text, pacific=False) == (BilledLine(DAY, "grok-4.7", "Cached prompt", Decimal("0.50")),)


@pytest.mark.parametrize(
    "columns",
    [
        "usage_date_utc,model,token_type,cost_usd",
        "date,model_permaslug,type,usage",
        "start_time_iso,model,usage_type,amount_value",
        "timestamp,model_name,unit,total_cost",
    ],
)
def test_the_columns_of_other_consoles_are_known(columns: str) -> None:
    [line] = read_bill(f"{columns}\n2026-11-20,grok-4.7,output,0.5\n", pacific=False)
    assert line == BilledLine(DAY, "grok-4.7", "output", Decimal("0.5"))


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column for the day, the model, the cost"),
        ("date,model\n", "no column for the cost"),
        ("date,model,cost\nsoon,m,1\n", "Line 2 has no day"),
        ("date,model,cost\n2026-11-20,m,much\n", "Line 2 has no day or no amount"),
        ("date,model,cost,currency\n2026-11-20,m,1,EUR\n", "Line 2 is in EUR"),
    ],
)
def test_a_file_that_is_no_bill_says_where(text: str, words: str) -> None:
    with pytest.raises(Failure, match=words):
        read_bill(text, pacific=False)


@pytest.mark.parametrize(
    ("table", "usd"),
    [
        ("date,model,cost\n2026-11-23,m,0.05\n", "0.05"),
        ("date,model,cost\n2026-11-23,m,$ 0.05\n", "0.05"),
        ('date,model,cost\n2026-11-23,m,"1,234.56"\n', "1234.56"),
        ('date,model,cost\n2026-11-23,m,"1,234"\n', "1234"),
        ('date,model,cost\n2026-11-23,m,"1,234,567"\n', "1234567"),
        ("date;model;cost\n2026-11-23;m;0,05\n", "0.05"),
        ("date;model;cost\n2026-11-23;m;1,234\n", "1.234"),
        ("date;model;cost\n2026-11-23;m;1.234,56\n", "1234.56"),
        ('date,model,cost\n2026-11-23,m,"0,123"\n', "0.123"),
        ('date,model,cost\n2026-11-23,m,"12,5"\n', "12.5"),
        ("date,model,cost\n2026-11-23,m,-3.5\n", "-3.5"),
    ],
)
def test_an_amount_is_read_as_the_country_of_the_console_writes_it(table: str, usd: str) -> None:
    assert [line.usd for line in read_bill(table, pacific=False)] == [Decimal(usd)]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-inf", "1e400", "much"])
def test_an_amount_that_is_none_is_told_with_its_line(amount: str) -> None:
    with pytest.raises(Failure, match="Line 2 has no day or no amount"):
        read_bill(f"date,model,cost\n2026-11-23,m,{amount}\n", pacific=False)


def test_a_database_in_the_place_of_a_bill_is_no_bug_of_ours() -> None:
    with pytest.raises(Failure) as caught:
        read_bill("SQLite format 3\0" + "x" * 200_000 + "\0,,", pacific=False)
    assert caught.value.kind == "invalid_params"
