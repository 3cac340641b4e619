"""The table in a file that a console gives: its names, its rows, and what of these are only sums (pure)."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.errors import Failure

# How many lines a console writes above its table.
MOST_LINES_ABOVE = 30
# What is no call of a model: the sum of other lines, and what is put on top of it.
_SUM = re.compile(
    r"(sub-?|grand |running )?totals?\b.*|sum|all( models)?|(zwischen|gesamt)?summe|gesamt\w*|insgesamt|sous-total"
    r"|total .*|totale?|totaux|合計|小計|总计|合计|小计",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table with the number of the line that each row ends on, and what stands between them."""

    names: list[str]
    rows: list[tuple[int, list[str]]]
    between: str

    def filled(self) -> list[tuple[int, list[str]]]:
        """Return the rows that hold anything, each at least as wide as the names."""
        width = len(self.names)
        return [
            (number, [*cells, *[""] * (width - len(cells))])
            for number, cells in self.rows
            if any(map(str.strip, cells))
        ]

    def need_cells(self, rows: Iterable[tuple[int, Sequence[str]]], last: int) -> None:
        """Raise Failure for the first of the rows that ends before the column `last`, or goes on behind the names.

        A decimal comma without quotes is two cells, and a file that broke off ends amid a row: what stands in a column
        is then not what the column is called.
        """
        short = {number for number, cells in self.rows if len(cells) <= last}
        for number, cells in rows:
            if any(map(str.strip, cells[len(self.names) :])):
                raise unread(
                    f"Line {number} has more cells than the table has columns. An amount with a comma needs quotes "
                    "around it, or semicolons between the cells: export the table in that way."
                )
            if number in short:
                raise unread(
                    f"Line {number} ends before its last cells: the file broke off there. Export it again."
                )


def read_table(text: str, suits: Callable[[Sequence[str]], bool]) -> Table:
    """Return the table whose names suit, which may begin below some lines about the account.

    Where there is none it is the first line alone, without rows. Raises Failure for what is no CSV.
    """
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    for number, line in enumerate(lines[:MOST_LINES_ABOVE]):
        for between in ",;\t|":
            names = next(_rows([line], between), (0, []))[1]
            if suits(names):
                rows = [(number + 1 + at, cells) for at, cells in _rows(lines[number + 1 :], between)]
                return Table(names, rows, between)
    return Table(next(_rows(lines[:1], ","), (0, []))[1], [], ",")


def is_sum(text: str) -> bool:
    """Whether a cell in the place of a day or a model is the word for a sum."""
    return _SUM.fullmatch(text.strip()) is not None


def of_no_day(cell: str) -> bool:
    """Whether a line stands below the table: it has no day, or the word for a sum in its place."""
    return not cell.strip() or is_sum(cell)


def unread(message: str) -> Failure:
    """Return the refusal of a file, with a sentence for a person."""
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])


def order_unknown(day: str) -> Failure:
    """Return the refusal of days that are another one for an American than for most others."""
    return unread(
        f"Whether {day} has its day or its month first, nothing in the file tells. "
        "Write the days as 2026-11-26, or export the whole month."
    )


def _rows(lines: list[str], between: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=between)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise unread(
            f"The file is no CSV table that can be read ({error}). Export the bill as CSV."
        ) from None
