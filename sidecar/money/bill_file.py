"""A vendor's figures out of a file that its console gives: Google's billing export, or a table of charges (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from sidecar.money.bill_amounts import Amounts
from sidecar.money.bill_cells import Days
from sidecar.money.bill_columns import Columns, columns, foreign_currency, is_dollar
from sidecar.money.bill_table import is_sum, of_no_day, order_unknown, read_table, unread
from sidecar.money.bill_twins import one_of_each
from sidecar.providers.bills import BilledLine

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines, and how many of the file are left out because they are sums, or of no day: taxes, credits.

    `priced`: the vendor told tokens and no charges, and the dollars are what these cost by our price list. `unpriced`
    are tokens by the vendor's name of a model, for which there is no price. `foreign`: how many lines of the bill are
    in which other currency than dollars; they are in none of `lines`, nor are those whose amount cannot be
    read, of which there are `unread`.
    """

    lines: tuple[BilledLine, ...]
    left_out: int = 0
    priced: bool = False
    unpriced: tuple[tuple[str, int], ...] = ()
    foreign: tuple[tuple[str, int], ...] = ()
    unread: int = 0


def in_dollars(told: Sequence[BilledLine], first: date, last: date) -> Bill:
    """Return what a vendor was asked for of these days; what is in other money than dollars, or is no amount, is
    only counted.
    """
    asked = [line for line in told if first <= line.day <= last]
    foreign = Counter(line.foreign for line in asked if line.foreign)
    return Bill(
        tuple(line for line in told if not line.foreign and not line.unread),
        foreign=tuple(sorted(foreign.items())),
        unread=sum(line.unread for line in asked),
    )


def read_bill(text: str, *, pacific: bool) -> Bill:
    """Return what a CSV file says. `pacific`: moments are put into the days of Google, which begin there.

    Raises Failure("invalid_params") that says which column is missing, or which line cannot be read.
    """
    table = read_table(text, _is_bill)
    at = columns(table.names)
    table = one_of_each(table, (at.day, at.model, at.cost, at.unit, at.currency, at.upstream))
    at = columns(table.names)
    if at.price:
        raise unread(
            f"The column {at.price} may be the price of a unit, or of all of a line. Export the costs, or call the "
            "column cost if it is what was charged."
        )
    if at.missing:
        missing = ", ".join(at.missing)
        raise unread(f"There is no column for {missing}. The first line must name the columns.")
    if at.foreign:
        raise unread(f"The costs are in {at.foreign}, and ours are dollars. Export the bill in USD.")
    found = table.filled()
    days = Days((cells[at.day or 0] for _, cells in found), pacific=pacific)
    if days.ambiguous:
        raise order_unknown(days.ambiguous)
    table.need_cells((row for row in found if not of_no_day(row[1][at.day or 0])), at.cost or 0)
    places = [place for place in (at.cost, at.upstream) if place is not None]
    told = (cells[place] for _, cells in found for place in places)
    amounts = Amounts(told, semicolons=table.between == ";")
    lines, sums = list[BilledLine](), list[BilledLine]()
    left_out = 0
    for number, cells in found:
        if of_no_day(cells[at.day or 0]):
            left_out += 1
            continue
        line = _line(number, cells, at, days, amounts)
        (sums if is_sum(line.model) else lines).append(line)
    # A file that has nothing but the sums of its days is read by these.
    return Bill(tuple(lines), left_out + len(sums)) if lines else Bill(tuple(sums), left_out)


def _is_bill(names: Sequence[str]) -> bool:
    at = columns(names)
    return not at.missing or (bool(at.price) and at.day is not None and at.model is not None)


def _line(number: int, cells: Sequence[str], at: Columns, days: Days, amounts: Amounts) -> BilledLine:
    def cell(index: int | None) -> str:
        return "" if index is None else cells[index].strip()

    told = cell(at.cost)
    currency = foreign_currency(told) or ("" if is_dollar(cell(at.currency)) else cell(at.currency))
    if currency:
        raise unread(f"Line {number} is in {currency}, and ours are dollars. Export the bill in USD.")
    try:
        usd = amounts.read(told) * (_CENT if at.cents else 1)
        usd += amounts.read(cell(at.upstream))
        day = days.read(cell(at.day))
    except (ValueError, InvalidOperation, OverflowError, OSError):
        raise unread(
            f"Line {number} has no day or no amount that can be read. Correct or remove it."
        ) from None
    return BilledLine(day, cell(at.model), cell(at.unit), usd)
