"""What stands around the rows of a table and is no question: groups of columns, units, a sum, a count (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sidecar.batch.files.csv_text import BrokenRecord
from sidecar.batch.files.names import field_of, squeezed

TOLD = "This row is the sum below the table, and is not read as a question."
TOLD_OF_MAKER = "This row says what wrote the table, and is not read as a question."
TOLD_OF_UNITS = "This row says the units of the columns, and is not read as a question."
TOLD_OF_COUNT = "This row counts those above it, as a database writes it, and is not read as a question."
_SUM_WORDS = """
    total totals grandtotal subtotal sum summe gesamt gesamtsumme insgesamt totale totaal somme suma soma итого всего
    合计 合計 总计 總計 합계
"""
_SUMS = frozenset(_SUM_WORDS.split())
_UNIT = re.compile(r"\([^()]{1,20}\)|\[[^\[\]]{1,20}\]")
_NUMBER = re.compile(r"[-+]?[\d.,' \u00a0\u202f]*\d[\d.,]*\s?[%€$£]?|[€$£]\s?[\d.,]+")
_COUNT = re.compile(
    r"\(?\d+ (?:rows?|records?)(?: affected| selected| in set| returned)?(?: \([\d.]+ sec\))?\)?\.?", re.I
)
# What a report writes below its table; a question begins so too, and ends otherwise.
_MAKER = re.compile(
    r"(?:[#/*-]+\s*)?(?:(?:report|file|data|list)\s+)?(?:generated|exported|printed|downloaded)"
    r"(?:\s+(?:by|on|at|from|with)\b|\s*:)[^?]{1,200}|page \d+ of \d+",
    re.I,
)


class LastRow:
    """Holds a row that looks like a sum, a count or a footer until it is known whether another follows.

    Only the last is one.
    """

    def __init__(self, prompt_at: int | None) -> None:
        self._at = prompt_at
        self.held: tuple[int, Sequence[str]] | None = None

    def before(self, number: int, record: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield what can be read now that this record came: itself, if it is no sum, and what was held."""
        if self.held is not None:
            yield self.held
            self.held = None
        if self._is_sum(record) or _is_count(record) or _is_maker(record):
            self.held = number, record
        else:
            yield number, record

    def _is_sum(self, record: Sequence[str]) -> bool:
        if self._at is None or self._at >= len(record) or len(record[self._at]) > 40:
            return False
        if squeezed(record[self._at]).rstrip(":") not in _SUMS:
            return False
        others = [cell.strip() for place, cell in enumerate(record) if place != self._at and cell.strip()]
        return bool(others) and all(map(is_number, others))


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, with a currency or a sign for a hundredth perhaps."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def told(record: Sequence[str]) -> str:
    """Return what is said of a last row that was held."""
    if _is_maker(record):
        return TOLD_OF_MAKER
    return TOLD_OF_COUNT if _is_count(record) else TOLD


def _is_count(record: Sequence[str]) -> bool:
    alone = _alone(record)
    return alone is not None and _COUNT.fullmatch(alone) is not None


def _is_maker(record: Sequence[str]) -> bool:
    alone = _alone(record)
    return alone is not None and _MAKER.fullmatch(alone) is not None


def _alone(record: Sequence[str]) -> str | None:
    """What stands in the only cell of a record that holds anything; None where more does."""
    filled = [cell.strip() for cell in record if cell.strip()]
    return filled[0] if len(filled) == 1 else None


def is_units(record: Sequence[str]) -> bool:
    """Whether a first record below a header says in brackets in what its columns count, and nothing else."""
    filled = [cell.strip() for cell in record if cell.strip()]
    return len(filled) > 1 and all(map(_UNIT.fullmatch, filled))


def is_groups(record: Sequence[str] | BrokenRecord, below: Sequence[str]) -> bool:
    """Whether a record names groups of columns above the header `below`, with gaps where a group has several."""
    if not isinstance(record, Sequence) or any(map(field_of, record)):
        return False
    filled = sum(bool(cell.strip()) for cell in record)
    return filled < sum(bool(cell.strip()) for cell in below)
