"""Workbooks as other programs write them: one file of XML, formulas that nobody computed; and tables of a report."""

from __future__ import annotations

import io
import json
import re
import zipfile

import openpyxl
import pytest

from sidecar.errors import Failure
from tests.batch.files.test_files_kinds import ONE, prompts, read, said

SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"


def xml_2003(*sheets: tuple[str, str]) -> str:
    """A workbook of 2003 of these sheets, each with its rows."""
    parts = "".join(f'<Worksheet ss:Name="{name}"><Table>{rows}</Table></Worksheet>' for name, rows in sheets)
    head = '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    return f'{head}<Workbook xmlns="{SPREADSHEET}" xmlns:ss="{SPREADSHEET}">{parts}</Workbook>'


def cell(text: str, kind: str = "String", more: str = "") -> str:
    return f'<Cell{more}><Data ss:Type="{kind}">{text}</Data></Cell>'


DAY = cell("2026-01-02T00:00:00.000", "DateTime", ' ss:Index="3"')
ROWS = (
    f"<Row>{cell('prompt')}{cell('n')}{cell('d')}</Row><Row ss:Index='4'>{cell('Why &amp; how?')}{DAY}</Row>"
)


@pytest.mark.parametrize("name", ["xls", "xml", "csv", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_workbook_of_xml_is_read_whatever_it_is_called(encoding: str, name: str) -> None:
    book = xml_2003(("Notes", f"<Row>{cell('hi')}</Row>"), ("Prompts", ROWS))
    if encoding == "utf-16":
        book = book.replace('version="1.0"', 'version="1.0" encoding="UTF-16"')
    found = read(book.encode(encoding), name, models=ONE)
    [row] = found["rows"]
    assert (row["id"], row["prompt"], row["data"]) == ("row-3", "Why & how?", {"n": "", "d": "2026-01-02"})
    assert said(found) == [
        (0, 'The sheet "Prompts" is read, and others are not: "Notes". Name the one to read.')
    ]
    with pytest.raises(Failure, match='There is no sheet "x"; choose one of Notes, Prompts'):
        read(book.encode(encoding), name, models=ONE, sheet="x")


def test_a_workbook_of_xml_that_breaks_off_is_told_as_damaged() -> None:
    with pytest.raises(Failure, match="The workbook cannot be read: it is damaged"):
        read(xml_2003(("S", ROWS))[:-60], "xls", models=ONE)


def with_cell(xml: str) -> bytes:
    """A workbook of Excel in which the first prompt stands in this form."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["prompt", "n"], ["Why?", 1], ["Plain", 2]):
        sheet.append(row)
    saved, changed = io.BytesIO(), io.BytesIO()
    book.save(saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = re.sub(rb'<c r="A2"[^>]*>.*?</c>', lambda _: xml.encode(), content)
            new.writestr(name, content)
    return changed.getvalue()


@pytest.mark.parametrize(
    "xml",
    [
        '<c r="A2"><f>"Why "&amp;B2</f></c>',
        '<c r="A2"><f>"Why "&amp;B2</f><v>0</v></c>',
        '<c r="A2"><f>CONCATENATE("Why ",B2)</f><v>0.0</v></c>',
        '<c r="A2" t="str"><f>"Why "&amp;B2</f></c>',
        '<c r="A2" t="str"><f>"Why "&amp;B2</f><v></v></c>',
    ],
)
def test_a_prompt_that_is_a_formula_nobody_computed_is_told_as_one(xml: str) -> None:
    found = read(with_cell(xml), "xlsx", models=ONE)
    assert prompts(found) == ["Plain"]
    [(row, told)] = said(found)
    assert row == 1
    assert "formula" in told
    assert told.endswith("Open the file in a spreadsheet, save it there, and import it again.")


@pytest.mark.parametrize(
    "formula", ['COUNTIF(B:B,"x"&amp;B2)', "B2-1", 'LEN("a&amp;b")-3', 'LEFT("a")+MID("1",1,1)']
)
def test_a_formula_whose_result_is_zero_is_a_number(formula: str) -> None:
    found = read(with_cell(f'<c r="A2"><f>{formula}</f><v>0</v></c>'), "xlsx", models=ONE)
    assert prompts(found) == ["0", "Plain"]


def test_a_formula_of_an_open_document_that_nobody_computed_is_told() -> None:
    names = "office:1.0", "table:1.0", "text:1.0"
    spaces = " ".join(f'xmlns:{each[:-4]}="urn:oasis:names:tc:opendocument:xmlns:{each}"' for each in names)

    def text(words: str) -> str:
        return f'<table:table-cell office:value-type="string"><text:p>{words}</text:p></table:table-cell>'

    formula = '<table:table-cell table:formula="of:=[.B2]&amp;1"/>'
    rows = "".join(
        f"<table:table-row>{each}</table:table-row>" for each in (text("prompt"), formula, text("Plain"))
    )
    table = f'<table:table table:name="S">{rows}</table:table>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")
    found = read(packed.getvalue(), "ods", models=ONE)
    assert prompts(found) == ["Plain"]
    assert "a formula whose result is not in the file" in said(found)[0][1]


@pytest.mark.parametrize(
    "table", ["Texts,,Numbers\nprompt,x,y\nWhy?,1,2\n", ",Group,\nid,prompt,n\n1,Why?,2\n"]
)
def test_groups_of_columns_above_the_header_are_passed_over_and_told(table: str) -> None:
    found = read(table, models=ONE)
    assert prompts(found) == ["Why?"]
    assert said(found)[0][1].startswith("What stands above the header is not read")


def test_a_question_that_is_the_word_prompt_makes_no_header() -> None:
    assert prompts(read("question,answer\nprompt,x\nWhy?,1\n", models=ONE)) == ["prompt", "Why?"]


@pytest.mark.parametrize("last", ["Total,12", 'Summe:,"1.234,50 €"', "合计,3", "Grand Total,$4"])
def test_the_sum_below_a_table_is_told_and_not_asked(last: str) -> None:
    found = read(f"prompt,n\nWhy?,1\n\n{last}\n", models=ONE)
    assert prompts(found) == ["Why?"]
    assert said(found) == [(3, "This row is the sum below the table, and is not read as a question.")]


@pytest.mark.parametrize(
    "table", ["prompt\nWhy?\nTotal\n", "prompt,n\nTotal,1\nWhy?,2\n", "prompt,n\nWhy?,2\nTotal,noun\n"]
)
def test_a_word_for_a_sum_that_is_none_is_asked(table: str) -> None:
    assert sorted(prompts(read(table, models=ONE))) == ["Total", "Why?"]


def test_a_cell_that_ends_with_a_blank_keeps_it_and_blanks_before_quotes_are_passed_over() -> None:
    assert prompts(read('id,prompt\n0,", "\n1,"a, "\n', models=ONE)) == [", ", "a, "]
    assert prompts(read('id, prompt\n0, "a, b"\n1, "c"\n', models=ONE)) == ["a, b", "c"]


@pytest.mark.parametrize(
    "table",
    [
        "prompt      n\nWhy?        1\n",
        "======  =\nprompt  n\n======  =\nWhy?    1\n======  =\n",
        "prompt & n \\\\\nWhy? & 1 \\\\\n",
        "|===\n|prompt |n\n\n|Why? |1\n|===\n",
        "{|\n! prompt !! n\n|-\n| Why? || 1\n|}\n",
        "||prompt||n||\n|Why?|1|\n",
    ],
)
def test_a_table_of_blanks_or_of_a_wiki_is_told_and_its_rules_are_not_asked(table: str) -> None:
    with pytest.raises(Failure, match="told apart by blanks or by marks"):
        read(table, "txt", models=ONE)


def test_a_line_that_only_parts_others_is_told_and_not_asked() -> None:
    found = read("Why?\n---\nHow?\n\n=====\n-- what --\n# Why  me\n", "txt", models=ONE)
    assert prompts(found) == ["Why?", "How?", "-- what --", "# Why  me"]
    assert [row for row, _ in said(found)] == [0, 2, 5]


@pytest.mark.parametrize(
    "last", ["(2 rows)", "(1 row)", "2 rows in set (0.00 sec)", "(2 rows affected)", "12 rows selected."]
)
@pytest.mark.parametrize("header", ["prompt,n", "prompt"])
def test_the_count_that_a_database_writes_below_a_table_is_told_and_not_asked(last: str, header: str) -> None:
    row = "Why?,1" if "," in header else "Why?"
    found = read(f"{header}\n{row}\n{last}\n", "csv", models=ONE)
    assert (prompts(found), found["errors"][-1]["message"][:31]) == (
        ["Why?"],
        "This row counts those above it,",
    )
    found = read(f"{header}\n{last}\n{row}\n", "csv", models=ONE)
    assert prompts(found) == [last, "Why?"]


def test_the_marks_of_a_fence_among_lines_are_told_and_not_asked() -> None:
    found = read("Sum this up:\n```py\nx = 1\n```\nAnd this\n", "txt", models=ONE)
    assert prompts(found) == ["Sum this up:", "x = 1", "And this"]
    assert [error["row"] for error in found["errors"]] == [0, 2, 4]


@pytest.mark.parametrize(
    ("order", "values"),
    [
        ("ROWS", [["prompt", "n"], ["Why?", "1"], ["How?"]]),
        ("COLUMNS", [["prompt", "Why?", "How?"], ["n", "1"]]),
    ],
)
def test_a_range_as_google_s_interface_hands_it_out_is_a_table(order: str, values: list[list[str]]) -> None:
    content = json.dumps({"range": "Sheet1!A1:B3", "majorDimension": order, "values": values})
    found = read(content, "json", models=ONE)
    assert (prompts(found), found["errors"]) == (["Why?", "How?"], [])
