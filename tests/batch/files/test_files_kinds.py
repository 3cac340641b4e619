"""Tables and objects of every kind that people and programs make: what becomes a row, and what is asked for."""

from __future__ import annotations

import io
import json
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from sidecar.batch.files.import_rows import collect, read_rows
from sidecar.batch.files.options import ImportOptions
from sidecar.errors import Failure

ONE = ("m",)


def read(content: str | bytes, name: str = "csv", **options: Any) -> dict[str, Any]:
    given = ImportOptions(**options)
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    found: dict[str, Any] = json.loads(collect(read_rows(stream, name, options=given), given))
    return found


def prompts(found: dict[str, Any]) -> list[Any]:
    return [row["prompt"] for row in found["rows"]]


def said(found: dict[str, Any]) -> list[tuple[int, str]]:
    return [(error["row"], error["message"]) for error in found["errors"]]


@pytest.mark.parametrize("name", ["csv", "json", "jsonl", "txt", "prompts", ""])
def test_what_a_table_is_called_says_nothing(name: str) -> None:
    assert prompts(read("prompt;model\nHi, you;m\n", name)) == ["Hi, you"]


@pytest.mark.parametrize("top", ["Report 2026\n\n", "\n\n", "Title;;\n", "Title\nof 2026\n"])
def test_a_title_and_blank_lines_above_the_header_are_passed_over(top: str) -> None:
    found = read(f"{top}prompt;model;x\nHi;m;1\n")
    assert found["rows"] == [{"id": "row-1", "prompt": "Hi", "model": "m", "data": {"x": "1"}}]
    assert len(found["errors"]) == (top.strip() != "")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Max Tokens", "maxOutputTokens"),
        ("maxTokens", "maxOutputTokens"),
        ("max-output-tokens", "maxOutputTokens"),
        ("max_completion_tokens", "maxOutputTokens"),
        ("System Prompt", "system"),
        ("systemInstruction", "system"),
        ("custom_id", "id"),
        ("Response Schema", "jsonSchema"),
    ],
)
@pytest.mark.parametrize("name_of_file", ["csv", "jsonl"])
def test_near_names_are_the_fields_that_they_mean(name: str, field: str, name_of_file: str) -> None:
    cell = "{}" if field == "jsonSchema" else "5"
    text = f"prompt;model;{name}\nHi;m;{cell}\n"
    if name_of_file == "jsonl":
        text = json.dumps({"prompt": "Hi", "model": "m", name: cell})
    (row,) = read(text, name_of_file)["rows"]
    assert row[field] == {"jsonSchema": {}, "maxOutputTokens": 5}.get(field, "5")
    assert "data" not in row


@pytest.mark.parametrize("name", ["query", "Input", "text", "question", "instruction", "message"])
def test_a_likely_prompt_is_taken_where_none_is_called_so_and_that_is_said(name: str) -> None:
    found = read(f"{name},label\nHi,pos\n", models=ONE)
    assert (prompts(found), found["rows"][0]["data"]) == (["Hi"], {"label": "pos"})
    assert [row for row, _ in said(found)] == [0]


def test_a_field_that_a_template_asks_for_by_its_name_is_data_too() -> None:
    (row,) = read("prompt,model,system_prompt\nAs {{system_prompt}},m,S\n")["rows"]
    assert (row["system"], row["data"]) == ("S", {"system_prompt": "S"})


@pytest.mark.parametrize(
    ("cell", "tokens"),
    [
        ("4,000", 4_000),
        ("4.000", 4_000),
        ("4'000", 4_000),
        ("4 000", 4_000),
        ("4\u202f000", 4_000),
        ("1,234,567", 1_234_567),
        ("4000.5", None),
        ("0.001", None),
        ("4,000.5", None),
    ],
)
def test_thousands_are_thousands_or_refused(cell: str, tokens: int | None) -> None:
    found = read(f'prompt;model;max_tokens\nHi;m;"{cell}"\n')
    assert [row["maxOutputTokens"] for row in found["rows"]] == ([] if tokens is None else [tokens])


def test_a_missing_header_is_guessed_and_can_be_said() -> None:
    text = "How are you?,openai/gpt-4o\nWho is it?,openai/gpt-4o\n"
    choices = read(text)["seen"]["choices"]
    assert choices[0]["options"] == {"header": False}
    columns = {"prompt": "column_1", "model": "column_2"}
    assert prompts(read(text, header=False, columns=columns)) == ["How are you?", "Who is it?"]
    assert prompts(read("Hi\nHo\n", header=False, models=ONE)) == ["Hi", "Ho"]


def test_every_choice_that_needs_a_model_gives_rows_with_one() -> None:
    text = "act;wish;n\nGuide;Show me three museums;1\nPoet;Write about rain;2\n"
    choices = read(text)["seen"]["choices"]
    assert choices[0]["options"] == {"columns": {"prompt": "wish"}}
    for choice in choices:
        assert choice["needs"] == ["model"]
        assert len(read(text, models=ONE, **choice["options"])["rows"]) == 2


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    found = read("a,b\n1,2\n", columns={"prompt": "zzz"}, models=ONE)
    assert said(found)[0] == (0, 'There is no column "zzz". The columns are "a", "b".')


def test_rows_come_once_for_each_model_where_they_name_none() -> None:
    found = read("prompt,model\nHi,\nHo,x\n", models=("m", "n"))
    assert [(row["id"], row["model"]) for row in found["rows"]] == [
        ("row-1", "m"),
        ("row-1@n", "n"),
        ("row-2", "x"),
    ]


QUESTION = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q {{b}}"}]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {
                "custom_id": "x",
                "params": {
                    "model": "c",
                    "max_tokens": 9,
                    "system": [{"type": "text", "text": "S"}],
                    "messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}],
                },
            },
            {"id": "x", "prompt": "Q", "model": "c", "system": "S", "maxOutputTokens": 9},
        ),
        (
            {
                "key": "k",
                "request": {
                    "system_instruction": {"parts": [{"text": "S"}]},
                    "contents": [{"parts": [{"text": "Q"}]}],
                    "generation_config": {"temperature": 0.5, "maxOutputTokens": 9},
                },
            },
            {"id": "k", "prompt": "Q", "model": "m", "system": "S", "temperature": 0.5, "maxOutputTokens": 9},
        ),
        (
            {"custom_id": "r", "body": {"model": "g", "input": "Q", "instructions": "S"}},
            {"id": "r", "prompt": "Q", "model": "g", "system": "S"},
        ),
        ({"messages": QUESTION}, {"id": "row-1", "prompt": "Q {{b}}", "model": "m", "system": "S"}),
        (
            {"messages": [*QUESTION, {"role": "assistant", "content": "A"}]},
            {"id": "row-1", "prompt": "Q \\{{b}}", "model": "m", "system": "S", "data": {"answer": "A"}},
        ),
        (
            {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
            {"id": "row-1", "prompt": "Q", "model": "m", "data": {"answer": "A"}},
        ),
        (
            {"instruction": "Do {{x}}", "input": "I", "output": "O"},
            {"id": "row-1", "prompt": "Do \\{{x}}\n\nI", "model": "m", "data": {"output": "O"}},
        ),
        (
            {"question": "Q", "answer": "A"},
            {"id": "row-1", "prompt": "Q", "model": "m", "data": {"answer": "A"}},
        ),
    ],
)
@pytest.mark.parametrize("wrap", ["lines", "array", "data", "items"])
def test_well_known_shapes_are_read_as_they_are(record: Any, expected: Any, wrap: str) -> None:
    text = {"lines": record, "array": [record], "data": {"data": [record]}, "items": {"items": [record]}}[
        wrap
    ]
    found = read(json.dumps(text, indent=1 if wrap in ("data", "items") else None), "txt", models=ONE)
    assert (found["rows"], found["errors"]) == ([expected], [])


def test_a_conversation_of_several_turns_is_told_and_costs_itself_only() -> None:
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    found = read(
        json.dumps({"messages": turns}) + "\n" + json.dumps({"messages": turns[:1]}), "jsonl", models=ONE
    )
    assert (prompts(found), [row for row, _ in said(found)]) == (["user"], [1])


def test_tests_of_promptfoo_are_filled_into_a_template() -> None:
    table = "topic,__expected,__prefix\nrain,contains:x,Please: \n"
    (row,) = read(table, models=ONE, template="Write on {{topic}}")["rows"]
    assert (row["prompt"], row["data"]["topic"]) == ("Please: Write on {{topic}}", "rain")
    (choice,) = read(table)["seen"]["choices"]
    assert choice["options"] == {"template": "{{topic}}"}
    tests = json.dumps([{"vars": {"topic": "rain"}, "assert": []}])
    assert read(tests, models=ONE, template="On {{topic}}")["rows"][0]["data"] == {"topic": "rain"}


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("l’été à Noël – “ça va”", "cp1252", True),
        ("Grüße aus Köln", "latin-1", True),
        ("東京の天気を教えて", "euc_jp", True),
        ("Привет мир", "cp1251", False),
        ("北京的天气怎么样", "gbk", False),
        ("北京的天氣", "big5", False),
        ("안녕하세요", "euc_kr", False),
        ("Zażółć gęślą jaźń", "cp1250", False),
        ("Grüße", "mac_roman", False),
        ("Grüße – 東京", "utf-16", True),
    ],
)
def test_no_letter_is_lost_in_any_encoding(text: str, encoding: str, found: bool) -> None:
    content = f"prompt,model\n{text},m\n".encode(encoding)
    assert prompts(read(content, encoding=encoding)) == [text]
    if found:
        assert prompts(read(content)) == [text]
    else:
        with pytest.raises(Failure, match="Say its encoding"):
            read(content)


def test_json_in_another_encoding_is_asked_for_and_read_in_the_one_that_is_said() -> None:
    content = json.dumps([{"prompt": "Grüße", "model": "m"}], ensure_ascii=False).encode("latin-1")
    with pytest.raises(Failure, match="Say its encoding") as refused:
        read(content, "json")
    assert refused.value.issues is not None
    assert refused.value.issues[0]["path"] == "encoding"
    assert prompts(read(content, "json", encoding="latin-1")) == ["Grüße"]
    with pytest.raises(Failure, match="no encoding"):
        read(content, "json", encoding="klingon")


BROKEN = {
    'prompt,model\n"a"b,m\nc,m\n': (["c"], [1]),
    'prompt,model\n"one\nsaid "hi, you" to\nme, twice",m\nd,m\n': (["d"], [1]),
    'prompt,model\n"multi\nline, ok",m\n"x\ny",m\n': (["multi\nline, ok", "x\ny"], []),
    'id,prompt,model\n2,"open,m\n3,b,m\n4,"c",m\n5,d,m\n': (["b", "c", "d"], [1]),
    'id,prompt,model\n1,a,m\n2,"open,m\n3,b,m\n': (["a", "b"], [2]),
    'id,prompt,model\n1,"Dear A,\n2, B",m\n2,b,m\n': (["Dear A,\n2, B", "b"], []),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_quote_costs_its_own_row_and_no_part_of_it_becomes_another(text: str) -> None:
    found = read(text)
    assert (prompts(found), [row for row, _ in said(found)]) == BROKEN[text]


def test_a_row_of_which_an_array_has_bad_bytes_is_told_and_the_others_are_read() -> None:
    rows = [json.dumps({"prompt": f"Grüße {n}", "model": "m"}, ensure_ascii=False).encode() for n in range(3)]
    rows[1] = rows[1].replace("üß".encode(), b"\xfc\xdf")
    found = read(b"[" + b",".join(rows) + b"]", "json")
    assert (prompts(found), [row for row, _ in said(found)]) == (["Grüße 0", "Grüße 2"], [2])


def test_what_stands_behind_the_end_of_a_list_is_told() -> None:
    found = read('[{"prompt":"a","model":"m"}]\n[{"prompt":"b","model":"m"}]', "json")
    assert (prompts(found), [row for row, _ in said(found)]) == (["a"], [2])


@pytest.mark.parametrize(
    "number",
    ["1.10", "1.0", "1e3", "-0", "9007199254740993", "12345678901234567890", "0.1000000000000000055"],
)
def test_numbers_that_javascript_would_respell_are_text(number: str) -> None:
    (row,) = read(
        f'{{"prompt":"a","model":"m","n":{number},"deep":{{"x":[{number},"é"]}},"ok":1.5}}', "jsonl"
    )["rows"]
    assert row["data"] == {"n": number, "deep": f'{{"x": [{number}, "é"]}}', "ok": 1.5}


def workbook(*records: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for record in records:
        book.worksheets[0].append(record)
    book.create_sheet("other").append(["prompt", "model"])
    book["other"].append(["Ho", "m"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_is_read_as_it_is_shown() -> None:
    content = workbook(["Title"], [], ["prompt", "model", "n", "price"], ["Hi", "m", 1.0, 3.5], ["Ho", "m"])
    found = read(content, "xlsx")
    assert [row["data"] for row in found["rows"]] == [{"n": "1", "price": "3.5"}, {"n": "", "price": ""}]
    assert prompts(read(content, "xlsx", sheet="other")) == ["Ho"]
    with pytest.raises(Failure, match="choose one of Sheet, other"):
        read(content, "xlsx", sheet="third")


def test_parquet_is_read_by_its_names_and_keeps_its_digits() -> None:
    table = pyarrow.table(
        {"prompt": ["a", "b"], "model": ["m", "m"], "n": [2**60 + 1, None], "max_tokens": [5.0, None]}
    )
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    first, second = read(content.getvalue(), "bin")["rows"]
    assert (first["data"], first["maxOutputTokens"]) == ({"n": "1152921504606846977"}, 5)
    assert second == {"id": "row-2", "prompt": "b", "model": "m"}


@pytest.mark.parametrize(
    "content", [b"\x1f\x8babc", b"PK\x03\x04xxxx", b"%PDF-1.7", b"PAR1", b"\xd0\xcf\x11\xe0xx"]
)
def test_what_is_packed_or_broken_gets_a_sentence(content: bytes) -> None:
    with pytest.raises(Failure) as refused:
        read(content)
    assert (refused.value.kind, refused.value.message[-1]) == ("invalid_params", ".")


def test_rows_that_are_more_than_a_message_carries_are_said_to_be() -> None:
    row = json.dumps({"prompt": "x" * 1_000_000, "model": "m"})
    with pytest.raises(Failure, match=r"2\.9 MB, and one message carries 2\.4 MB\. Submit") as refused:
        read(f"{row}\n" * 3, "jsonl", message_bytes=2_500_000)
    assert refused.value.kind == "message_too_large"
