"""Workbooks of Excel and of LibreOffice as rows of cells: which sheet is read, and what is said of the others."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from sidecar.batch.files import open_document, sheet_xml, sheet_xml_2003
from sidecar.batch.files.excel_cells import Record, excel_records
from sidecar.batch.files.names import field_of
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.packed_parts import refuse_swelling
from sidecar.batch.files.refusals import not_installed, refused
from sidecar.batch.files.sheet_xml import NOTHING, SheetFacts, facts_of, sheet_paths
from sidecar.errors import Failure

# Of a sheet, to see whether it holds the prompts; and of how many sheets.
_LOOKED_AT, _MOST_SHEETS = 20, 50
_MOST_LETTERS = 10

Records = Iterator[Record]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: `is_shown` is whether its program shows it, and `rows` begins anew with each call.

    They come as they stand, or as the `facts` of the sheet say that they are shown.
    """

    name: str
    is_shown: bool
    rows: Callable[[SheetFacts], Records]
    facts: Callable[[], SheetFacts]


def kind_of(stream: BinaryIO, head: bytes) -> str | None:
    """Return "xlsx", "ods" or "xml" for a workbook that begins so, None for another file.

    The stream is left at its start.
    """
    if head != b"PK\x03\x04":
        return "xml" if sheet_xml_2003.is_workbook(stream) else None
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


def read_workbook(stream: BinaryIO, kind: str, options: ImportOptions) -> tuple[Records, list[str]]:
    """Return the cells of each row of a sheet, and what is to be said of what is not read, or not seen.

    Read is the sheet that was named; else the first with a column of prompts among those that are shown, or the first
    that is not empty. Raise Failure("invalid_params") for a sheet that is not there, a workbook that cannot be read,
    and without the library.
    """
    with _readable():
        if kind == "xml":
            return _read(_of_parts(sheet_xml_2003, stream), options)
        with zipfile.ZipFile(stream) as packed:
            refuse_swelling(packed)
        stream.seek(0)
        return _read(_excel(stream) if kind == "xlsx" else _of_parts(open_document, stream), options)


def _read(sheets: Sequence[Sheet], options: ImportOptions) -> tuple[Records, list[str]]:
    chosen, remark = _chosen(sheets, options)
    facts = NOTHING if chosen is None else chosen.facts()
    hidden = []
    if facts.hidden_rows:
        hidden.append(f"Rows that the sheet hides are read too: there are {facts.hidden_rows}.")
    if facts.hidden_columns:
        letters = ", ".join(map(sheet_xml.letters_of, facts.hidden_columns[:_MOST_LETTERS]))
        more = " and more" if len(facts.hidden_columns) > _MOST_LETTERS else ""
        hidden.append(f"Columns that the sheet hides are read too: {letters}{more}.")
    return _records(chosen, facts), [*filter(None, [remark]), *hidden]


def _records(sheet: Sheet | None, facts: SheetFacts) -> Records:
    with _readable():
        if sheet is not None:
            # Rows without cells below the table may go on for a million.
            yield from sheet.rows(facts)


def _chosen(sheets: Sequence[Sheet], options: ImportOptions) -> tuple[Sheet | None, str | None]:
    if options.sheet is not None:
        named = next((each for each in sheets if each.name == options.sheet), None)
        if named is None:
            listed = ", ".join(each.name for each in sheets)
            raise refused(f'There is no sheet "{options.sheet[:60]}"; choose one of {listed}.')
        return named, None
    shown = [each for each in sheets if each.is_shown] or list(sheets)
    tops = {
        each.name: [row for row in islice(each.rows(NOTHING), _LOOKED_AT) if isinstance(row, list)]
        for each in shown[:_MOST_SHEETS]
    }
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

    def sheet_of(sheet: Any) -> Sheet:
        def facts() -> SheetFacts:
            with zipfile.ZipFile(stream) as packed:
                path = sheet_paths(packed).get(sheet.title)
                return NOTHING if path is None else facts_of(packed, path)

        def rows(known: SheetFacts) -> Records:
            return excel_records(sheet, known)

        return Sheet(sheet.title, sheet.sheet_state == "visible", rows, facts)

    return [sheet_of(each) for each in book.worksheets]


def _of_parts(form: Any, stream: BinaryIO) -> list[Sheet]:
    """The sheets of a file whose form is read by a module of ours, with `sheets` and `rows`."""

    def rows_of(number: int) -> Callable[[SheetFacts], Records]:
        return lambda facts: iter(form.rows(stream, number))

    return [
        Sheet(name, is_shown, rows_of(number), lambda: NOTHING)
        for number, (name, is_shown) in enumerate(form.sheets(stream))
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
