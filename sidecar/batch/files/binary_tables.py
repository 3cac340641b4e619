"""Workbooks of Excel and Parquet files as rows, by libraries that are installed for it and imported only then."""

from __future__ import annotations

import datetime
import math
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from sidecar.batch.files.numbers import Spelled, kept_by_javascript
from sidecar.batch.files.options import ImportOptions
from sidecar.errors import Failure

# What a packed workbook may become; of the packed file only its size is bounded before.
MAX_UNPACKED_BYTES = 1024**3
_BATCH_ROWS = 1_000
# Beginnings of files that hold no rows for us, and what to do with each.
_PACKED = (
    (b"\x1f\x8b", "The file is packed. Unpack it first."),
    (b"BZh", "The file is packed. Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "The file is packed. Unpack it first."),
    (b"\xfd7zXZ", "The file is packed. Unpack it first."),
    (b"7z\xbc\xaf", "The file is packed. Unpack it first."),
    (b"%PDF", "The file is a PDF. Copy its table into a spreadsheet, and save that as CSV."),
    (b"\xd0\xcf\x11\xe0", "The file is a workbook of an old Excel. Save it as .xlsx or as CSV UTF-8."),
    (b"PK", "The file is packed, or is no workbook of Excel. Unpack it, or save it as .xlsx or CSV UTF-8."),
    (b"SQLite format", "The file is a database. Export a table of it as CSV or JSON."),
    (b"Obj\x01", "The file is in Avro. Save it as Parquet, CSV or JSON Lines."),
    (b"\x89PNG", "The file is a picture. Give a table of prompts: CSV, JSON, JSON Lines, XLSX or Parquet."),
    (
        b"\xff\xd8\xff",
        "The file is a picture. Give a table of prompts: CSV, JSON, JSON Lines, XLSX or Parquet.",
    ),
    (b"GIF8", "The file is a picture. Give a table of prompts: CSV, JSON, JSON Lines, XLSX or Parquet."),
    (
        b"{\\rtf",
        "The file is a document of a word processor. Copy its table into a spreadsheet, and save that as CSV.",
    ),
    (b"ARROW1", "The file is in Arrow. Save it as Parquet, CSV or JSON Lines."),
)


def refuse_packed(stream: BinaryIO) -> None:
    """Raise Failure("invalid_params") for what is no text. The stream is left at its start."""
    head = stream.read(16)
    stream.seek(0)
    for mark, message in _PACKED:
        # A table may begin with these letters, and then goes on with others.
        if head.startswith(mark) and (
            mark != b"PK" or len(head) < 4 or head[2:4] in (b"\x03\x04", b"\x05\x06")
        ):
            raise _refused(message)


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins so is one of Parquet."""
    return head.startswith(b"PAR1")


def is_workbook(stream: BinaryIO, head: bytes) -> bool:
    """Whether the stream, which begins so and is left at its start, is a workbook of Excel."""
    if head != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(stream) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        stream.seek(0)


def workbook_cells(stream: BinaryIO, options: ImportOptions) -> Iterator[list[str]]:
    """Yield the cells of each row of the first sheet that has any, or of the sheet that was named.

    Raise Failure("invalid_params") without the library, and for a sheet that is not there.
    """
    try:
        import openpyxl
    except ImportError:
        raise _not_installed("Workbooks of Excel", "openpyxl") from None
    with zipfile.ZipFile(stream) as packed:
        if sum(each.file_size for each in packed.infolist()) > MAX_UNPACKED_BYTES:
            raise _refused(
                "The workbook is larger than 1 GB once it is unpacked. Split it, or save it as CSV UTF-8."
            )
    stream.seek(0)
    book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    try:
        sheets = book.worksheets
        if options.sheet is not None:
            sheets = [each for each in sheets if each.title == options.sheet]
            if not sheets:
                raise _refused(
                    f'There is no sheet "{options.sheet[:60]}"; there are {", ".join(book.sheetnames)}.'
                )
        for sheet in sheets:
            found = False
            for record in sheet.iter_rows(values_only=True):
                cells = [_cell(value) for value in record]
                found = found or any(cells)
                # Rows without cells below the table may go on for a million.
                yield cells
            if found:
                return
    finally:
        book.close()


def parquet_objects(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row of a Parquet file as an object, without what is null. Raise as `workbook_cells` does."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise _not_installed("Parquet files", "pyarrow") from None
    import pyarrow

    number = 0
    try:
        file = parquet.ParquetFile(stream)
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for record in batch.to_pylist():
                number += 1
                values = {name: _value(value) for name, value in record.items()}
                yield number, {name: value for name, value in values.items() if value is not None}
    except (pyarrow.ArrowException, OSError) as error:
        raise _refused(f"The Parquet file cannot be read ({str(error)[:200]}). Write it anew.") from None


def _cell(value: Any) -> str:
    """A cell as it is shown: whole numbers without a point, truths in capitals, dates as ISO 8601 has them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def _value(value: Any) -> Any:
    """A value of a column as one of JSON, with numbers that JavaScript would respell as they are written."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float):
        return value if kept_by_javascript(repr(value)) else Spelled(repr(value))
    if isinstance(value, Decimal):
        return Spelled(format(value, "f"))
    if isinstance(value, dict):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return None if value is None else _cell(value)


def _not_installed(what: str, library: str) -> Failure:
    return Failure(
        "invalid_params",
        f"{what} need a library that is not installed here. Install it with `pip install {library}`, "
        "or save the table as CSV UTF-8.",
    )


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
