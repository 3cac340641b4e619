"""A vendor's figures out of a file that its console gives: Google's billing export, or a table of usage (pure)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from io import StringIO

from sidecar.errors import Failure
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import BilledLine

# Names that columns have, likeliest first. Google's cost is before its credits, which ours knows nothing of either.
_DAY = (
    *(
        "usage_start_time",
        "usage start date",
        "usage start time",
        "start_time",
        "start_time_iso",
        "starting_at",
    ),
    *("date", "day", "usage date", "usage_date_utc", "date (utc)", "timestamp", "time", "created_at"),
)
_MODEL = (
    *(
        "sku.description",
        "sku description",
        "model",
        "model_permaslug",
        "model_id",
        "model name",
        "model_name",
    ),
    *("model_version", "line_item", "line item", "sku", "description"),
)
_USD = (
    *("cost", "cost ($)", "cost (usd)", "cost_usd", "cost_total", "total_cost", "amount", "amount_value"),
    *("amount (usd)", "amount_usd", "usd", "total", "total ($)", "spend", "price", "usage"),
)
_UNIT = (
    "token_type",
    "usage_type",
    "usage type",
    "token type",
    "cost_type",
    "usage.unit",
    "usage unit",
    "unit",
    "type",
)
# More than any bill; what is no number at all is not below it either.
MOST_USD = Decimal(10**12)
# How many lines a console writes above its table.
MOST_LINES_ABOVE = 30
_CURRENCY = ("currency", "amount_currency")


def read_bill(text: str, *, pacific: bool) -> tuple[BilledLine, ...]:
    """Return the lines of a CSV file. `pacific`: moments are put into the days of Google, which begin there.

    Raises Failure("invalid_params") that says which column is missing, or which line cannot be read.
    """
    rows = _table(text.lstrip("\ufeff"))
    try:
        names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    except csv.Error as error:
        raise _no_table(error) from None
    day_at, model_at, usd_at = (_column(names, each) for each in (_DAY, _MODEL, _USD))
    if day_at is None or model_at is None or usd_at is None:
        missing = ", ".join(
            word
            for word, at in (("the day", day_at), ("the model", model_at), ("the cost", usd_at))
            if at is None
        )
        raise _unread(f"There is no column for {missing}. The first line must name the columns.")
    currency_at, unit_at = _column(names, _CURRENCY), _column(names, _UNIT)
    found = []
    for number, row in enumerate(_rows(rows), start=2):
        currency = (row.get(currency_at) or "USD") if currency_at else "USD"
        if currency.strip().upper() != "USD":
            raise _unread(f"Line {number} is in {currency}, and ours are dollars. Export the bill in USD.")
        try:
            usd = _amount(row.get(usd_at) or "0", semicolons=rows.reader.dialect.delimiter == ";")
            day = vendor_day(row.get(day_at) or "", pacific=pacific)
        except (ValueError, InvalidOperation):
            raise _unread(f"Line {number} has no day or no amount that can be read.") from None
        found.append(
            BilledLine(day, row.get(model_at) or "", (row.get(unit_at) or "") if unit_at else "", usd)
        )
    return tuple(found)


def _amount(text: str, *, semicolons: bool) -> Decimal:
    """A number of dollars. A comma is the decimal point between semicolons, behind a point, or before no three digits.

    Raises InvalidOperation.
    """
    bare = text.strip().strip("$ \u00a0").replace(" ", "").replace("\u00a0", "")
    whole, _, rest = bare.partition(",")
    if "." in bare:
        decimal_comma = bare.rfind(",") > bare.rindex(".")
    else:
        three = len(rest) == 3 or "," in rest
        decimal_comma = "," in bare and (semicolons or not three or whole.lstrip("-") == "0")
    if decimal_comma:
        bare = bare.replace(".", "").replace(",", ".")
    usd = Decimal(bare.replace(",", ""))
    if not abs(usd) < MOST_USD:
        raise InvalidOperation
    return usd


def _table(text: str) -> csv.DictReader[str]:
    """The table, which may begin below some lines about the account, and have semicolons between its cells."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines[:MOST_LINES_ABOVE]):
        for between in ",;\t":
            names = {cell.strip().lower() for cell in line.replace('"', "").split(between)}
            if all(names.intersection(known) for known in (_DAY, _MODEL, _USD)):
                return csv.DictReader(StringIO("".join(lines[number:])), delimiter=between)
    return csv.DictReader(StringIO(text))


def vendor_day(moment: str, *, pacific: bool) -> date:
    """Return the vendor's day of a moment as it is written. Raises ValueError."""
    text = moment.strip().replace(" UTC", "+00:00").replace("Z", "+00:00")
    if len(text) == len("2026-11-26"):
        return date.fromisoformat(text)
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return day_of(int(at.timestamp() * 1000), pacific=pacific)


def _rows(rows: Iterable[Mapping[str, str]]) -> Iterable[Mapping[str, str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise _no_table(error) from None


def _column(names: Mapping[str, str], known: Iterable[str]) -> str | None:
    return next((names[name] for name in known if name in names), None)


def _no_table(error: csv.Error) -> Failure:
    return _unread(f"The file is no CSV table that can be read ({error}). Export the bill as CSV.")


def _unread(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
