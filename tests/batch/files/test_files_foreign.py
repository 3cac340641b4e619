"""Tables as other programs and other people write them: read as they are, or refused in words that name them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sidecar.batch.files.import_rows import collect, read_rows
from sidecar.batch.files.options import ImportOptions
from sidecar.errors import Failure

ASKED = ImportOptions(models=("m",))


def read(content: str | bytes, name: str) -> tuple[list[Any], list[str]]:
    """The rows that a file gives, without model and made ids, and what is said of it."""
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    found = json.loads(collect(read_rows(stream, name, options=ASKED), ASKED))
    rows = [
        {
            key: value
            for key, value in row.items()
            if key != "model" and not (key == "id" and value.startswith("row-"))
        }
        for row in found["rows"]
    ]
    return rows, [error["message"] for error in found["errors"]]


HI, HO = {"prompt": "Hi"}, {"prompt": "Ho"}
COUNTED = [HI | {"data": {"n": 1}}, HO | {"data": {"n": 2}}]


@pytest.mark.parametrize(
    "document",
    [
        {"columns": ["prompt", "n"], "index": [0, 1], "data": [["Hi", 1], ["Ho", 2]]},
        {"prompt": {"0": "Hi", "1": "Ho"}, "n": {"0": 1, "1": 2}},
        {"prompt": ["Hi", "Ho"], "n": [1, 2]},
        [["prompt", "n"], ["Hi", 1], ["Ho", 2]],
        {
            "rows": [
                {"row_idx": 0, "row": {"prompt": "Hi", "n": 1}},
                {"row_idx": 1, "row": {"prompt": "Ho", "n": 2}},
            ]
        },
        {
            "records": [
                {"fields": {"prompt": text, "n": n}, "createdTime": "x"} for n, text in ((1, "Hi"), (2, "Ho"))
            ]
        },
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_that_is_a_table_in_another_order_is_read(document: Any, indent: int | None) -> None:
    assert read(json.dumps(document, indent=indent), "json") == (COUNTED, [])


def test_rows_by_their_names_keep_them_as_ids() -> None:
    rows, said = read(json.dumps({"a": {"prompt": "Hi"}, "b": {"prompt": "Ho"}}), "json")
    assert (rows, said) == ([HI | {"id": "a"}, HO | {"id": "b"}], [])


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt":"Hi"},\r\n{"prompt":"Ho"},\r\n',
        '{"prompt":"Hi"}{"prompt":"Ho"}',
        '{\n "prompt": "Hi"\n}\n{\n "prompt": "Ho"\n}\n',
        '\x1e{"prompt":"Hi"}\n\x1e{"prompt":"Ho"}\n',
        '{"prompt":"Hi"} {"prompt":"Ho"}\n',
    ],
)
def test_objects_behind_each_other_are_rows_however_they_are_set_apart(text: str) -> None:
    assert read(text, "jsonl") == ([HI, HO], [])


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"inputs": {"question": "Hi"}, "outputs": {"answer": "x"}}, HI | {"data": {"answer": "x"}}),
        ({"input": [{"role": "user", "content": "Hi"}], "ideal": "x"}, HI | {"data": {"ideal": "x"}}),
        (
            {"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]},
            HI | {"system": "S"},
        ),
        ({"turns": ["Hi"], "category": "c"}, HI | {"data": {"category": "c"}}),
        ({"ind": 1, "ctx": "Hi"}, HI | {"data": {"ind": 1}}),
    ],
)
def test_records_of_sets_of_questions_are_rows(record: Any, expected: Any) -> None:
    assert read(json.dumps(record) + "\n", "jsonl")[0] == [expected]


def test_of_questions_in_turns_the_first_is_asked_and_that_is_said() -> None:
    rows, said = read('{"question_id": 81, "turns": ["Write {{x}}", "Rewrite"]}\n', "jsonl")
    assert rows == [{"prompt": "Write \\{{x}}", "data": {"question_id": 81, "turn_2": "Rewrite"}}]
    assert [message.partition(":")[0] for message in said] == [
        "Some rows have several turns, and a row asks one question"
    ]


@pytest.mark.parametrize(
    "header",
    ["Frage;Antwort", "pregunta;x", "问题;答案", "プロンプト;x", "Вопрос;Ответ", "Questions;x", "ctx;x"],
)
def test_a_column_of_questions_is_found_in_many_languages_and_that_is_said(header: str) -> None:
    rows, said = read(f"{header}\nHi;1\n", "csv")
    assert [row["prompt"] for row in rows] == ["Hi"]
    assert said == [
        f'There is no column "prompt"; the column "{header.partition(";")[0]}" is read as the prompt.'
    ]


def test_a_text_of_lines_is_a_list_of_prompts_and_that_is_said() -> None:
    rows, said = read('Write a poem\r\nTell me, please, a joke\r\n\r\nSay "no"\r\n', "txt")
    assert [row["prompt"] for row in rows] == ["Write a poem", "Tell me, please, a joke", 'Say "no"']
    assert said == ["The file has no columns: each of its lines is read as a prompt."]


@pytest.mark.parametrize("text", ["prompt|n\nHi|1\nHo|2\n", "x\tprompt\n1\tHi\n2\tHo\n", "prompt\nHi\nHo\n"])
def test_a_text_with_columns_stays_a_table(text: str) -> None:
    assert [row["prompt"] for row in read(text, "txt")[0]] == ["Hi", "Ho"]


@pytest.mark.parametrize("edge", ["|", ""])
def test_a_table_of_markdown_is_read(edge: str) -> None:
    lines = ["prompt | n", ":--- | ---:", "Hi \\| there | 1", "Ho | 2"]
    rows, said = read("\n".join(f"{edge}{line}{edge}" for line in lines), "md")
    assert (rows, said) == ([{"prompt": "Hi | there", "data": {"n": "1"}}, HO | {"data": {"n": "2"}}], [])


@pytest.mark.parametrize("word", ["NA", "NaN", "null", "None", "#N/A", "-"])
def test_words_for_no_number_are_none(word: str) -> None:
    assert read(f"prompt,temperature,max_tokens,note\nHi,{word},{word},{word}\n", "csv") == (
        [HI | {"data": {"note": word}}],
        [],
    )


def test_quotes_with_a_backslash_before_them_are_read_and_that_is_said() -> None:
    rows, said = read('prompt,n\n"Say \\"no\\", please",1\n"C:\\new",2\n', "csv")
    assert [row["prompt"] for row in rows] == ['Say "no", please', "C:\\new"]
    assert said == ['Quotes with a backslash before them (\\") are read as quotes within the text.']


def test_the_end_mark_of_old_programs_is_no_row() -> None:
    assert read("prompt\r\nHi\r\n\x1a", "csv") == ([HI], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"<?xml version='1.0'?><rows/>", "XML"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "picture"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(content: bytes, said: str) -> None:
    with pytest.raises(Failure) as refused:
        read(content, "csv")
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("content", "name", "prompts"),
    [
        (
            '"act","prompt"\n"L","Act as a\nterminal"\n"Poet","Say ""hi"""\n',
            "csv",
            ["Act as a\nterminal", 'Say "hi"'],
        ),
        ('[{"instruction":"Sum","input":"a b","output":"x"}]', "json", ["Sum\n\na b"]),
        (
            '[{"id":"a","conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yes"}]}]',
            "json",
            ["Hi"],
        ),
        ('{"question_id":81,"category":"writing","turns":["Write","Again"]}\n', "jsonl", ["Write"]),
        ('{"question":"2+2?","answer":"4 #### 4"}\n', "jsonl", ["2+2?"]),
        ('{"ind":1,"ctx_a":"A","ctx_b":"b","ctx":"A b","endings":["x","y"],"label":1}\n', "jsonl", ["A b"]),
        ('Type,Category,Question,Best Answer,Source\nAdversarial,Misc,Why?,So,"http://x"\n', "csv", ["Why?"]),
        (
            '{"instruction":"When?","context":"In 2000.","response":"2000","category":"qa"}\n',
            "jsonl",
            ["When?"],
        ),
        (
            '{"task_id":"HumanEval/0","prompt":"def f():\\n","entry_point":"f","test":"y"}\n',
            "jsonl",
            ["def f():\n"],
        ),
        (
            '{"canary":"x","examples":[{"input":"Not ( True ) is","target":"False"}]}',
            "json",
            ["Not ( True ) is"],
        ),
    ],
)
def test_public_sets_of_questions_run_in_the_shapes_of_their_authors(
    content: str, name: str, prompts: list[str]
) -> None:
    assert [row["prompt"] for row in read(content, name)[0]] == prompts
