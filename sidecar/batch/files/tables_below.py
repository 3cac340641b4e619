"""Another table below the first one, as sheets and reports have them: its rows are no questions (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sidecar.batch.files.names import PROMPT_NAMES, field_of, squeezed
from sidecar.batch.files.row_errors import RowError
from sidecar.batch.files.sums import is_number

_OF_IT = "This row belongs to that other table, and is not read as a question."
# A name of a column is short, and no sentence.
_LONGEST_NAME = 40
# So many rows say what a column holds.
_MOST_COUNTED = 100
_ENDS = ("?", "!", ".", "。", "？", "！")

Told = tuple[int, Sequence[str] | RowError]


class TablesBelow:
    """Tells the rows of a table from what stands below an empty row with columns of its own, and a title perhaps.

    Its header is one for certain where it names what is asked, or several members of a row. Any other words may be
    a row: they are a header where the next row has a number below one of them, and the rows above have none there, or
    nothing but numbers.
    """

    def __init__(self, width: int) -> None:
        self._is_other = False
        self._is_below_gap = False
        self._held: list[tuple[int, Sequence[str]]] = []
        self._header: Sequence[str] | None = None
        # How many cells of each column of the table held anything, and how many of these a number.
        self._filled = [0] * width
        self._numbers = [0] * width
        self._counted = 0

    def gap(self) -> Iterator[Told]:
        """An empty row: what was held is a row, unless it may be the title of what is to come."""
        if self._header is not None:
            yield from self.rest()
        self._is_below_gap = self._counted > 0

    def again(self) -> None:
        """The header of the first table stands there once more."""
        self._is_other = False

    def take(self, number: int, record: Sequence[str]) -> Iterator[Told]:
        """Yield what can be told now that this record came, which is not empty."""
        if self._is_other:
            yield number, RowError(_OF_IT)
            return
        if self._is_below_gap or self._held:
            self._is_below_gap = False
            if self._header is not None and self._is_told_by(self._header, record):
                yield from self._begin(self._header)
                yield number, RowError(_OF_IT)
                return
            if self._header is None and _may_be_header(record):
                self._held.append((number, record))
                self._header = record
                if _is_certain(record):
                    yield from self._begin(record)
                return
            if not self._held and len(self._filled) > 1 and _filled(record) == 1:
                self._held.append((number, record))
                return
            yield from self.rest()
        self._count(record)
        yield number, record

    def rest(self) -> Iterator[Told]:
        """Yield what was held, as rows."""
        for number, record in self._held:
            self._count(record)
            yield number, record
        self._held, self._header = [], None

    def _begin(self, header: Sequence[str]) -> Iterator[Told]:
        named = ", ".join(cell.strip()[:30] for cell in header if cell.strip())[:150]
        for number, _ in self._held:
            yield (
                number,
                RowError(
                    f"Below an empty row begins another table here ({named}), which is not read. "
                    "Save it as a file of its own where it holds questions."
                ),
            )
        self._held, self._header, self._is_other = [], None, True

    def _is_told_by(self, header: Sequence[str], record: Sequence[str]) -> bool:
        for place, (name, cell) in enumerate(zip(header, record, strict=False)):
            if name.strip() and is_number(cell) and place < len(self._filled):
                filled, numbers = self._filled[place], self._numbers[place]
                if filled and numbers in (0, filled):
                    return True
        return False

    def _count(self, record: Sequence[str]) -> None:
        if self._counted == _MOST_COUNTED:
            return
        self._counted += 1
        for place, cell in enumerate(record[: len(self._filled)]):
            if cell.strip():
                self._filled[place] += 1
                self._numbers[place] += is_number(cell)


def _filled(record: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in record)


def _may_be_header(record: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in record if cell.strip()]
    return (
        len(filled) > 1
        and all(
            len(cell) <= _LONGEST_NAME
            and "\n" not in cell
            and not is_number(cell)
            and (not cell.endswith(_ENDS) or field_of(cell) is not None)
            for cell in filled
        )
        and len({squeezed(cell) for cell in filled}) == len(filled)
    )


def _is_certain(header: Sequence[str]) -> bool:
    fields = [field_of(cell) for cell in header if cell.strip()]
    asked = [squeezed(cell) in PROMPT_NAMES for cell in header if cell.strip()]
    return (
        "prompt" in fields
        or sum(field is not None or word for field, word in zip(fields, asked, strict=True)) > 1
    )
