"""What Excel keeps of a table: in a cell, and in a sheet. It cuts the rest without a word (pure)."""

from __future__ import annotations

# As Microsoft's "Excel specifications and limits" has them.
MOST_LETTERS, MOST_ROWS, MOST_COLUMNS = 32_767, 1_048_576, 16_384


def letters(text: str) -> int:
    """Return how long a text is for Excel, which counts as UTF-16 does."""
    # Of a short text it makes no difference here, and most are short.
    pairs = sum(letter > "\uffff" for letter in text) if len(text) * 2 >= MOST_LETTERS - 1 else 0
    return len(text) + pairs


class OverLimits:
    """Counts what of a table Excel would not keep."""

    def __init__(self) -> None:
        self._rows = 0
        self._long = 0
        self._first: tuple[int, str] | None = None

    def see(self, name: str, cell: str) -> None:
        """Take a cell of the column `name` into account, in the row that is under way."""
        if letters(cell) > MOST_LETTERS:
            self._long += 1
            self._first = self._first or (self._rows + 1, name)

    def end_row(self) -> None:
        """The row is over."""
        self._rows += 1

    def remarks(self) -> list[str]:
        """Return sentences on what Excel would leave out, none for a table that it keeps whole."""
        said = []
        if self._first is not None:
            row, name = self._first
            cells = "cell is" if self._long == 1 else "cells are"
            said.append(
                f"{self._long:,} {cells} longer than the {MOST_LETTERS:,} characters that Excel keeps of one, first "
                f'"{name[:60]}" of row {row:,}. They are whole in the file; Excel would cut them, and save them cut. '
                "Export as JSON Lines too, or read the file with another program."
            )
        if self._rows >= MOST_ROWS:
            said.append(
                f"These are {self._rows:,} rows, and Excel shows {MOST_ROWS - 1:,} below the header. The others are in "
                "the file; saved in Excel it would lose them. Split the batch, or use Parquet."
            )
        return said


def may_be_cut(cell: str) -> bool:
    """Whether a cell is as long as Excel cuts them, to the letter."""
    return letters(cell) == MOST_LETTERS
