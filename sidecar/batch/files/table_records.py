"""Which records below a header are of its table: not the header once more, nor another table, nor nothing (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sidecar.batch.files.csv_text import BrokenRecord
from sidecar.batch.files.names import squeezed
from sidecar.batch.files.row_errors import RowError
from sidecar.batch.files.tables_below import TablesBelow


def records_of(
    records: Iterator[tuple[int, Sequence[str] | BrokenRecord]], header: Sequence[str] | None
) -> Iterator[tuple[int, Sequence[str] | RowError]]:
    """Yield the records that hold something, and what is told of those that are no rows, by their numbers.

    `header` are the names of several columns, squeezed; None where there is none, or only one.
    """
    below = TablesBelow(0 if header is None else len(header))
    for number, record in records:
        if isinstance(record, BrokenRecord):
            yield number, RowError(record.message)
        elif header is None:
            if _holds_something(record) and not _is_zeros(record):
                yield number, record
        elif _is_again(record, header):
            below.again()
            yield number, RowError("This row is the header once more, and is not read as a question.")
        elif not _holds_something(record):
            yield from below.gap()
        elif not _is_zeros(record):
            yield from below.take(number, record)
    yield from below.rest()


def _holds_something(record: Sequence[str]) -> bool:
    return bool(record) and (bool(record[0].strip()) or any(cell.strip() for cell in record))


def _is_again(record: Sequence[str], header: Sequence[str]) -> bool:
    """Whether it is the header once more, as where files were put one behind the other."""
    if len(record) < len(header) or squeezed(record[0][:80]) != header[0]:
        return False
    return all(squeezed(cell[:80]) == name for cell, name in zip(record, header, strict=False))


def _is_zeros(record: Sequence[str]) -> bool:
    """Whether it is what stands at the end of a file that was not written to its end."""
    return len(record) == 1 and record[0][:1] == "\0" and not record[0].strip("\0")
