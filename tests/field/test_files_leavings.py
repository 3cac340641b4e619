"""What other programs leave in tables: another header in the middle, errors of a spreadsheet, escapes of old mail."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.helpers.process import RpcError

MODEL = "openai/gpt-6-luna"


async def imported(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    (folder / name).write_bytes(content)
    async with sidecar(folder / "data") as process:
        found: dict[str, Any] = await process.call("batch:import", {"path": str(folder / name)})
    return found


@field("files", "a CSV in ISO-2022-JP")
@pytest.mark.parametrize(
    ("encoding", "prompt"),
    [("iso2022_jp", "今日の天気はどうですか"), ("iso2022_kr", "오늘 날씨가 어때요")],
)
async def test_letters_behind_escapes_are_found_and_told(encoding: str, prompt: str, tmp_path: Path) -> None:
    content = f"prompt,model\n{prompt},{MODEL}\nPlain,{MODEL}\n".encode(encoding)
    found = await imported(tmp_path, "mail.csv", content)
    assert [row["prompt"] for row in found["rows"]] == [prompt, "Plain"]
    assert "Where letters look wrong, say its encoding" in found["errors"][0]["message"]


@field("files", "a table whose header stands again")
@pytest.mark.parametrize("again", ["prompt,model", "Prompt , MODEL", "prompt,model,"])
async def test_a_header_in_the_middle_is_no_question(again: str, tmp_path: Path) -> None:
    content = f"prompt,model\nOne,{MODEL}\n{again}\nTwo,{MODEL}\n".encode()
    found = await imported(tmp_path, "both.csv", content)
    assert [row["prompt"] for row in found["rows"]] == ["One", "Two"]
    (told,) = found["errors"]
    assert (told["row"], told["message"]) == (
        2,
        "This row is the header once more, and is not read as a question.",
    )


@field("files", "a prompt that is an error of the spreadsheet")
async def test_an_error_of_the_spreadsheet_is_no_question_and_a_heading_is_one(tmp_path: Path) -> None:
    prompts = ("#REF!", " #BEZUG! ", "#N/A", "# Write a poem", "#love", "#1 of the list")
    content = "\n".join(["prompt,model", *(f"{prompt},{MODEL}" for prompt in prompts)])
    found = await imported(tmp_path, "sheet.csv", content.encode())
    assert [row["prompt"] for row in found["rows"]] == ["# Write a poem", "#love", "#1 of the list"]
    assert [told["row"] for told in found["errors"]] == [1, 2, 3]
    assert "#BEZUG!, an error of the spreadsheet" in found["errors"][1]["message"]


@field("files", "XML or a table of HTML without its beginning")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.xml", "<rows><row><prompt>One</prompt></row></rows>", "The file is XML"),
        ("page.html", "<div><p>Sign in</p></div>", "The file is a web page"),
        ("page.csv", "<table><tr><th>prompt</th></tr></table>", "The file is a web page"),
    ],
)
async def test_markup_is_told_as_what_it_is(name: str, content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(RpcError, match=told):
        await imported(tmp_path, name, content.encode())


@field("files", "a table of HTML that is called")
@pytest.mark.parametrize("name", ["rows.xls", "page.html"])
async def test_a_table_of_a_web_page_is_read(name: str, tmp_path: Path) -> None:
    rows = f"<tr><th>prompt</th><th>model</th></tr><tr><td>One &amp; two?</td><td>{MODEL}</td></tr>"
    found = await imported(tmp_path, name, f"<html><body><table>{rows}</table></body></html>".encode())
    assert [row["prompt"] for row in found["rows"]] == ["One & two?"]


@field("files", "a workbook of 2003 as one file of XML")
async def test_a_report_as_a_workbook_of_xml_gives_its_questions_and_not_its_sum(tmp_path: Path) -> None:
    name = "urn:schemas-microsoft-com:office:spreadsheet"
    rows = (["Texts", "", "Numbers"], ["prompt", "model", "n"], ["One", MODEL, "1"], ["Total", "", "1"])
    cells = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{each}</Data></Cell>' for each in row) + "</Row>"
        for row in rows
    )
    sheet = f'<Worksheet ss:Name="S"><Table>{cells}</Table></Worksheet>'
    book = f'<?xml version="1.0"?>\n<Workbook xmlns="{name}" xmlns:ss="{name}">{sheet}</Workbook>'
    found = await imported(tmp_path, "report.xls", book.encode())
    assert [row["prompt"] for row in found["rows"]] == ["One"]
    assert [told["row"] for told in found["errors"]] == [0, 2]


@field("files", "rows that came as base64")
async def test_rows_that_came_in_another_form_are_read_and_results_are_told(tmp_path: Path) -> None:
    rows = json.dumps({"prompt": "One", "model": MODEL}) + "\n"
    page = f"<html><body><pre>{rows}</pre></body></html>".encode()
    for content in (base64.b64encode(rows.encode()), json.dumps(rows).encode(), page):
        found = await imported(tmp_path, "rows.jsonl", content)
        assert [row["prompt"] for row in found["rows"]] == ["One"]
    results = {"a": {"response": {"status_code": 200, "body": {"choices": []}}}}
    found = await imported(tmp_path, "results.json", json.dumps(results).encode())
    assert (found["rows"], len(found["errors"])) == ([], 1)
    assert "is a line of the results of a batch" in found["errors"][0]["message"]


async def test_prompts_that_begin_with_markup_are_prompts(tmp_path: Path) -> None:
    content = f"prompt,model\n<task><rule>Be brief</rule></task>,{MODEL}\n"
    found = await imported(tmp_path, "prompts.csv", content.encode())
    assert [row["prompt"] for row in found["rows"]] == ["<task><rule>Be brief</rule></task>"]


@field("files", "rows in a list that stands deeper")
@pytest.mark.parametrize("indent", [None, 1])
async def test_rows_are_found_in_a_list_that_stands_deeper(indent: int | None, tmp_path: Path) -> None:
    document = {"meta": {"count": 2}, "data": {"rows": [{"prompt": each, "model": MODEL} for each in "AB"]}}
    found = await imported(tmp_path, "deep.json", json.dumps(document, indent=indent).encode())
    assert [row["prompt"] for row in found["rows"]] == ["A", "B"]
