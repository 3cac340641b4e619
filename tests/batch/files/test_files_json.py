"""JSON and JSON lines: objects of any program, in pieces of any size."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sidecar.batch.files.import_rows import Format, collect, read_rows
from sidecar.errors import Failure

GOOD = {"prompt": "Hi", "model": "m"}


def read(text: str | bytes, format: Format = "json") -> tuple[list[Any], list[Any]]:  # noqa: A002
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    found = json.loads(collect(read_rows(stream, format)))
    return found["rows"], found["errors"]


def row(number: int = 1, **members: Any) -> dict[str, Any]:
    return {"id": f"row-{number}", **GOOD, **members}


@pytest.mark.parametrize(
    "text",
    [
        '[{"prompt":"Hi","model":"m"}]',
        ' {"rows" : [ {"prompt":"Hi","model":"m"} ] } ',
        '{"version": {"rows": []}, "rows": [{"prompt":"Hi","model":"m"}], "errors": []}',
        '\ufeff[{"prompt":"Hi","model":"m"}]\n',
    ],
)
def test_an_array_is_read_wherever_it_stands(text: str) -> None:
    assert read(text) == ([row()], [])


@pytest.mark.parametrize("text", ["[]", '{"rows": []}', " [ \n ] "])
def test_no_rows_are_no_error(text: str) -> None:
    assert read(text) == ([], [])


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_members_that_are_no_field_are_data(format: Format) -> None:  # noqa: A002
    given = {
        **GOOD,
        "json_mode": True,
        "city": "Graz",
        "n": 5,
        "data": {"x": None, "model": "y"},
        "system": None,
    }
    text = json.dumps([given] if format == "json" else given)
    expected = row(jsonMode=True, data={"city": "Graz", "n": 5, "x": None, "model": "y"})
    assert read(text, format) == ([expected], [])


def test_values_may_be_text_as_spreadsheet_tools_write_them() -> None:
    given = {
        **GOOD,
        "temperature": "0.5",
        "max_output_tokens": "10",
        "jsonMode": "true",
        "json_schema": '{"a":1}',
    }
    rows, errors = read(json.dumps([given, {**GOOD, "id": 7}]))
    expected = row(temperature=0.5, maxOutputTokens=10, jsonMode=True, jsonSchema={"a": 1})
    assert (rows, errors) == ([expected, {**row(), "id": "7"}], [])


@pytest.mark.parametrize(
    "bad",
    [
        5,
        None,
        "Hi",
        [5],
        {"model": "m"},
        {**GOOD, "prompt": 5},
        {**GOOD, "prompt": "  "},
        {**GOOD, "model": ""},
        {**GOOD, "id": ""},
        {**GOOD, "id": 1.5},
        {**GOOD, "temperature": True},
        {**GOOD, "temperature": 10**400},
        {**GOOD, "jsonMode": []},
        {**GOOD, "jsonSchema": 5},
        {**GOOD, "system": 5},
    ],
)
def test_a_bad_row_costs_itself_only(bad: Any) -> None:
    rows, errors = read(json.dumps([bad, GOOD]))
    assert rows == [row(2)]
    assert [error["row"] for error in errors] == [1]
    # A text is a prompt that lacks a model.
    shown = {"prompt": bad} if isinstance(bad, str) else bad
    assert errors[0].get("data") == (shown if isinstance(shown, dict) else None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("5", 0),
        ("{}", 0),
        ('{"rows": 5}', 0),
        ('{"a" 1}', 0),
        ('[{"prompt":"Hi","model":"m"}', 2),
        ('[{"prompt":"Hi","model":"m"},', 2),
        ('[{"prompt":"Hi","model":"m"} {"prompt":"Hi","model":"m"}]', 2),
        ('[{"prompt":"Hi","model":"m"}, {"prompt":]', 2),
        ('[{"prompt":"Hi","model":"m"}, NaN]', 2),
        ('[{"prompt":"Hi","model":"m"}, ' + "[" * 100_000, 2),
    ],
)
def test_what_breaks_off_keeps_the_rows_before_it(text: str, number: int) -> None:
    rows, errors = read(text)
    assert rows == [row()] * (number > 0)
    assert [error["row"] for error in errors] == [number]


def test_a_bad_line_costs_itself_only() -> None:
    lines = [
        '{"prompt":"Hi","model":"m"}\r',
        "",
        "{oops}",
        '{"prompt":"Hi","model":"m","n":NaN}',
        json.dumps(GOOD),
    ]
    rows, errors = read("\n".join(lines), "jsonl")
    assert rows == [row(), row(4, data={"n": None}), row(5)]
    assert [error["row"] for error in errors] == [3]


def test_only_a_line_feed_ends_a_line() -> None:
    given = {**GOOD, "prompt": "a\u2028b\x0bc\x85d"}
    text = json.dumps(given, ensure_ascii=False).replace("\\u000b", "\x0b").replace("\x0b", "\\u000b")
    assert read(text + "\n" + json.dumps(GOOD), "jsonl") == ([row(prompt=given["prompt"]), row(2)], [])


def test_utf16_is_read_and_other_encodings_are_refused() -> None:
    assert read(json.dumps([GOOD]).encode("utf-16")) == ([row()], [])
    with pytest.raises(Failure, match="not UTF-8"):
        read(b'[{"prompt": "Gr\xfc\xdfe", "model": "m"}]')


def test_half_a_surrogate_pair_and_large_integers_do_no_harm() -> None:
    rows, errors = read('[{"prompt":"\\ud83d","model":"m","n":123456789012345678901234567890}]')
    assert (rows, errors) == ([row(prompt="\ufffd", data={"n": "123456789012345678901234567890"})], [])


@pytest.mark.parametrize("format", ["json", "jsonl"])
@pytest.mark.parametrize("depth", [200, 300, 600, 900, 5_000])
def test_a_row_of_any_depth_is_read_or_told_and_the_others_are_kept(format: Format, depth: int) -> None:  # noqa: A002
    deep = f'{{"prompt":"Hi","model":"m","deep":{"[" * depth}{"]" * depth}}}'
    good = json.dumps(GOOD)
    rows, errors = read(f"[{good},{deep}]" if format == "json" else f"{good}\n{deep}\n{good}", format)
    assert rows[0] == row()
    assert len(rows) + len(errors) == (2 if format == "json" else 3)
    assert all("deep" in error["message"] for error in errors)
    # In between it depends on the Python.
    assert depth not in (200, 300) or not errors
    assert depth != 5_000 or errors
