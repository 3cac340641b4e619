"""Workbooks as people keep them, and files that are no text, beside the real process."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.helpers.process import RpcError

MODEL = "openai/gpt-6-luna"
HEADER = ["prompt", "model"]
_NAMES = ("office", "table", "text", "style")
_DECLARED = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in _NAMES)


async def imported(folder: Path, name: str, content: bytes, **options: Any) -> dict[str, Any]:
    (folder / name).write_bytes(content)
    async with sidecar(folder / "data") as process:
        found: dict[str, Any] = await process.call("batch:import", {"path": str(folder / name), **options})
    return found


def excel(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book, packed = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(packed)
    return packed.getvalue()


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), text)
    return packed.getvalue()


def document(*tables: str) -> bytes:
    hidden = '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
    content = (
        f"<office:document-content {_DECLARED}><office:automatic-styles>{hidden}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped(mimetype=mime, content_xml=content)


def table(name: str, *rows: str, style: str = "") -> str:
    edge = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    return f'<table:table table:name="{name}" table:style-name="{style}">{"".join(rows)}{edge}</table:table>'


def row(*cells: str) -> str:
    filled = "".join(each if each.startswith("<") else cell(each) for each in cells)
    return f"<table:table-row>{filled}</table:table-row>"


def cell(text: str, *, kind: str = "string", value: str = "", times: int = 1) -> str:
    kept = f' office:{"date-value" if kind == "date" else "value"}="{value}"' if value else ""
    repeated = f' table:number-columns-repeated="{times}"' if times > 1 else ""
    return f'<table:table-cell office:value-type="{kind}"{kept}{repeated}><text:p>{text}</text:p></table:table-cell>'


@field("files", "a workbook whose first sheet is a cover")
async def test_the_sheet_with_the_prompts_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["Our company", "2026"])
        book.active.title = "Cover"
        sheet = book.create_sheet("Questions")
        for each in (HEADER, ["One", MODEL]):
            sheet.append(each)

    found = await imported(tmp_path, "book.xlsx", excel(fill))
    assert [each["prompt"] for each in found["rows"]] == ["One"]
    (told,) = found["errors"]
    assert told["message"].startswith('The sheet "Questions" is read, and others are not: "Cover".')


@field("files", "a workbook with a sheet that is hidden")
async def test_a_hidden_sheet_is_not_read_unless_it_is_named(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        secret = book.active
        secret.title, secret.sheet_state = "Secret", "hidden"
        for sheet, prompt in ((secret, "Hidden"), (book.create_sheet("Shown"), "Shown")):
            for each in (HEADER, [prompt, MODEL]):
                sheet.append(each)

    content = excel(fill)
    shown = table("Shown", row(*HEADER), row("Shown", MODEL))
    both = document(table("Secret", row(*HEADER), row("Hidden", MODEL), style="h"), shown)
    for name, book in (("book.xlsx", content), ("book.ods", both)):
        found = await imported(tmp_path, name, book)
        assert [each["prompt"] for each in found["rows"]] == ["Shown"], name
        named = await imported(tmp_path, name, book, sheet="Secret")
        assert [each["prompt"] for each in named["rows"]] == ["Hidden"], name


@field("files", "a spreadsheet of LibreOffice")
async def test_a_spreadsheet_of_libreoffice_is_read_as_one_of_excel_is(tmp_path: Path) -> None:
    content = document(
        table(
            "One",
            row(*HEADER, "day", "n"),
            '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>',
            row(
                "A <text:span>bold</text:span><text:s text:c='2'/>word</text:p><text:p>and a line",
                MODEL,
                cell("2 Jan", kind="date", value="2026-01-02"),
                cell("1.234,50", kind="float", value="1234.5"),
            ),
            row("Two", MODEL, cell("x", times=2)),
        )
    )
    found = await imported(tmp_path, "book.ods", content)
    assert [(each["prompt"], each["data"]) for each in found["rows"]] == [
        ("A bold  word\nand a line", {"day": "2026-01-02", "n": "1234.5"}),
        ("Two", {"day": "x", "n": "x"}),
    ]
    assert [each["id"] for each in found["rows"]] == ["row-3", "row-4"]
    assert found["errors"] == []


@field("files", "a workbook that is damaged or protected")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "a.xlsx",
            zipped(xl__workbook_xml="<x/>"),
            "The workbook cannot be read: it is damaged, or protected",
        ),
        ("a.ods", document("<broken"), "The workbook cannot be read: it is damaged, or protected"),
        (
            "b.xlsx",
            b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
            "with a password",
        ),
        (
            "a.doc",
            b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "WordDocument".encode("utf-16-le"),
            "a document of Word",
        ),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a workbook of an old Excel"),
        ("a.xlsb", zipped(xl__workbook_bin="x"), "a binary workbook of Excel"),
        ("a.docx", zipped(word__document_xml="x"), "a document of Word"),
        ("a.csv", b"\0\1\0\0Standard Jet DB\0" + bytes(range(32)) * 20, "The file is no text"),
        ("a.exe", b"MZ\x90\0\3" + b"\0\4\xff" * 200, "The file is no text"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_as_what_it_is(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    with pytest.raises(RpcError) as caught:
        await imported(tmp_path, name, content)
    assert told in caught.value.message
    assert caught.value.data["kind"] == "invalid_params"


async def test_any_damage_to_a_workbook_is_told_and_no_bug(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for each in (HEADER, *([f"Question {number}", MODEL] for number in range(50))):
            book.active.append(each)

    whole = excel(fill)
    path = tmp_path / "book.xlsx"
    kinds = set()
    async with sidecar(tmp_path / "data") as process:
        for at in range(20, len(whole), len(whole) // 60):
            path.write_bytes(whole[:at] + b"\xff\xfe\xfd" + whole[at + 3 :])
            try:
                await process.call("batch:import", {"path": str(path)})
            except RpcError as error:
                kinds.add(error.data["kind"])
    assert kinds == {"invalid_params"}
