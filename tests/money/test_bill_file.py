"""Bills as consoles write them: their columns, days, amounts, and the lines that are no calls."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sidecar.errors import Failure
from sidecar.money.bill_file import read_bill
from sidecar.providers.bills import BilledLine

DAY = date(2026, 11, 20)


GOOGLE = """usage_start_time,sku.description,cost,currency,usage.unit
2026-11-20 07:00:00 UTC,Gemini 4 Argon input,"1,000.50",USD,token
2026-11-20T09:00:00Z,Gemini 4 Argon output,0.25,USD,token
"""


def test_googles_export_is_read_by_its_own_days() -> None:
    assert read_bill(GOOGLE, pacific=True).lines == (
        BilledLine(date(2026, 11, 19), "Gemini 4 Argon input", "token", Decimal("1000.50")),
        BilledLine(date(2026, 11, 20), "Gemini 4 Argon output", "token", Decimal("0.25")),
    )


def test_a_table_of_a_console_is_read_by_the_names_of_its_columns() -> None:
    text = "\ufeffDate,Model,Amount\n2026-11-20,grok-4.7,$0.50\n"
    assert read_bill(text, pacific=False).lines == (BilledLine(DAY, "grok-4.7", "", Decimal("0.50")),)


def test_a_table_below_lines_about_the_account_and_with_semicolons_is_found() -> None:
    text = "Invoice;2026-11\nAccount;Ada\n\nDate;Model;Usage type;Cost ($)\n2026-11-20;grok-4.7;Cached prompt;0.5\n"
    assert read_bill(text, pacific=False).lines == (
        BilledLine(DAY, "grok-4.7", "Cached prompt", Decimal("0.50")),
    )


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
    [line] = read_bill(f"{columns}\n2026-11-20,grok-4.7,output,0.5\n", pacific=False).lines
    assert line == BilledLine(DAY, "grok-4.7", "output", Decimal("0.5"))


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
    assert [line.usd for line in read_bill(table, pacific=False).lines] == [Decimal(usd)]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-inf", "1e400", "much"])
def test_an_amount_that_is_none_is_told_with_its_line(amount: str) -> None:
    with pytest.raises(Failure, match="Line 2 has no day or no amount"):
        read_bill(f"date,model,cost\n2026-11-23,m,{amount}\n", pacific=False)


def test_a_database_in_the_place_of_a_bill_is_no_bug_of_ours() -> None:
    with pytest.raises(Failure) as caught:
        read_bill("SQLite format 3\0" + "x" * 200_000 + "\0,,", pacific=False)
    assert caught.value.kind == "invalid_params"


def one(cells: str, names: str = "date,model,cost", *, pacific: bool = False) -> BilledLine:
    (line,) = read_bill(f"{names}\n{cells}\n", pacific=pacific).lines
    return line


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-11-20", "20261120", "2026/11/20", "2026.11.20", "20.11.2026", "20/11/2026", "11/20/2026"),
        *("11/20/26", "11-20-2026", '"Nov 20, 2026"', "November 20 2026", "20 Nov 2026", "20-Nov-26"),
        *("11/20/2026 3:04 PM", "20.11.2026 15:04", '"Nov 20, 2026, 11:59 PM"', "1795132800", "1795132800.0"),
        *(
            "1795132800000",
            "2026-11-20 00:00:00.000 UTC",
            "2026-11-20T23:59:59.999Z",
            "2026-11-19T20:00:00-08:00",
        ),
    ],
)
def test_a_day_is_read_as_any_console_writes_it(cell: str) -> None:
    assert one(f"{cell},m,1").day == DAY


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-11-20 23:30:00 PST", 20),
        ("2026-11-20 23:30:00 America/Los_Angeles", 20),
        ("2026-11-20 00:10:00 PT", 20),
        ("2026-11-21 07:59:59 UTC", 20),
        ("11/21/2026 12:30 AM", 20),
        ("11/20/2026", 20),
    ],
)
def test_a_moment_falls_on_googles_day_by_its_own_zone(cell: str, day: int) -> None:
    assert one(f"{cell},m,1", pacific=True).day == date(2026, 11, day)


@pytest.mark.parametrize(("clock", "utc"), [("01:30:00", "08:30:00"), ("03:30:00", "11:30:00")])
def test_a_pacific_clock_is_read_on_the_day_that_it_is_turned(clock: str, utc: str) -> None:
    for cell in (f"2026-11-01 {clock} PT", f"2026-11-01 {utc} UTC"):
        assert one(f"{cell},m,1", pacific=True).day == date(2026, 11, 1)


def test_one_day_of_a_file_tells_the_order_of_all_and_without_it_nobody_guesses() -> None:
    text = "date,model,cost\n11/05/2026,m,1\n11/25/2026,m,1\n"
    assert [line.day.day for line in read_bill(text, pacific=False).lines] == [5, 25]
    text = "date;model;cost\n05/11/2026;m;1\n25/11/2026;m;1\n"
    assert [line.day.month for line in read_bill(text, pacific=False).lines] == [11, 11]
    with pytest.raises(Failure, match="Whether 05/11/2026 has its day or its month first"):
        one("05/11/2026,m,1")


@pytest.mark.parametrize(
    ("cell", "usd"),
    [
        *(
            ("(3.50)", "-3.5"),
            ("-$3.50", "-3.5"),
            ("$-3.50", "-3.5"),
            ("\u22123.50", "-3.5"),
            ("3.50-", "-3.5"),
        ),
        *(("3.50 USD", "3.5"), ("USD 3.50", "3.5"), ("US$3.50", "3.5"), ("-", "0"), ("", "0")),
        *(("1'234.50", "1234.5"), ("1\u202f234.50", "1234.5"), ("1.5E-05", "0.000015")),
    ],
)
def test_an_amount_is_read_with_its_sign_and_the_dollar_beside_it(cell: str, usd: str) -> None:
    assert one(f"2026-11-20,m,{cell}").usd == Decimal(usd)


@pytest.mark.parametrize("cell", ["€1.50", "1.50 EUR", "CA$1.50", "1.50 GBP"])
def test_an_amount_in_other_money_is_refused(cell: str) -> None:
    with pytest.raises(Failure, match=r"Line 2 is in .* and ours are dollars"):
        one(f"2026-11-20,m,{cell}")


@pytest.mark.parametrize("name", ["cost (EUR)", "Kosten (€)", "cost_eur"])
def test_a_column_of_other_money_is_refused(name: str) -> None:
    with pytest.raises(Failure, match=r"The costs are in .* Export the bill in USD"):
        one("2026-11-20,m,1.5", f"date,model,{name}")


@pytest.mark.parametrize(
    "names",
    [
        *("Datum;Modell;Kosten", "Nutzungsbeginn;SKU-Beschreibung;Kosten ($)", "Date;Modèle;Coût"),
        *("Fecha;Modelo;Costo", "Data;Modello;Costi", "日付;モデル;費用", "日期;模型;费用"),
        *(
            "DateTime;Model Name;Total Cost (USD)",
            "Usage_Start_Date;SKU_Description;Net_Cost",
            "Date;Model;Cost USD",
        ),
    ],
)
def test_columns_are_known_in_the_languages_of_consoles(names: str) -> None:
    assert one("2026-11-20;m;1,5", names) == BilledLine(DAY, "m", "", Decimal("1.5"))


def test_openais_own_table_of_costs_is_read() -> None:
    names = "start_time,end_time,start_time_iso,amount_value,amount_currency,line_item,organization_id"
    cells = '1795132800,1795219200,2026-11-20T00:00:00+00:00,0.75,usd,"gpt-6-luna, input",org'
    assert one(cells, names) == BilledLine(DAY, "gpt-6-luna, input", "", Decimal("0.75"))


def test_what_the_upstream_took_comes_on_top_of_a_gateways_fee() -> None:
    names = "generation_id,created_at,cost_total,byok_usage_inference,model_permaslug"
    assert one("g,2026-11-20 12:00:00.123,0.05,1.2,a/m", names).usd == Decimal("1.25")


def test_cents_are_a_hundredth() -> None:
    assert one("2026-11-20,m,150", "date,model,amount_cents").usd == Decimal("1.5")


def test_sums_taxes_and_empty_lines_are_left_out_and_counted() -> None:
    text = (
        "date,model,cost\n2026-11-20,m,1.5\n\n,,\n2026-11-20,Total,1.5\nSubtotal,,1.5\n,Tax,0.3\nTotal,,1.8\n"
    )
    bill = read_bill(text, pacific=False)
    assert (bill.lines, bill.left_out) == ((BilledLine(DAY, "m", "", Decimal("1.5")),), 4)


def test_a_file_of_sums_alone_is_read_by_these() -> None:
    assert one("2026-11-20,All models,1.5").usd == Decimal("1.5")


def test_a_line_is_told_by_its_number_in_the_file() -> None:
    with pytest.raises(Failure, match="Line 6 has no day"):
        read_bill("Account,Ada\n\ndate,model,cost\n2026-11-20,m,1\n2026-11-21,m,2\nsoon,m,3\n", pacific=False)
