"""Rows from a file or a text: the good ones, and for each bad one a sentence. Only the result stands in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from sidecar.batch.files import csv_text, json_text
from sidecar.batch.files.columns import RESULT_COLUMNS, BadRow, field_of, from_cells, from_object, unescaped
from sidecar.batch.files.json_text import encode
from sidecar.errors import Failure
from sidecar.json_stream import BrokenJson
from sidecar.store.atomic_files import file_failure, source_file
from sidecar.store.background_read import Pulse, in_thread

Format = Literal["csv", "json", "jsonl"]

MAX_FILE_BYTES = 256 * 1024 * 1024
# Half of the longest text that a renderer can hold.
MAX_RESULT_BYTES = 256 * 1024 * 1024
MAX_ERRORS = 1_000
# An error shows the row as it was read, unless that is an essay.
_MAX_SHOWN_BYTES = 64 * 1024

_FORMAT_OF: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was left out, or with number 0 what is to be said of the file as a whole."""

    message: str
    data: Mapping[str, Any] | None = None


Read = tuple[int, dict[str, Any] | RowError]


async def import_file(path: str) -> bytes:
    """The rows of a file as the JSON of a BatchImportResult.

    Raises Failure("not_found"), Failure("invalid_params") and Failure("storage_error").
    """
    return await in_thread(lambda pulse: _import_file(source_file(path), pulse))


async def import_text(text: str, format: Format) -> bytes:  # noqa: A002
    """As `import_file`, from a text."""

    def work(pulse: Pulse) -> bytes:
        return collect(read_rows(io.BytesIO(text.encode("utf-8", "replace")), format, pulse))

    return await in_thread(work)


def _import_file(path: Path, pulse: Pulse) -> bytes:
    format = _FORMAT_OF.get(path.suffix.lower())  # noqa: A001
    if format is None:
        raise _refused(
            f"{path.name} is of no format that can be read. Choose a file that ends in .csv, .json or .jsonl."
        )
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // 1024**2
            raise _refused(f"{path.name} is larger than {limit} MB. Split it into smaller files.")
        with path.open("rb") as file:
            return collect(read_rows(file, format, pulse))
    except OSError as error:
        raise file_failure(error, path) from error


def collect(found: Generator[Read, None, None]) -> bytes:
    """The JSON of a BatchImportResult. Raises Failure("invalid_params") when it is larger than anybody can take."""
    rows, left_out = io.BytesIO(), 0
    errors: list[bytes] = []
    rows.write(b'{"rows":[')
    separator = b""
    with closing(found):
        for number, outcome in found:
            encoded = outcome if isinstance(outcome, RowError) else _encoded(outcome)
            if isinstance(encoded, bytes):
                rows.write(separator + encoded)
                separator = b","
            elif len(errors) < MAX_ERRORS:
                errors.append(_error_json(number, encoded))
            else:
                left_out += 1
            if rows.tell() > MAX_RESULT_BYTES:
                raise _refused("These are too many rows for one batch. Split the file into smaller ones.")
    if left_out:
        errors.append(_error_json(0, RowError(f"{left_out} more rows cannot be read; they are not listed.")))
    rows.write(b'],"errors":[' + b",".join(errors) + b"]}")
    return rows.getvalue()


def read_rows(
    stream: BinaryIO,
    format: Format,  # noqa: A002
    pulse: Pulse = lambda: None,
) -> Generator[Read, None, None]:
    """Each row, or why it is none, by its number from 1 as a spreadsheet counts: empty rows count, the header does not.

    A row without an id gets one of its number. Raises Failure("invalid_params") when the stream is no text.
    """
    encoding = csv_text.encoding_of(stream, pulse)
    if encoding is None and format != "csv":
        raise _refused("The file is not UTF-8. Save it as UTF-8 and try again.")
    text = io.TextIOWrapper(stream, encoding or "cp1252", errors="replace", newline="")
    try:
        if encoding is None:
            yield (
                0,
                RowError(
                    "The file is not UTF-8; it was read as Windows Latin. "
                    "Where letters look wrong, save it as CSV UTF-8."
                ),
            )
        ids = _Ids()
        for number, outcome in _READERS[format](text):
            pulse()
            yield number, outcome if isinstance(outcome, RowError) else ids.given(number, outcome)
    finally:
        text.detach()


class _Ids:
    """Makes sure that no two rows have one id."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def given(self, number: int, row: dict[str, Any]) -> dict[str, Any] | RowError:
        row_id = row.get("id")
        if row_id is None:
            row_id = f"row-{number}"
            while row_id in self._taken:
                row_id += "-"
            row = {"id": row_id, **row}
        elif row_id in self._taken:
            message = f'The id "{row_id[:60]}" is that of an earlier row. Give each row its own, or leave the ids out.'
            return RowError(message, row)
        self._taken.add(row_id)
        return row


def _read_csv(text: io.TextIOWrapper) -> Iterator[Read]:
    sample = csv_text.sample_of(text)
    text.seek(0)
    delimiter = csv_text.delimiter_of(sample)
    lines = iter(text)
    if csv_text.declared_delimiter(sample):
        next(lines)
    records = csv_text.records(lines, delimiter)
    number = 0
    try:
        header = next((record for record in records if any(cell.strip() for cell in record)), None)
        if header is None:
            yield 0, RowError("The file is empty.")
            return
        columns, remarks = _columns(header)
        yield from ((0, RowError(remark)) for remark in remarks)
        fields = {field for field, _ in columns}
        for field in ("prompt", "model"):
            if field not in fields:
                yield 0, RowError(f'There is no column "{field}". Name the columns in the first row.')
        if not {"prompt", "model"} <= fields:
            return
        for cells in records:
            number += 1
            if any(cell.strip() for cell in cells):
                yield number, _csv_row(columns, [csv_text.undefused(cell) for cell in cells])
    except csv_text.BrokenTable as error:
        yield number + 1, RowError(str(error))


def _columns(header: list[str]) -> tuple[list[tuple[str | None, str]], list[str]]:
    """Of each column the field that it fills, or None, and its name; and remarks on names that are there twice."""
    names = [csv_text.undefused(cell) for cell in header]
    while not names[-1].strip():
        names.pop()
    results = len(RESULT_COLUMNS) if tuple(names[-len(RESULT_COLUMNS) :]) == RESULT_COLUMNS else 0
    columns: list[tuple[str | None, str]] = []
    remarks: list[str] = []
    taken: set[str] = set()
    named = set(names)
    # Of each name that is there again, the numbers that are still to be tried.
    numbers: dict[str, Iterator[int]] = {}
    for position, name in enumerate(names[: len(names) - results], start=1):
        field = field_of(name)
        called = field or (unescaped(name) if name.strip() else f"column_{position}")
        if (field or f"data.{called}") in taken:
            copy = next(
                other
                for n in numbers.setdefault(name.strip(), count(2))
                if (other := f"{name.strip()}_{n}") not in named and f"data.{other}" not in taken
            )
            remarks.append(
                f'There are two columns "{name[:60]}". The first is used; the other is read as "{copy[:60]}".'
            )
            field, called = None, copy
        taken.add(field or f"data.{called}")
        columns.append((field, called))
    # Of a result column nothing is kept, but its cell is one of the row's.
    return columns + [("", name) for name in names[len(names) - results :]], remarks


def _csv_row(columns: list[tuple[str | None, str]], cells: list[str]) -> dict[str, Any] | RowError:
    named = list(zip(columns, cells, strict=False))
    data = {name: cell for (field, name), cell in named if field is None}
    values = {field: cell for (field, _), cell in named if field}
    try:
        if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            raise BadRow(
                f"This row has {len(cells)} cells, but there are {len(columns)} columns. "
                "Check its delimiters and quotes."
            )
        return from_cells(values, data)
    except BadRow as error:
        return RowError(str(error), values | data)


def _read_json(text: io.TextIOWrapper) -> Iterator[Read]:
    number = 0
    try:
        for number, element in enumerate(json_text.elements(text), start=1):
            yield number, _json_row(element)
    except BrokenJson as error:
        yield number and number + 1, RowError(str(error))


def _read_jsonl(text: io.TextIOWrapper) -> Iterator[Read]:
    # Only LF ends a line of JSON; a CR before it is white space.
    text.reconfigure(newline="\n")
    for number, value in enumerate(json_text.lines(text), start=1):
        if isinstance(value, json_text.Unreadable):
            yield number, RowError(value.message)
        elif value is not None:
            yield number, _json_row(value)


def _json_row(element: Any) -> dict[str, Any] | RowError:
    try:
        return from_object(element)
    except BadRow as error:
        return RowError(str(error), element if isinstance(element, dict) else None)


_READERS: Mapping[Format, Callable[[io.TextIOWrapper], Iterator[Read]]] = {
    "csv": _read_csv,
    "json": _read_json,
    "jsonl": _read_jsonl,
}


def _encoded(row: Mapping[str, Any]) -> bytes | RowError:
    try:
        return encode(row)
    except RecursionError:
        return RowError("This row is nested too deep to be read. Give its data with fewer levels.")


def _error_json(number: int, error: RowError) -> bytes:
    shown: dict[str, Any] = {"row": number, "message": error.message}
    data = None if error.data is None else _encoded(error.data)
    if isinstance(data, bytes) and len(data) <= _MAX_SHOWN_BYTES:
        shown["data"] = orjson.Fragment(data)
    return orjson.dumps(shown)


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
