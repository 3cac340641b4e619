"""Workbooks of Excel and of LibreOffice as rows of cells: which sheet is read, and what is said of the others."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from sidecar.batch.files import open_document
from sidecar.batch.files.columns import field_of
from sidecar.batch.files.options import ImportOptions
from sidecar.errors import Failure

# What a packed workbook may become; of the packed file only its size is bounded before.
MAX_UNPACKED_BYTES = 1024**3
# Of a sheet, to see whether it holds the prompts; and of how many sheets.
_LOOKED_AT, _MOST_SHEETS = 20, 50

Cells = Iterator[list[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: `is_shown` is whether its program shows it, and `rows` begins anew with each call."""

    name: str
    is_shown: bool
    rows: Callable[[], Cells]


def kind_of(stream: BinaryIO, head: bytes) -> str | None:
    """Return "xlsx" or "ods" for a workbook that begins so, None for another file. The stream is left at its start."""
    if head != b"PK\x03\x04":
        return None
    try:
        with zipfile.ZipFile(stream) as packed:
            names = packed.namelist()
            if "xl/workbook.xml" in names:
                return "xlsx"
            is_document = "content.xml" in names and "mimetype" in names
            return "ods" if is_document and open_document.is_spreadsheet(packed) else None
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return None
    finally:
        stream.seek(0)


def read_workbook(stream: BinaryIO, kind: str, options: ImportOptions) -> tuple[Cells, str | None]:
    """Return the cells of each row of a sheet, and what is to be said of the sheets that are not read.

    Read is the sheet that was named; else the first with a column of prompts among those that are shown, or the first
    that is not empty. Raise Failure("invalid_params") for a sheet that is not there, a workbook that cannot be read,
    and without the library.
    """
    with _readable():
        with zipfile.ZipFile(stream) as packed:
            if sum(each.file_size for each in packed.infolist()) > MAX_UNPACKED_BYTES:
                raise refused(
                    "The workbook is larger than 1 GB once it is unpacked. Split it, or save it as CSV UTF-8."
                )
        stream.seek(0)
        sheets = _excel(stream) if kind == "xlsx" else _open_document(stream)
        chosen, remark = _chosen(sheets, options)
    return _cells(chosen), remark


def _cells(sheet: Sheet | None) -> Cells:
    with _readable():
        if sheet is not None:
            # Rows without cells below the table may go on for a million.
            yield from sheet.rows()


def _chosen(sheets: Sequence[Sheet], options: ImportOptions) -> tuple[Sheet | None, str | None]:
    if options.sheet is not None:
        named = next((each for each in sheets if each.name == options.sheet), None)
        if named is None:
            listed = ", ".join(each.name for each in sheets)
            raise refused(f'There is no sheet "{options.sheet[:60]}"; there are {listed}.')
        return named, None
    shown = [each for each in sheets if each.is_shown] or list(sheets)
    tops = {each.name: list(islice(each.rows(), _LOOKED_AT)) for each in shown[:_MOST_SHEETS]}
    filled = [each for each in shown if any(map(any, tops.get(each.name, ())))]
    wanted = set(options.columns.values())
    chosen = next(
        (each for each in filled if any(_names_prompt(record, wanted) for record in tops[each.name])), None
    )
    chosen = chosen or next(iter(filled or shown), None)
    others = [each.name for each in filled if each is not chosen]
    if chosen is None or not others:
        return chosen, None
    listed = ", ".join(f'"{name[:40]}"' for name in others[:5])
    return (
        chosen,
        f'The sheet "{chosen.name[:40]}" is read, and others are not: {listed}. Name the one to read.',
    )


def _names_prompt(record: Sequence[str], wanted: set[str]) -> bool:
    return any(field_of(cell) == "prompt" or cell in wanted for cell in record if cell)


def _excel(stream: BinaryIO) -> list[Sheet]:
    try:
        import openpyxl
    except ImportError:
        raise not_installed("Workbooks of Excel", "openpyxl") from None
    book = openpyxl.load_workbook(stream, read_only=True, data_only=True)

    def rows_of(sheet: Any) -> Callable[[], Cells]:
        return lambda: (
            [cell_text(value) for value in record] for record in sheet.iter_rows(values_only=True)
        )

    return [Sheet(each.title, each.sheet_state == "visible", rows_of(each)) for each in book.worksheets]


def _open_document(stream: BinaryIO) -> list[Sheet]:
    def rows_of(number: int) -> Callable[[], Cells]:
        return lambda: open_document.rows(stream, number)

    return [
        Sheet(name, is_shown, rows_of(number))
        for number, (name, is_shown) in enumerate(open_document.sheets(stream))
    ]


@contextmanager
def _readable() -> Iterator[None]:
    """Tell what the libraries meet in a damaged file as what it is: they raise whatever comes."""
    try:
        yield
    except (Failure, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise refused(
            "The workbook cannot be read: it is damaged, or protected. Open it in its program, and save it anew, or "
            "as CSV UTF-8."
        ) from error


def cell_text(value: Any) -> str:
    """Return a cell as it is shown: whole numbers without a point, truths in capitals, dates as ISO 8601 has them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def not_installed(what: str, library: str) -> Failure:
    """Return the refusal of a file that only a library reads which is not here."""
    return Failure(
        "invalid_params",
        f"{what} need a library that is not installed here. Install it with `pip install {library}`, "
        "or save the table as CSV UTF-8.",
    )


def refused(message: str) -> Failure:
    """Return the refusal of a file."""
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
