"""A vendor's figures out of a file that its console gives: Google's billing export, or a table of usage (pure)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sidecar.errors import Failure
from sidecar.money.bill_cells import Days, amount
from sidecar.money.bill_columns import Columns, columns, foreign_currency, is_dollar
from sidecar.providers.bills import BilledLine

# How many lines a console writes above its table.
MOST_LINES_ABOVE = 30
_CENT = Decimal("0.01")
# What is no call of a model: the sum of other lines, and what is put on top of it.
_SUM = re.compile(
    r"(sub-?|grand |running )?totals?\b.*|sum|all( models)?|(zwischen|gesamt)?summe|gesamt\w*|insgesamt|sous-total"
    r"|total .*|totale?|totaux|合計|小計|总计|合计|小计",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines, and how many of the file are left out because they are sums, or of no day: taxes, credits."""

    lines: tuple[BilledLine, ...]
    left_out: int = 0


def read_bill(text: str, *, pacific: bool) -> Bill:
    """Return what a CSV file says. `pacific`: moments are put into the days of Google, which begin there.

    Raises Failure("invalid_params") that says which column is missing, or which line cannot be read.
    """
    table = _table(text.lstrip("\ufeff"))
    at, semicolons = table.at, table.between == ";"
    if at.missing:
        missing = ", ".join(at.missing)
        raise _unread(f"There is no column for {missing}. The first line must name the columns.")
    if at.foreign:
        raise _unread(f"The costs are in {at.foreign}, and ours are dollars. Export the bill in USD.")
    width = len(table.names)
    found = [
        (number, [*cells, *[""] * (width - len(cells))])
        for number, cells in table.rows
        if any(map(str.strip, cells))
    ]
    days = Days((cells[at.day or 0] for _, cells in found), pacific=pacific)
    if days.ambiguous:
        raise _unread(
            f"Whether {days.ambiguous} has its day or its month first, nothing in the file tells. "
            "Write the days as 2026-11-26, or export the whole month."
        )
    lines, sums = list[BilledLine](), list[BilledLine]()
    left_out = 0
    for number, cells in found:
        if _of_no_day(cells, at):
            left_out += 1
            continue
        line = _line(number, cells, at, days, semicolons=semicolons)
        (sums if _SUM.fullmatch(line.model.strip()) else lines).append(line)
    # A file that has nothing but the sums of its days is read by these.
    return Bill(tuple(lines), left_out + len(sums)) if lines else Bill(tuple(sums), left_out)


def _of_no_day(cells: Sequence[str], at: Columns) -> bool:
    """Whether a line stands below the table: it has no day, or the word for a sum in its place."""
    day = cells[at.day or 0].strip()
    return not day or _SUM.fullmatch(day) is not None


def _line(number: int, cells: Sequence[str], at: Columns, days: Days, *, semicolons: bool) -> BilledLine:
    def cell(index: int | None) -> str:
        return "" if index is None else cells[index].strip()

    told = cell(at.cost)
    currency = foreign_currency(told) or ("" if is_dollar(cell(at.currency)) else cell(at.currency))
    if currency:
        raise _unread(f"Line {number} is in {currency}, and ours are dollars. Export the bill in USD.")
    try:
        usd = amount(told, semicolons=semicolons) * (_CENT if at.cents else 1)
        usd += amount(cell(at.upstream), semicolons=semicolons)
        day = days.read(cell(at.day))
    except (ValueError, InvalidOperation, OverflowError, OSError):
        raise _unread(f"Line {number} has no day or no amount that can be read.") from None
    return BilledLine(day, cell(at.model), cell(at.unit), usd)


@dataclass(frozen=True, slots=True)
class _Table:
    """The cells of a table with the number of the line that each row ends on, and what stands between them."""

    names: list[str]
    at: Columns
    rows: list[tuple[int, list[str]]]
    between: str


def _table(text: str) -> _Table:
    """Return the table, which may begin below some lines about the account. Raises Failure."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines[:MOST_LINES_ABOVE]):
        for between in ",;\t|":
            names = next(_rows([line], between), (0, []))[1]
            if not columns(names).missing:
                rows = [(number + 1 + at, cells) for at, cells in _rows(lines[number + 1 :], between)]
                return _Table(names, columns(names), rows, between)
    names = next(_rows(lines[:1], ","), (0, []))[1]
    return _Table(names, columns(names), [], ",")


def _rows(lines: list[str], between: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=between)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise _unread(
            f"The file is no CSV table that can be read ({error}). Export the bill as CSV."
        ) from None


def _unread(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
