"""Tables whose cells are JSON, as Langfuse and LangSmith download their data sets as CSV (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sidecar.batch.files import objects
from sidecar.batch.files.csv_text import BrokenRecord
from sidecar.batch.files.json_tables import ENVELOPES
from sidecar.batch.files.numbers import read_spelled


def are_json(names: Sequence[str], records: Iterable[Sequence[str] | BrokenRecord]) -> bool:
    """Whether a question stands in these columns beside what is wanted, and in some of the records as JSON."""
    asked = next((name for name, wanted in ENVELOPES if name in names and wanted in names), None)
    if asked is None:
        return False
    place = list(names).index(asked)
    cells = (each[place] for each in records if isinstance(each, Sequence) and place < len(each))
    return any(not isinstance(_value(cell), str) or cell.startswith('"') for cell in cells)


def as_objects(
    names: Sequence[str], records: Iterable[Sequence[str] | BrokenRecord]
) -> Iterator[tuple[int, Any]]:
    """Yield each record with its number from 1, its cells by their names and in their own values."""
    for number, record in enumerate(records, start=1):
        if isinstance(record, BrokenRecord):
            yield number, objects.Unreadable(record.message)
        elif len(record) > len(names) and any(cell.strip() for cell in record[len(names) :]):
            yield (
                number,
                objects.Unreadable(
                    f"This row has {len(record)} cells, but there are {len(names)} columns. "
                    "Check its delimiters and quotes."
                ),
            )
        elif any(cell.strip() for cell in record):
            yield number, {name: _value(cell) for name, cell in zip(names, record, strict=False)}


def _value(cell: str) -> Any:
    """The value that a cell holds as JSON: an object, a list or a text; any other cell as it is."""
    if cell[:1] in ("{", "[", '"'):
        try:
            return read_spelled(cell)
        except (ValueError, RecursionError):
            return cell
    return cell
