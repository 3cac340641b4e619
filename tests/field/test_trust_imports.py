"""However large a file is that is read in, little of it is held: rows of batches, histories, workbooks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import project, sidecar
from tests.field.test_trust_memory import MEGABYTE, staying_small
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

MODEL = "openai/gpt-6-luna"
FILE_BYTES = longer(16, 200) * MEGABYTE
LINE_BYTES = longer(32, 100) * MEGABYTE
SHORT_BYTES = longer(1, 4) * MEGABYTE
# Not even a workbook's part takes much that becomes so much.
UNPACKED_BYTES = longer(300, 900) * MEGABYTE
LONG = "A long line. " * 80


def repeated(path: Path, piece: Callable[[int], str], size: int, head: str = "", end: str = "") -> None:
    """Write the pieces one behind the other until the file has that size."""
    with path.open("w", encoding="utf-8") as file:
        written, number = file.write(head), 0
        while written < size:
            written += file.write(piece(number))
            number += 1
        file.write(end)


def rows_as_csv(path: Path) -> None:
    repeated(path, lambda number: f"{number},Why {number}? {LONG}\n", FILE_BYTES, "n,prompt\n")


def rows_as_lines(path: Path) -> None:
    repeated(path, lambda number: json.dumps({"prompt": f"Why {number}? {LONG}"}) + "\n", FILE_BYTES)


def one_line_of_csv(path: Path) -> None:
    repeated(path, lambda number: LONG, LINE_BYTES, "n,prompt\n1,")


def one_line_of_json(path: Path) -> None:
    repeated(path, lambda number: LONG, LINE_BYTES, '{"prompt":"', '"}\n')


def one_value_of_lists(path: Path) -> None:
    repeated(path, lambda number: "[]," * 1000, LINE_BYTES, '[{"prompt":[', "1]}]")


def many_short_rows(path: Path) -> None:
    repeated(path, lambda number: "a\n" * 1000, SHORT_BYTES, "prompt\n")


def very_many_columns(path: Path) -> None:
    repeated(path, lambda number: "a," * 1000, SHORT_BYTES, "prompt,", "\nWhy?\n")


def unpacking(name: str, head: str, piece: str, end: str, size: int) -> Callable[[Path], None]:
    """A workbook of little size, one part of which unpacks to so many bytes."""

    def write(path: Path) -> None:
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for other, text in WORKBOOK.items():
                if other != name:
                    packed.writestr(other, text)
            with packed.open(name, "w", force_zip64=True) as part:
                part.write(head.encode())
                many = (piece * (MEGABYTE // len(piece))).encode()
                for _ in range(size // len(many)):
                    part.write(many)
                part.write(end.encode())
        path.write_bytes(whole.getvalue())

    return write


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
CELL = '<row><c t="inlineStr"><is><t>{}</t></is></c></row>'
WORKBOOK = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.'
    'sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{OFFICE}/officeDocument"'
    ' Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{OFFICE}/sharedStrings"'
    ' Target="sharedStrings.xml"/></Relationships>',
    TEXTS: f'<sst xmlns="{MAIN}"></sst>',
    SHEET: f'<worksheet xmlns="{MAIN}"><sheetData>{CELL.format("prompt")}{CELL.format("Why?")}</sheetData></worksheet>',
}
SHEET_HEAD = f'<worksheet xmlns="{MAIN}"><sheetData>{CELL.format("prompt")}'
TABLES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "many megabytes of rows as CSV": ("a.csv", rows_as_csv),
    "many megabytes of lines of JSON": ("a.jsonl", rows_as_lines),
    "one endless line": ("a.csv", one_line_of_csv),
    "one endless row of JSON": ("a.jsonl", one_line_of_json),
    "one row of very many lists": ("a.json", one_value_of_lists),
    "millions of short rows": ("a.csv", many_short_rows),
    "millions of columns": ("a.csv", very_many_columns),
    "a workbook that unpacks to more than a gigabyte": (
        "a.xlsx",
        unpacking(
            SHEET, SHEET_HEAD, CELL.format("Why? " + LONG), "</sheetData></worksheet>", 1100 * MEGABYTE
        ),
    ),
    "a workbook with one endless cell": (
        "a.xlsx",
        unpacking(
            SHEET, f"{SHEET_HEAD}<row><c t='inlineStr'><is><t>", LONG, "</t></is></c></row>", 900 * MEGABYTE
        ),
    ),
    "a workbook with endless texts": (
        "a.xlsx",
        unpacking(TEXTS, f'<sst xmlns="{MAIN}">', f"<si><t>{LONG}</t></si>", "</sst>", UNPACKED_BYTES),
    ),
}

SAID = {
    "a workbook that unpacks to more than a gigabyte": "The workbook is larger than 1 GB",
    "a workbook with one endless cell": "A row of the workbook is larger than 16 MB",
    "a workbook with endless texts": "The texts of the workbook are larger than 128 MB",
}


def chats(path: Path) -> None:
    def talk(number: int) -> str:
        said = [
            {"role": role, "content": f"{number} {LONG}", "created_at": 1_700_000_000 + number}
            for role in ("user", "assistant")
        ]
        return ("," if number else "") + json.dumps({"title": f"T{number}", "messages": said})

    repeated(path, talk, FILE_BYTES, "[", "]")


def one_chat(path: Path) -> None:
    said = json.dumps({"role": "user", "content": LONG})
    repeated(path, lambda number: said + ",", LINE_BYTES, '[{"title":"T","messages":[', f"{said}]}}]")


def one_message(path: Path) -> None:
    head = '[{"title":"T","messages":[{"role":"user","content":"'
    repeated(path, lambda number: LONG, LINE_BYTES, head, '"}]}]')


def transcript(path: Path) -> None:
    repeated(path, lambda number: f"User: {LONG}\n\nAssistant: {LONG}\n\n", FILE_BYTES)


def packed_chats(path: Path) -> None:
    said = json.dumps({"title": "T", "messages": [{"role": "user", "content": LONG * 8}]}) + ","
    many = (said * (MEGABYTE // len(said))).encode()
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as whole,
        whole.open("conversations.json", "w", force_zip64=True) as part,
    ):
        part.write(b"[")
        for _ in range(longer(150, 1_500)):
            part.write(many)
        part.write(b"{}]")


HISTORIES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "many megabytes of conversations": ("a.json", chats),
    "one endless conversation": ("a.json", one_chat),
    "one endless message": ("a.json", one_message),
    "many megabytes of text": ("a.md", transcript),
    "an archive that unpacks to a thousand times its size": ("a.zip", packed_chats),
}


async def answered(process: SidecarProcess, method: str, **params: Any) -> str:
    """What a person is told: the sentence of a refusal, or nothing."""
    told = kind = ""
    try:
        await process.call(method, params)
    except RpcError as refusal:
        told = refusal.message
        kind = refusal.data["kind"]
    assert kind in ("", "invalid_params", "message_too_large"), told
    return told


@pytest.mark.parametrize("kind", TABLES)
async def test_a_table_of_any_size_is_read_or_refused_in_little_memory(kind: str, tmp_path: Path) -> None:
    name, write = TABLES[kind]
    path = tmp_path / name
    write(path)
    async with (
        sidecar(tmp_path / "data", deadline=200) as process,
        staying_small(process, "batch.files.import_rows.MAX_FILE_BYTES") as told,
    ):
        told.append(await answered(process, "batch:import", path=str(path), model=MODEL) or kind.capitalize())
        assert SAID.get(kind, "") in told[0]
    path.unlink()


@pytest.mark.parametrize("kind", HISTORIES)
async def test_a_history_of_any_size_is_taken_over_or_refused_in_little_memory(
    kind: str, tmp_path: Path
) -> None:
    name, write = HISTORIES[kind]
    path = tmp_path / name
    write(path)
    async with (
        sidecar(tmp_path / "data", deadline=200) as process,
        staying_small(process, "chat.transfer.documents.MOST_BYTES") as told,
    ):
        named = {"path": str(path), "projectId": await project(process)}
        told.append(await answered(process, "conversation:import", **named) or kind.capitalize())
    path.unlink()
