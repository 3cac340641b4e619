"""CSV as people's spreadsheets write it: what becomes a row, and what is said of what does not."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from sidecar.batch.files import csv_text
from sidecar.batch.files.import_rows import Format, collect, read_rows
from sidecar.batch.files.row_errors import MAX_ERRORS


def read(text: str | bytes, format: Format = "csv") -> tuple[list[Any], list[Any]]:  # noqa: A002
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    found = json.loads(collect(read_rows(stream, format)))
    return found["rows"], found["errors"]


def row(number: int = 1, **members: Any) -> dict[str, Any]:
    return {"id": f"row-{number}", "prompt": "Hi", "model": "m", **members}


def test_the_example_of_the_contract_is_read_as_it_says() -> None:
    rows, errors = read("prompt,model\nSum up EN 1992,openai/gpt-6-luna\n,openai/gpt-6-luna\n")
    assert rows == [{"id": "row-1", "prompt": "Sum up EN 1992", "model": "openai/gpt-6-luna"}]
    data = {"prompt": "", "model": "openai/gpt-6-luna"}
    assert errors == [{"row": 2, "message": "The prompt is empty.", "data": data}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("mark", [b"", b"\xfe\xff"])
def test_every_unicode_encoding_is_told_by_its_mark_or_its_bytes(encoding: str, mark: bytes) -> None:
    if mark and encoding != "utf-16-be":
        mark = b""
    text = "prompt,model,straße\r\nGrüße aus Łódź 🏗,m,→\r\n"
    rows, errors = read(mark + text.encode(encoding))
    assert (rows, errors) == ([row(prompt="Grüße aus Łódź 🏗", data={"straße": "→"})], [])


def test_what_is_no_unicode_is_read_as_windows_writes_it_and_that_is_said() -> None:
    rows, errors = read("prompt,model\r\nGrüße – 5 €,m\r\n".encode("cp1252"))
    assert rows == [row(prompt="Grüße – 5 €")]
    assert [error["row"] for error in errors] == [0]
    assert "not UTF-8" in errors[0]["message"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_line_end_is_understood(delimiter: str, end: str) -> None:
    lines = [["prompt", "model", "a"], ["Hi", "m", '"1,2;3\t4|5"'], ["Hi", "m", ""]]
    rows, errors = read(end.join(delimiter.join(cells) for cells in lines))
    assert rows == [row(data={"a": "1,2;3\t4|5"}), row(2, data={"a": ""})]
    assert errors == []


def test_the_delimiter_is_told_by_the_names_and_not_by_what_is_frequent() -> None:
    rows, _ = read('model;prompt\nm;"a, b, c, d"\nm;e, f, g, h\n')
    assert [each["prompt"] for each in rows] == ["a, b, c, d", "e, f, g, h"]


def test_a_line_that_names_the_delimiter_is_obeyed_and_is_no_row() -> None:
    rows, errors = read("sep=|\r\nprompt|model|a,b\r\nHi|m|1\r\n")
    assert (rows, errors) == ([row(data={"a,b": "1"})], [])


def test_quotes_hold_delimiters_line_ends_and_quotes() -> None:
    rows, errors = read('prompt,model\r\n"a, ""b""\r\nc\n\nd",m\r\n')
    assert (rows, errors) == ([row(prompt='a, "b"\r\nc\n\nd')], [])


def test_empty_rows_are_passed_over_and_counted_as_a_spreadsheet_counts() -> None:
    rows, errors = read("\r\n,\r\nprompt,model\r\n\r\n,\r\n ,\r\nHi,m\r\n,m\r\n\r\n")
    assert rows == [row(4)]
    assert [error["row"] for error in errors] == [5]


def test_columns_are_known_however_they_are_written() -> None:
    header = "ID, Prompt ,MODEL,System,developer,Temperature,JSON_MODE,jsonschema,max_output_tokens,City"
    rows, errors = read(f'{header}\nx,Hi,m,s,d,0.5,TRUE,"{{""type"":""object""}}",100,Graz\n')
    expected = {
        "id": "x",
        "prompt": "Hi",
        "model": "m",
        "system": "s",
        "developer": "d",
        "temperature": 0.5,
        "maxOutputTokens": 100,
        "jsonMode": True,
        "jsonSchema": {"type": "object"},
        "data": {"City": "Graz"},
    }
    assert (rows, errors) == ([expected], [])


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("temperature", "1", 1),
        ("temperature", " 0,7 ", 0.7),
        ("temperature", "2.0", 2.0),
        ("maxOutputTokens", "8192", 8192),
        ("maxOutputTokens", "8192.0", 8192),
        ("maxOutputTokens", "0", 0),
        ("jsonMode", "FALSE", False),
        ("jsonMode", "1", True),
        ("jsonMode", "WAHR", True),
        ("jsonMode", "faux", False),
        ("json_mode", "Nein", False),
    ],
)
def test_a_cell_becomes_the_value_that_it_means(name: str, cell: str, value: Any) -> None:
    rows, errors = read(f"prompt;model;{name}\nHi;m;{cell}\n")
    field = "jsonMode" if name == "json_mode" else name
    assert (rows, errors) == ([row(**{field: value})], [])
    assert type(rows[0][field]) is type(value)


@pytest.mark.parametrize(
    ("name", "cell", "said"),
    [
        ("temperature", "hot", 'The temperature must be a number from 0 to 2, not "hot".'),
        ("temperature", "2.1", 'not "2.1".'),
        ("temperature", "-0.1", 'not "-0.1".'),
        ("temperature", "inf", 'not "inf".'),
        ("temperature", "1e999", "number from 0 to 2"),
        ("maxOutputTokens", "1.5", "whole number"),
        ("maxOutputTokens", "-1", "whole number"),
        ("maxOutputTokens", "9" * 30, "whole number"),
        ("jsonMode", "maybe", "true or false"),
        ("jsonSchema", "{type: object}", "cannot be read as JSON"),
        ("jsonSchema", "[1]", "must be an object"),
        ("jsonSchema", "[" * 100_000, "cannot be read as JSON"),
        ("model", " ", "The model is empty."),
    ],
)
def test_a_bad_cell_costs_its_own_row_only(name: str, cell: str, said: str) -> None:
    columns = "prompt;model" if name == "model" else f"prompt;model;{name}"
    cells = f"Hi;{cell}" if name == "model" else f"Hi;m;{cell}"
    good = "Hi;m" if name == "model" else "Hi;m;"
    rows, errors = read(f"{columns}\n{cells}\n{good}\n")
    assert rows == [row(2)]
    assert [error["row"] for error in errors] == [1]
    assert said in errors[0]["message"]


def test_cells_that_are_data_stay_text() -> None:
    rows, _ = read("prompt,model,zip,price,yes\nHi,m,007,1.50,TRUE\n")
    assert rows == [row(data={"zip": "007", "price": "1.50", "yes": "TRUE"})]


def test_cells_that_are_missing_are_empty_and_rows_with_too_many_are_errors() -> None:
    rows, errors = read("prompt,model,a\nHi,m\nHi,m,1,2\nHi,m,3,,\nHi,m,4\n")
    assert rows == [row(1, data={"a": ""}), row(3, data={"a": "3"}), row(4, data={"a": "4"})]
    assert [(error["row"], error["message"][:20]) for error in errors] == [(2, "This row has 4 cells")]


def test_a_name_that_is_there_twice_is_told_and_both_columns_are_kept() -> None:
    rows, errors = read("prompt,model,x,x,x_2,x_3,prompt,Model\nHi,m,1,2,3,4,5,6\n")
    assert rows == [row(data={"x": "1", "x_4": "2", "x_2": "3", "x_3": "4", "prompt_2": "5", "Model_2": "6"})]
    assert [error["row"] for error in errors] == [0, 0, 0]


def test_a_column_without_a_name_gets_one_and_empty_ones_at_the_end_are_none() -> None:
    rows, errors = read("prompt,,model,,\nHi,1,m,,\n")
    assert (rows, errors) == ([row(data={"column_2": "1"})], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["The file is empty. Choose another one."]),
        ("\n ,\n", ["The file is empty. Choose another one."]),
        ("colour,model\na,b\n", ['There is no column "prompt". Name the columns in the first row.']),
        ("prompt\na\n", ['There is no column "model". Name the columns in the first row.']),
    ],
)
def test_a_file_without_what_is_needed_is_one_error(text: str, said: list[str]) -> None:
    assert read(text) == ([], [{"row": 0, "message": message} for message in said])


def test_a_quote_that_is_never_closed_is_told_and_the_rows_below_it_are_read() -> None:
    rows, errors = read('prompt,model\nHi,m\n"Hi,m\nHi,m\nHi,m\n')
    assert rows == [row(), row(3), row(4)]
    assert [error["row"] for error in errors] == [2]
    assert "never closed" in errors[0]["message"]


def test_a_cell_beyond_all_measure_ends_the_reading_and_is_told() -> None:
    huge = "x" * (csv_text.MAX_CELL_CHARS + 1)
    rows, errors = read(f"prompt,model\nHi,m\n{huge},m\n")
    assert rows == [row()]
    assert [error["row"] for error in errors] == [2]


def test_a_prompt_longer_than_the_libraries_own_limit_is_read() -> None:
    long = "x" * 1_000_000
    assert read(f"prompt,model\n{long},m\n") == ([row(prompt=long)], [])


def test_two_rows_never_have_one_id() -> None:
    rows, errors = read("id,prompt,model\na,Hi,m\na,Hi,m\nrow-4,Hi,m\n,Hi,m\n")
    assert [each["id"] for each in rows] == ["a", "row-4", "row-4-"]
    assert [(error["row"], error["data"]["id"]) for error in errors] == [(2, "a")]


def test_errors_are_listed_up_to_a_limit_and_then_counted() -> None:
    rows, errors = read("prompt,model\n" + ",m\n" * (MAX_ERRORS + 5) + "Hi,m\n")
    assert len(rows) == 1
    assert len(errors) == MAX_ERRORS + 1
    assert errors[-1] == {"row": 0, "message": "5 more rows cannot be read; they are not listed."}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("-5", "-5"),
        ("+3.14", "+3.14"),
        ("-1,5e-7", "-1,5e-7"),
        ("1=1", "1=1"),
        ("'quoted'", "'quoted'"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_run_is_defused_and_numbers_are_not(text: str, written: str) -> None:
    assert csv_text.defused(text) == written
    assert csv_text.undefused(written) == text


def test_thirty_thousand_columns_of_one_name_are_read_as_fast_as_any() -> None:
    many = 30_000
    began = time.process_time()
    rows, errors = read(f"prompt,model{',a' * many}\nHi,m{',1' * many}\n")
    assert time.process_time() - began < 10
    assert len(rows[0]["data"]) == many
    assert rows[0]["data"][f"a_{many}"] == "1"
    assert len(errors) == MAX_ERRORS + 1


@pytest.mark.parametrize(
    "text",
    [
        'model,prompt\ngpt,"one\ntwo"\ngpt,"x\ny"\n',
        'model,id,prompt\ngpt,1,"one\ntwo"\ngpt,2,"x\r\ny"\n',
        'id;model;prompt\n1;gpt;"one\ntwo"\n2;gpt;"x\ry"\n',
    ],
)
def test_prompts_of_several_lines_in_the_last_column_are_read_where_the_model_stands_first(text: str) -> None:
    rows, errors = read(text)
    assert [each["prompt"].splitlines() for each in rows] == [["one", "two"], ["x", "y"]]
    assert errors == []


def test_a_quote_left_open_in_the_last_column_swallows_no_other_row() -> None:
    rows, errors = read('model,id,prompt\nm,1,"open\nm,2,b\nm,3,"\nm,5,e\n')
    assert [each["id"] for each in rows] == ["2", "5"]
    assert [each["row"] for each in errors] == [1, 3]


def test_a_table_of_very_many_columns_is_refused_soon() -> None:
    text = "prompt,model" + ",a" * 500_000 + "\nHi,m\n"
    begun = time.process_time()
    rows, errors = read(text)
    # Each column was named in several forms: this took half a minute.
    assert time.process_time() - begun < 10
    assert rows == []
    said = (
        "The table has 500,002 columns, and at most 65,536 are read. Save those that matter, and import them."
    )
    assert [error["message"] for error in errors] == [said]
