"""Rows in another form: tables of web pages, one text of JSON, base64; and objects that are no rows."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from sidecar.batch.files.html_tables import table_in, text_in
from sidecar.errors import Failure
from tests.batch.files.test_files_kinds import ONE, prompts, read, said

LINES = '{"prompt": "Why?"}\n{"prompt": "How?"}\n'
LIST = json.dumps([{"prompt": "Why?"}, {"prompt": "How?"}])
PAGE = "<html><head><title>x</title></head><body>{}</body></html>"
ROWS = "<tr><th>Prompt</th><th>n</th></tr><tr><td>Why?</td><td>1</td></tr><tr><td>How?</td><td>2</td></tr>"


@pytest.mark.parametrize("name", ["xls", "html", "csv", "", "json"])
@pytest.mark.parametrize(
    "content",
    [
        PAGE.format(f"<table>{ROWS}</table>"),
        f"<table>{ROWS}",
        f'<meta charset="utf-8"><TABLE border=1>{ROWS.upper().replace("WHY", "Why").replace("HOW", "How")}</TABLE>',
        PAGE.format(f"<table><tr><td><a>Home</a></td></tr></table><table>{ROWS}</table>"),
        PAGE.format(f"<table><tr><td><table>{ROWS}</table></td></tr></table>"),
        PAGE.format("<table><tr><td colspan=2>Report</td></tr>" + ROWS + "</table>"),
    ],
)
def test_a_table_of_a_page_is_read_whatever_it_is_called(content: str, name: str) -> None:
    assert prompts(read(content, name, models=ONE)) == ["Why?", "How?"]


def test_cells_of_a_page_are_read_as_a_person_sees_them() -> None:
    cells = "<tr><td rowspan=2>Why &amp;\n how?<br>Now&nbsp;!</td><td colspan=2>a</td></tr>"
    cells += "<tr><td>b<script>x</script></td></tr>"
    assert table_in(f"<table><tr><th>prompt</th></tr>{cells}</table>", lambda _: False) == [
        ["prompt"],
        ["Why & how?\nNow !", "a", ""],
        ["Why & how?\nNow !", "b"],
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<div>Sign in</div>",
        "<table><tr><th>prompt</th></tr></table>",
        f"<form><input type='password'></form><table>{ROWS}</table>",
        "<table>" * 3,
        "",
    ],
)
def test_a_page_without_a_table_is_told_as_a_page(page: str) -> None:
    with pytest.raises(Failure, match="is a web page"):
        read(PAGE.format(page), "html", models=ONE)


@pytest.mark.parametrize(
    "piece", ["<table>", "<tr>", "<td>", "<table><tr><td>", "<td rowspan=1000 colspan=100>", "<td x="]
)
def test_a_page_of_tags_without_ends_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    table_in(piece * 2_000, lambda _: False)
    text_in(piece * 2_000)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("name", ["json", "jsonl", "txt", "html", ""])
@pytest.mark.parametrize("rows", [LINES, LIST, "\ufeff" + LIST], ids=["lines", "a list", "a mark"])
@pytest.mark.parametrize(
    "form",
    [
        json.dumps,
        lambda rows: json.dumps(json.dumps(rows)),
        lambda rows: base64.b64encode(rows.encode()).decode(),
        lambda rows: base64.urlsafe_b64encode(rows.encode()).decode().rstrip("="),
        lambda rows: base64.encodebytes(rows.encode()).decode(),
        lambda rows: "data:application/json;base64," + base64.b64encode(rows.encode()).decode(),
        lambda rows: PAGE.format(f'<pre style="white-space: pre-wrap">{rows}</pre>'),
    ],
    ids=["a text", "twice", "base64", "of addresses", "in lines", "an address", "a page"],
)
def test_rows_that_another_form_is_put_around_are_rows(form: Any, rows: str, name: str) -> None:
    found = read(form(rows), name, models=ONE)
    assert prompts(found) == ["Why?", "How?"]
    assert said(found)[0][1].startswith("The rows are read out of ")


@pytest.mark.parametrize("name", ["rows", "data", "content", "results"])
def test_a_list_of_rows_that_is_a_text_in_an_object_is_read(name: str) -> None:
    assert prompts(read(json.dumps({"id": 1, name: LIST}), "json", models=ONE)) == ["Why?", "How?"]


@pytest.mark.parametrize(
    "text", ["Antidisestablishmentarianism", "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkIQ==", "dG9rZW4="]
)
def test_a_line_that_only_looks_like_base64_is_a_prompt(text: str) -> None:
    assert prompts(read(text, "txt", models=ONE)) == [text]


RESULT = {"response": {"status_code": 200, "body": {"choices": []}}}


@pytest.mark.parametrize(
    "content",
    [
        {"a": RESULT, "b": RESULT},
        {"a": {"custom_id": "a", **RESULT}},
        [{"id": "x", "custom_id": "a", "response": None, "error": {"code": "batch_expired"}}],
        [{"key": "a", "error": {"code": 3, "message": "no"}}],
        base64.b64encode(json.dumps({"custom_id": "a", **RESULT}).encode()).decode(),
        json.dumps({"custom_id": "a", **RESULT}),
    ],
    ids=["by id", "by id and named", "an error", "an error of Gemini's", "base64", "a text"],
)
def test_the_results_of_a_batch_are_told_as_results_in_any_form(content: Any) -> None:
    found = read(
        content if isinstance(content, str) and content[0] != "{" else json.dumps(content), "json", models=ONE
    )
    assert found["rows"] == []
    assert "is a line of the results of a batch" in said(found)[-1][1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"error": {"message": "Not found", "code": 404}}, "what a server says of an error"),
        ({"url": "https://docs.google.com/open?id=x", "doc_id": "x", "email": "a@b"}, "link to a document"),
        ({"cells": [], "nbformat": 4, "metadata": {}}, "a notebook"),
        ([{"title": "Sky", "mapping": {}}], "a conversation with another program"),
        ([{"name": "Sky", "chat_messages": []}], "a conversation with another program"),
    ],
)
def test_an_object_that_is_something_else_is_told_and_not_asked(content: Any, told: str) -> None:
    found = read(json.dumps(content), "json", models=ONE)
    assert found["rows"] == []
    assert told in said(found)[0][1]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("url", "[InternetShortcut]\nURL=https://x.example\n", "link to a document"),
        ("webloc", '<?xml version="1.0"?>\n<!DOCTYPE plist PUBLIC "x">\n<plist/>', "link to a document"),
        ("sql", "INSERT INTO t (a) VALUES ('Why?');\n", "is SQL"),
        ("toml", '[[rows]]\nprompt = "Why?"\n', "is TOML"),
        ("py", 'prompts = ["Why?"]\n', "source of a program"),
        ("vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "holds subtitles"),
    ],
)
def test_a_text_that_is_no_table_is_told_as_what_it_is(name: str, content: str, told: str) -> None:
    with pytest.raises(Failure, match=told):
        read(content, name, models=ONE)


def test_a_comment_between_lines_of_json_is_told_and_the_rows_are_read() -> None:
    found = read('# mine\n{"prompt": "Why?"}\n// more\n{"prompt": "How?"}\n', "jsonl", models=ONE)
    assert prompts(found) == ["Why?", "How?"]
    assert said(found) == [
        (1, "This line is a comment, which is not read."),
        (3, "This line is a comment, which is not read."),
    ]


def test_an_object_without_a_prompt_says_what_it_has() -> None:
    found = read('{"kind": "x", "features": []}', "json", models=ONE)
    assert said(found) == [
        (
            1,
            'There is no prompt in this row. It has "kind", "features": say which is the prompt, or give it that name.',
        )
    ]
