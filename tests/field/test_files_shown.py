"""What a spreadsheet shows is what is asked: its formulas, merged cells, hidden rows and the forms of its numbers."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
from openpyxl import Workbook
from openpyxl.utils import column_index_from_string

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_workbooks import cell, document, row, table
from tests.helpers.process import SidecarProcess

MODEL = "openai/gpt-6-luna"
HEADER = ["prompt", "model"]
Found = tuple[list[dict[str, Any]], list[str]]


def saved(
    path: Path,
    records: Sequence[Sequence[Any]],
    change: Callable[[Workbook], None] = lambda book: None,
) -> Path:
    """A workbook with these records in its sheet, and then changed."""
    book = openpyxl.Workbook()
    book.active.title = "First"
    for record in records:
        book.active.append(list(record))
    change(book)
    book.save(path)
    return path


async def imported(process: SidecarProcess, path: Path, **options: Any) -> Found:
    found = await process.call("batch:import", {"path": str(path), **options})
    return found["rows"], [error["message"] for error in found["errors"]]


def prompts(found: Found) -> list[str]:
    return [row["prompt"] for row in found[0]]


@field("files", "a formula whose result is not in the file")
async def test_a_formula_that_nobody_has_computed_is_not_asked_as_nothing(tmp_path: Path) -> None:
    rows = [
        [*HEADER, "city"],
        ["Where is {{city}}?", MODEL, '="Par"&"is"'],
        ["Where is {{city}}?", MODEL, "Rome"],
    ]
    path = saved(tmp_path / "a.xlsx", rows)
    whole = tmp_path / "b.xlsx"
    # As a spreadsheet saves them: with results, of which one is an empty text.
    with ZipFile(path) as old, ZipFile(whole, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert b"<v></v>" in content or b"<v />" in content or b"<v/>" in content
                for empty in (b"<v></v>", b"<v />", b"<v/>"):
                    content = content.replace(empty, b"<v></v>")
                content = content.replace(b'<c r="C2">', b'<c r="C2" t="str">')
            new.writestr(name, content)
    async with sidecar(tmp_path / "data") as process:
        rows_found, errors = await imported(process, path)
        assert [row["data"]["city"] for row in rows_found] == ["Rome"]
        assert len(errors) == 1
        assert "formula whose result is not in the file" in errors[0]
        rows_found, errors = await imported(process, whole)
        assert [row["data"]["city"] for row in rows_found] == ["", "Rome"]
        assert errors == []


@field("files", "rows that a sheet hides")
async def test_rows_that_a_filter_hides_are_told(tmp_path: Path) -> None:
    def hide_row(book: Workbook) -> None:
        book["First"].row_dimensions[2].hidden = True

    path = saved(tmp_path / "c.xlsx", [HEADER, ["Old?", MODEL], ["New?", MODEL]], hide_row)
    async with sidecar(tmp_path / "data") as process:
        found = await imported(process, path)
    assert prompts(found) == ["Old?", "New?"]
    assert found[1] == ["Rows that the sheet hides are read too: there are 1."]


@field("files", "cells that are merged")
async def test_a_merged_cell_counts_beside_all_of_its_rows(tmp_path: Path) -> None:
    def merge(book: Workbook) -> None:
        book["First"].merge_cells("B2:B4")

    rows: list[list[Any]] = [HEADER, ["One?", MODEL], ["Two?", None], ["Three?", None], ["Four?", None]]
    async with sidecar(tmp_path / "data") as process:
        found = await imported(process, saved(tmp_path / "a.xlsx", rows, merge))
    assert prompts(found) == ["One?", "Two?", "Three?"]
    assert found[1] == ["The model is empty."]


@field("files", "numbers of a workbook")
async def test_numbers_of_a_workbook_are_asked_as_they_are_shown(tmp_path: Path) -> None:
    shown = {
        "percent": (0.125, "0%", "12.5%"),
        "whole_percent": (0.07, "0.0%", "7.0%"),
        "price": (1.1, "0.00", "1.10"),
        "euros": (1234.5, '#,##0.00\\ "€"', "1234.50"),
        "postcode": (1234, "00000", "01234"),
        "noise": (0.1 + 0.2, "General", "0.3"),
        "whole": (3.0, "General", "3"),
        "long": (0.123456, "0.00", "0.123456"),
        "below": (-5, "#,##0;[Red]-#,##0", "-5"),
        "day": (datetime.datetime(2026, 3, 1), "dd/mm/yyyy", "2026-03-01"),
        "emoji": ("_xD83D__xDE00_", "General", "\N{GRINNING FACE}"),
    }

    def dress(book: Workbook) -> None:
        for column, (_, form, _) in enumerate(shown.values(), start=4):
            book["First"].cell(2, column).number_format = form
        book["First"].cell(2, 3).number_format = "0%"

    prompt = " ".join(f"{{{{{name}}}}}" for name in shown)
    record: list[Any] = [prompt, MODEL, 0.5, *(value for value, _, _ in shown.values())]
    async with sidecar(tmp_path / "data") as process:
        path = saved(tmp_path / "a.xlsx", [[*HEADER, "temperature", *shown], record], dress)
        rows, errors = await imported(process, path)
    assert errors == []
    assert rows[0]["data"] == {name: text for name, (_, _, text) in shown.items()}
    assert rows[0]["temperature"] == 0.5


@field("files", "numbers of a workbook")
async def test_numbers_of_libreoffice_are_asked_as_they_are_shown(tmp_path: Path) -> None:
    shown = {
        "percent": (cell("12.50%", kind="percentage", value="0.125"), "12.50%"),
        "local": (cell("12,5 %", kind="percentage", value="0.125"), "12.5%"),
        "price": (cell("1.10", kind="currency", value="1.1"), "1.10"),
        "euros": (cell("1.234,50 €", kind="currency", value="1234.5"), "1234.5"),
        "postcode": (cell("01234", kind="float", value="1234"), "01234"),
        "rounded": (cell("0.12", kind="float", value="0.123456"), "0.123456"),
    }
    prompt = " ".join(f"{{{{{name}}}}}" for name in shown)
    rows = (row(*HEADER, *shown), row(prompt, MODEL, *(each for each, _ in shown.values())))
    path = tmp_path / "a.ods"
    path.write_bytes(document(table("First", *rows)))
    async with sidecar(tmp_path / "data") as process:
        found, errors = await imported(process, path)
    assert errors == []
    assert found[0]["data"] == {name: text for name, (_, text) in shown.items()}


@field("files", "the body of a vendor's batch")
async def test_the_body_of_a_vendor_s_batch_is_read_as_its_rows(tmp_path: Path) -> None:
    gemini = {"contents": [{"role": "user", "parts": [{"text": "One?"}]}]}
    inside = {"requests": [{"request": gemini, "metadata": {"key": "a"}}]}
    chat = {"model": "grok-4.3", "messages": [{"role": "user", "content": "One?"}]}
    grok = {"batch_request_id": "a", "batch_request": {"chat_get_completion": chat}}
    bodies: dict[str, Any] = {
        "as it is sent": {"batch": {"displayName": "x", "inputConfig": {"requests": inside}}},
        "as Python writes it": {"batch": {"input_config": {"requests": inside}}},
        "xAI's": {"batch_requests": [grok]},
    }
    async with sidecar(tmp_path / "data") as process:
        for name, body in bodies.items():
            path = tmp_path / "a.json"
            path.write_text(json.dumps(body), encoding="utf-8")
            rows, errors = await imported(process, path, models=["grok-4.3"])
            assert (rows, errors) == ([{"id": "a", "prompt": "One?", "model": "grok-4.3"}], []), name


@field("files", "columns that a sheet hides")
async def test_columns_that_a_sheet_hides_are_told(tmp_path: Path) -> None:
    def hide(book: Workbook) -> None:
        for letter, last in (("C", "D"), ("AB", "XFD")):
            column = book.active.column_dimensions[letter]
            column.min, column.max = column_index_from_string(letter), column_index_from_string(last)
            column.hidden = True

    records = [[*HEADER, "system", "note", "city"], ["Why?", MODEL, "S", "n", "Rome"]]
    async with sidecar(tmp_path / "data", "--mock") as process:
        rows, said = await imported(process, saved(tmp_path / "a.xlsx", records, hide))
        _, plain = await imported(process, saved(tmp_path / "b.xlsx", records))
    assert rows[0]["system"] == "S"
    assert said == ["Columns that the sheet hides are read too: C, D."]
    assert plain == []


@field("files", "numbers of a workbook with a format")
async def test_a_duration_is_asked_as_it_is_shown(tmp_path: Path) -> None:
    def dress(book: Workbook) -> None:
        for place, form in (("C2", "[h]:mm"), ("D2", "[h]:mm:ss"), ("E2", "[mm]:ss")):
            book.active[place].number_format = form

    long, short = datetime.timedelta(hours=30, minutes=5), datetime.timedelta(minutes=2, seconds=3)
    records: list[list[Any]] = [[*HEADER, "a", "b", "c"], ["Why?", MODEL, long, long, short]]
    async with sidecar(tmp_path / "data", "--mock") as process:
        rows, _ = await imported(process, saved(tmp_path / "a.xlsx", records, dress))
    assert rows[0]["data"] == {"a": "30:05", "b": "30:05:00", "c": "0:02:03"}
